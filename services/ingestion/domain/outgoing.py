"""Writing a reply as mail. Every header value is checked here, once, whatever it was made from."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Literal

from services.ingestion.domain.addresses import Mailbox, normalise_address
from services.ingestion.domain.identities import Identities
from services.ingestion.domain.text import clean_line
from shared.domains import domain_name

MAX_REFERENCES = 20
MAX_SUBJECT_CHARS = 400
MAX_FILE_NAME_CHARS = 255

_ID = re.compile(r"[!-;=?-~]{1,250}")  # visible ASCII but for the angle brackets
_TYPE = re.compile(r"[a-z0-9-]{1,30}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_REPLY_PREFIX = re.compile(r"^\s*re\s*:", re.IGNORECASE)


class Undeliverable(ValueError):
    """The mail cannot be written: an address or id would not stay inside its header field, or needs SMTPUTF8."""


class _IdPolicy(EmailPolicy):
    """Python's policy, but ids stay whole.

    It would write a Message-ID that is longer than a line as encoded words (bpo-35805), and break the thread.
    """

    def fold(self, name: str, value: str) -> str:
        if name in {"Message-ID", "In-Reply-To", "References"}:
            return f"{name}: " + f"{self.linesep} ".join(str(value).split()) + self.linesep
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii")


_POLICY = _IdPolicy(linesep="\r\n", cte_type="7bit")


@dataclass(frozen=True, slots=True)
class OutgoingAttachment:
    """A file to send."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """What a mail consists of. Message-IDs are without angle brackets; `references` is oldest first.

    It is a reply where there is a `ticket_number`, which is then in the subject.

    `html` is what `text` was made from, if anything; mail programs show it in its place. `cc` get the same mail.
    `automatic` is the keyword of RFC 3834 section 5 for what no person wrote.
    """

    message_id: str
    sender: Mailbox
    recipient: Mailbox
    reply_to: str | None
    subject: str
    ticket_number: int | None
    text: str
    written_at: datetime
    html: str | None = None
    cc: Sequence[str] = ()
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    attachments: Sequence[OutgoingAttachment] = ()
    automatic: Literal["auto-replied", "auto-generated"] | None = None


def compose(mail: OutgoingMail) -> EmailMessage:
    """The message as it goes out. The same input gives the same Message-ID, at every attempt.

    Raises Undeliverable when an address or id is not what it should be.
    """
    message = EmailMessage(policy=_POLICY)
    message["Message-ID"] = f"<{_checked_id(mail.message_id)}>"
    message["Date"] = format_datetime(mail.written_at)
    message["From"] = _address(mail.sender)
    message["To"] = _address(mail.recipient)
    if mail.cc:
        message["Cc"] = [_address(Mailbox(address)) for address in mail.cc]
    if mail.reply_to is not None:
        message["Reply-To"] = _address(Mailbox(mail.reply_to, mail.sender.name))
    message["Subject"] = (
        _plain(mail.subject, MAX_SUBJECT_CHARS)
        if mail.ticket_number is None
        else reply_subject(mail.subject, mail.ticket_number)
    )
    if mail.in_reply_to and _ID.fullmatch(mail.in_reply_to) and "@" in mail.in_reply_to:
        message["In-Reply-To"] = f"<{mail.in_reply_to}>"
    # The last one is taken for what this answers (RFC 5322 section 3.6.4).
    ids = [each for each in mail.references if each != mail.in_reply_to]
    if chain := [each for each in (*ids, mail.in_reply_to) if each and _ID.fullmatch(each)]:
        message["References"] = " ".join(f"<{each}>" for each in _bounded(chain))
    if mail.automatic is not None:
        message["Auto-Submitted"] = mail.automatic
        # What Exchange looks at instead.
        message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text + "\n")
    if mail.html is not None:
        page = f'<!doctype html><html><head><meta charset="utf-8"></head><body>{mail.html}</body></html>\n'
        message.add_alternative(page, subtype="html")
    _check_fields(message)
    for attachment in mail.attachments:
        kind, _, subkind = attachment.content_type.partition("/")
        # The content of the first two may not be base64.
        if kind in {"message", "multipart"} or not _TYPE.fullmatch(attachment.content_type):
            kind, subkind = "application", "octet-stream"
        name = _plain(attachment.name, MAX_FILE_NAME_CHARS)
        message.add_attachment(attachment.data, maintype=kind, subtype=subkind, filename=name)
    return message


def envelope(message: EmailMessage) -> list[str]:
    """The addresses that a mail goes to as they stand in it: first the recipient, then who gets a copy."""
    return [str(address.addr_spec) for name in ("To", "Cc") if message[name] for address in message[name].addresses]


def copies(cc: Iterable[str], *, recipient: str | None, own: Identities) -> tuple[list[str], list[str]]:
    """Who of `cc` gets a copy, each address once, and what of `cc` mail cannot be written to.

    Not the recipient, and not the desk itself, be it by a reply address: it would answer itself.
    """
    writable: dict[str, None] = {}
    unwritable: dict[str, None] = {}
    for text in cc:
        address = Mailbox(normalise_address(text) or text)
        if address.address == recipient:
            continue
        try:
            _address(address)
        except Undeliverable:
            unwritable[text] = None
        else:
            if own.of_address(address.address) is None:
                writable[address.address] = None
    return list(writable), list(unwritable)


def reply_subject(subject: str, ticket_number: int) -> str:
    """`Re: subject [#number]` on one line, with each part only once."""
    line = _plain(subject, MAX_SUBJECT_CHARS)
    tag = f"[#{ticket_number}]"
    if tag not in line:
        line = f"{line} {tag}".strip()
    return line if _REPLY_PREFIX.match(line) else f"Re: {line}"


def _plain(text: str, limit: int) -> str:
    """Text for a header, on one line and without encoded words.

    Python decodes those when a value is set: one with an encoded line break would be written as one (CVE-2024-6923).
    """
    return clean_line(text, limit).replace("=?", "= ?")


def _check_fields(message: EmailMessage) -> None:
    """Raise Undeliverable unless the written header has exactly the fields that were set."""
    head = bytes(message).partition(b"\r\n\r\n")[0]
    written = [line.partition(b":")[0].decode("ascii") for line in head.split(b"\r\n") if line[:1] not in {b" ", b"\t"}]
    if written != list(message.keys()):
        raise Undeliverable("header")


def _bounded(chain: Sequence[str]) -> Sequence[str]:
    """The first reference and the last ones (RFC 5322 section 3.6.4 keeps the root; RFC 5537 section 3.4.4 the cut)."""
    return chain if len(chain) <= MAX_REFERENCES else [chain[0], *chain[-MAX_REFERENCES + 1 :]]


def _checked_id(message_id: str) -> str:
    if not _ID.fullmatch(message_id):
        raise Undeliverable("message id")
    return message_id


def _address(mailbox: Mailbox) -> Address:
    if normalise_address(mailbox.address) != mailbox.address or not mailbox.local.isascii():
        raise Undeliverable("address")
    domain = domain_name(mailbox.domain)
    if not domain.isascii():
        raise Undeliverable("domain")
    # Compatibility characters become others: a full-width comma would end the address.
    if normalise_address(f"{mailbox.local}@{domain}") is None:
        raise Undeliverable("domain")
    return Address(display_name=_plain(mailbox.name, 200), username=mailbox.local, domain=domain)
