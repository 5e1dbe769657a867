"""Writing a reply as mail. Every header value is checked here, once, whatever it was made from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from services.ingestion.domain.addresses import Mailbox, normalise_address
from services.ingestion.domain.text import clean_line

MAX_REFERENCES = 20

_ID = re.compile(r"[!-;=?-~]{1,250}")  # visible ASCII but for the angle brackets
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
    """What a reply consists of. Message-IDs are without angle brackets; `references` is oldest first."""

    message_id: str
    sender: Mailbox
    recipient: Mailbox
    reply_to: str
    subject: str
    ticket_number: int
    text: str
    written_at: datetime
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    attachments: Sequence[OutgoingAttachment] = ()


def compose(mail: OutgoingMail) -> EmailMessage:
    """The message as it goes out. The same input gives the same Message-ID, at every attempt.

    Raises Undeliverable when an address or id is not what it should be.
    """
    message = EmailMessage(policy=_POLICY)
    message["Message-ID"] = f"<{_checked_id(mail.message_id)}>"
    message["Date"] = format_datetime(mail.written_at)
    message["From"] = _address(mail.sender)
    message["To"] = _address(mail.recipient)
    message["Reply-To"] = _address(Mailbox(mail.reply_to, mail.sender.name))
    message["Subject"] = reply_subject(mail.subject, mail.ticket_number)
    if mail.in_reply_to and _ID.fullmatch(mail.in_reply_to) and "@" in mail.in_reply_to:
        message["In-Reply-To"] = f"<{mail.in_reply_to}>"
    if chain := [each for each in mail.references if _ID.fullmatch(each)]:
        message["References"] = " ".join(f"<{each}>" for each in _bounded(chain))
    message.set_content(mail.text + "\n")
    _check_fields(message)
    for attachment in mail.attachments:
        kind, _, subkind = attachment.content_type.partition("/")
        if kind in {"message", "multipart"} or not subkind:  # whose content may not be base64
            kind, subkind = "application", "octet-stream"
        message.add_attachment(attachment.data, maintype=kind, subtype=subkind, filename=attachment.name)
    return message


def reply_subject(subject: str, ticket_number: int) -> str:
    """`Re: subject [#number]` on one line, with each part only once."""
    line = _plain(subject, 400)
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
    try:
        domain = mailbox.domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Undeliverable("domain") from error
    return Address(display_name=_plain(mailbox.name, 200), username=mailbox.local, domain=domain)
