"""What is read out of a mail, and within which bounds."""

import re
from dataclasses import dataclass, field
from typing import Literal

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.automatic import MailKind
from services.ingestion.domain.bounces import MailReport

# What a mail may hold once it is decrypted: compression hides its size.
MAX_OPENED_BYTES = 25 * 1024 * 1024

_NO_REPLY = re.compile(r"(^|[._-])(no|do-?not)[._-]?reply([._+-]|$)|^(mailer-daemon|postmaster|bounces?)$")


@dataclass(frozen=True, slots=True)
class MailLimits:
    """Bounds of structure. Whatever goes beyond them is quarantined, not shortened in silence."""

    header_bytes: int = 256 * 1024
    boundary_lines: int = 50_000
    recipients: int = 500
    depth: int = 20
    parts: int = 500
    attachments: int = 200


class MailRejected(Exception):
    """The mail is outside the bounds. `reason` is a stable word for quarantine lists."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class MailAttachment:
    """A file in a mail, with its sanitised name, and the id by which the mail's HTML may show it (RFC 2392)."""

    name: str
    data: bytes = field(repr=False)
    content_id: str = ""


# What a signature is worth. `partial` is of a part of a mail, `unchecked` by means that are not known here.
SignatureState = Literal["valid", "altered", "unknown_key", "expired", "wrong_address", "partial", "unchecked"]


@dataclass(frozen=True, slots=True)
class SignatureOf:
    """What a signature is worth, and whose it is: the address and the fingerprint (hex) of the key, where known."""

    state: SignatureState
    signer: str = ""
    fingerprint: str = ""

    def but(self, state: SignatureState) -> "SignatureOf":
        """The same signature, worth this."""
        return SignatureOf(state, self.signer, self.fingerprint)


class ClosedError(Exception):
    """An encrypted mail stays closed. `reason` is a stable word; see `MailSecurity.problem`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class MailSecurity:
    """That a mail was signed or encrypted, by `smime` or `pgp`, and what came of looking at it with the desk's keys.

    Where it was encrypted and not `decrypted`, `problem` says why: `no_key`, `damaged`, `unsupported`, `not_whole`
    (something that is not encrypted is beside it), `nested`, `out_of_bounds`; empty where nobody tried.
    """

    scheme: str
    signed: bool
    encrypted: bool
    decrypted: bool = False
    problem: str = ""
    signature: SignatureOf | None = None


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """What the desk needs of a mail. All text is clean; ids come without angle brackets.

    `text` is what the sender wrote now, `references` what it answers (nearest last), `delivered_to` every address
    that may hold a reply token, `written_to` those in To and Cc, and `authentication_results` the fields of that
    name, topmost first (RFC 8601). `parts` are the texts that a mail program would show, each with whether it is
    HTML, as they came. `report` is what a mail system tells of a mail that we sent. `evidence` is the sign that
    told the kind (a stable word), `quoted` says that a quotation or a signature was left out of `text`, and
    `forwarded_from` is whom a mail that is passed on says it is from, and `reply_to` who is to be answered in place of
    the sender: both prove nothing.
    `security` is whether it is signed or encrypted, and by whom.
    """

    sender: Mailbox | None
    subject: str
    text: str
    text_truncated: bool = False
    kind: MailKind = MailKind.PERSONAL
    message_id: str | None = None
    references: tuple[str, ...] = ()
    delivered_to: tuple[str, ...] = ()
    written_to: tuple[str, ...] = ()
    authentication_results: tuple[str, ...] = ()
    ticket_number: int | None = None
    language: str | None = None
    attachments: tuple[MailAttachment, ...] = ()
    parts: tuple[tuple[bool, str], ...] = field(default=(), repr=False)
    report: MailReport | None = None
    evidence: str = ""
    quoted: bool = False
    forwarded_from: Mailbox | None = None
    reply_to: Mailbox | None = None
    security: MailSecurity | None = None

    @property
    def from_machine_address(self) -> bool:
        """Whether nobody reads what is sent back to the sender."""
        return self.sender is not None and bool(_NO_REPLY.search(self.sender.local))
