"""Raw mail (RFC 5322, MIME) to what the desk needs of it. Pure: bytes in, values out.

Every message is hostile. Structure is bounded here; processor time and memory are bounded by the process this runs in.
"""

import hashlib
import re
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from enum import StrEnum
from typing import Any

from services.ingestion.domain.addresses import MAX_NAME_CHARS, Mailbox, parse_mailboxes
from services.ingestion.domain.files import safe_file_name
from services.ingestion.domain.mail_text import decode_text, html_to_text, newest_reply
from services.ingestion.domain.text import clean_line, clean_text

MAX_SUBJECT_CHARS = 500
MAX_ID_CHARS = 250
MAX_REFERENCES = 50
# Of one field that tells how the sender was checked (RFC 8601).
MAX_AUTHENTICATION_CHARS = 4 * 1024
# Beyond this the text of one part is left in the raw mail, and the mail says that its text is not all.
MAX_PART_BYTES = 512 * 1024

_MAX_FIELD_CHARS = 32 * 1024
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]{1,100})[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_MESSAGE_ID = re.compile(r"<([^<>\s\x00-\x1f]{1,250})>")
_TICKET_TAG = re.compile(r"\[#(\d{1,12})\]")
_REPLY_SUBJECT = re.compile(
    r"^\s*(re|aw|sv|antw|odp|vs|ynt|rv|res|rif|回复|答复|返信)\s*(\[\d+\])?\s*[:：]", re.IGNORECASE
)
_NO_REPLY = re.compile(r"(^|[._-])(no|do-?not)[._-]?reply([._+-]|$)|^(mailer-daemon|postmaster|bounces?)$")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_FINGERPRINTED = (b"from", b"date", b"subject", b"message-id")


class MailKind(StrEnum):
    """What sort of message this is, from its headers (RFC 3834, RFC 3464).

    `LIST` went out to many or through a list (RFC 2369, RFC 2919): written by a machine, or by a person who is in one.
    """

    PERSONAL = "personal"
    AUTO_REPLY = "auto_reply"
    AUTOMATIC = "automatic"
    LIST = "list"
    DELIVERY_REPORT = "delivery_report"


@dataclass(frozen=True, slots=True)
class MailLimits:
    """Bounds of structure. Whatever goes beyond them is quarantined, not shortened in silence."""

    header_bytes: int = 256 * 1024
    boundary_lines: int = 50_000
    recipients: int = 500
    depth: int = 20
    parts: int = 500
    attachments: int = 50


class MailRejected(Exception):
    """The mail is outside the bounds. `reason` is a stable word for quarantine lists."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class MailAttachment:
    """A file in a mail, with its sanitised name."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """What the desk needs of a mail. All text is clean; ids come without angle brackets.

    `text` is what the sender wrote now, `references` what it answers (nearest last), `delivered_to` every address that
    may hold a reply token, and `authentication_results` the fields of that name, topmost first (RFC 8601).
    """

    sender: Mailbox | None
    subject: str
    text: str
    text_truncated: bool = False
    kind: MailKind = MailKind.PERSONAL
    message_id: str | None = None
    references: tuple[str, ...] = ()
    delivered_to: tuple[str, ...] = ()
    authentication_results: tuple[str, ...] = ()
    ticket_number: int | None = None
    language: str | None = None
    attachments: tuple[MailAttachment, ...] = ()

    @property
    def from_machine_address(self) -> bool:
        """Whether nobody reads what is sent back to the sender."""
        return self.sender is not None and bool(_NO_REPLY.search(self.sender.local))


def fingerprint(raw: bytes) -> str:
    """What makes two deliveries the same mail: From, Date, Subject, Message-ID and body, but no trace fields.

    Linear in the size and without any parsing of MIME, so that a duplicate is known before hostile work begins.
    """
    head, body = _split(raw)
    digest = hashlib.sha256()
    fields = dict(reversed([(name, value) for name, value in _raw_fields(head) if name in _FINGERPRINTED]))
    for name in _FINGERPRINTED:
        value = fields.get(name, b"")
        digest.update(b"%s:%d:%s\n" % (name, len(value), value))
    digest.update(body.replace(b"\r\n", b"\n").rstrip())
    return digest.hexdigest()


def parse_mail(raw: bytes, limits: MailLimits = MailLimits(), *, strip_quotes: bool = True) -> ParsedMail:
    """Read one mail. Raises MailRejected when it is outside `limits`, and nothing else, whatever the bytes.

    With `strip_quotes`, the text of a reply comes without quotation and signature.
    """
    head, _ = _split(raw)
    fields = _Fields(head, limits)
    if raw.count(b"\n--") > limits.boundary_lines:
        raise MailRejected("too_many_parts")
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(raw)
        body = _Body(limits)
        body.collect(message, depth=0)
    except RecursionError as error:
        raise MailRejected("nested_too_deep") from error
    subject = fields.text("subject", MAX_SUBJECT_CHARS)
    references = fields.message_ids("references", "in-reply-to")
    text = clean_text(body.text())
    if strip_quotes and (references or _REPLY_SUBJECT.match(subject)):
        text = newest_reply(text)
    tag = _TICKET_TAG.search(subject)
    return ParsedMail(
        sender=fields.sender(),
        subject=subject,
        text=text,
        text_truncated=body.truncated,
        kind=_kind(fields, body),
        message_id=next(iter(fields.message_ids("message-id")), None),
        references=references,
        delivered_to=fields.addresses("to", "cc", "delivered-to", "x-original-to", "envelope-to"),
        authentication_results=fields.all("authentication-results", MAX_AUTHENTICATION_CHARS)[:5],
        ticket_number=int(tag[1]) if tag else None,
        language=fields.language(),
        attachments=tuple(body.attachments),
    )


def _split(raw: bytes) -> tuple[bytes, bytes]:
    """Header and body, parted at the first blank line."""
    blank = _BLANK_LINE.search(raw)
    return (raw[: blank.start()], raw[blank.end() :]) if blank else (raw, b"")


def _raw_fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Header fields in order: lower-case name, unfolded value. Lines that are no field are skipped."""
    for match in _FIELD.finditer(head):
        yield match[1].lower(), _FOLD.sub(b" ", match[2]).strip()


class _Fields:
    """The top header, read independently of MIME so that a broken body cannot change it."""

    def __init__(self, head: bytes, limits: MailLimits) -> None:
        if len(head) > 8 * limits.header_bytes:
            raise MailRejected("header_too_large")
        self._values: dict[str, list[str]] = {}
        recipients = 0
        for name, value in _raw_fields(head):
            if name in {b"to", b"cc", b"bcc"}:
                recipients += value.count(b"@")
            self._values.setdefault(name.decode("ascii"), []).append(decode_text(value, None))
        if recipients > limits.recipients:
            raise MailRejected("too_many_recipients")
        if len(head) > limits.header_bytes:
            raise MailRejected("header_too_large")

    def all(self, name: str, limit: int) -> tuple[str, ...]:
        """Every field of this name, undecoded."""
        return tuple(value[:limit] for value in self._values.get(name, ()))

    def first(self, name: str, limit: int = _MAX_FIELD_CHARS) -> str:
        """The first field of this name, undecoded; empty where there is none."""
        return next(iter(self.all(name, limit)), "")

    def text(self, name: str, limit: int) -> str:
        """The first field of this name, decoded and on one line."""
        return clean_line(decode_words(self.first(name)), limit)

    def sender(self) -> Mailbox | None:
        """The one mailbox in From, else in Sender; None where neither names exactly one."""
        for name in ("from", "sender"):
            fields = self.all(name, _MAX_FIELD_CHARS)
            found = parse_mailboxes(fields[0], limit=2) if len(fields) == 1 else ()
            if len(found) == 1:
                shown = clean_line(decode_words(found[0].name), MAX_NAME_CHARS)
                # A name that looks like an address is there to be taken for the address.
                return Mailbox(found[0].address, "" if "@" in shown and shown.lower() != found[0].address else shown)
        return None

    def message_ids(self, *names: str) -> tuple[str, ...]:
        """Message-IDs in these fields, nearest last: the last `MAX_REFERENCES`, each where it stands last.

        Of a field that is too long the end counts, for there is the parent (RFC 5322 section 3.6.4).
        """
        fields = (next(iter(self._values.get(name, ())), "")[-_MAX_FIELD_CHARS:] for name in names)
        found = [clean_line(each, MAX_ID_CHARS) for value in fields for each in _MESSAGE_ID.findall(value)]
        return tuple(dict.fromkeys(reversed(found)))[:MAX_REFERENCES][::-1]

    def addresses(self, *names: str) -> tuple[str, ...]:
        """Addresses in all fields of these names; a field that is unclear gives none."""
        fields = [value for name in names for value in self.all(name, _MAX_FIELD_CHARS)]
        found = [mailbox.address for value in fields for mailbox in parse_mailboxes(value, limit=100)]
        return tuple(dict.fromkeys(found))[:100]

    def language(self) -> str | None:
        """The one language in Content-Language (RFC 3282)."""
        value = self.first("content-language", 100).strip()
        return value if _LANGUAGE.fullmatch(value) else None


def decode_words(value: str) -> str:
    """RFC 2047 encoded words decoded as far as they can be; the rest stays as it stands."""
    try:
        chunks = decode_header(value)
    except (HeaderParseError, Base64Error, ValueError, IndexError):
        return value
    return "".join(
        decode_text(chunk, charset) if isinstance(chunk, bytes) and charset else _undecoded(chunk)
        for chunk, charset in chunks
    )


def _undecoded(chunk: bytes | str) -> str:
    """`decode_header` gives plain runs as raw-unicode-escape bytes once there is an encoded word beside them."""
    if isinstance(chunk, str):
        return chunk
    try:
        return chunk.decode("raw-unicode-escape")
    except UnicodeDecodeError:
        return chunk.decode("latin-1")


def _kind(fields: _Fields, body: "_Body") -> MailKind:
    automatic = fields.first("auto-submitted", 200).strip().lower()
    precedence = fields.first("precedence", 100).strip().lower()
    null_sender = (
        fields.first("return-path", 200).strip() == "<>" or fields.first("x-envelope-from", 200).strip() == "<>"
    )
    if body.delivery_report or (null_sender and not automatic.startswith("auto-replied")):
        return MailKind.DELIVERY_REPORT
    if automatic.startswith("auto-replied") or precedence == "auto_reply" or fields.first("x-autoreply", 10):
        return MailKind.AUTO_REPLY
    if automatic and not automatic.startswith("no"):
        return MailKind.AUTOMATIC
    if precedence in {"bulk", "list", "junk"} or fields.first("list-id", 10) or fields.first("list-unsubscribe", 10):
        return MailKind.LIST
    return MailKind.PERSONAL


class _Body:
    """Walks the MIME tree once, gathering text and attachments within the limits."""

    def __init__(self, limits: MailLimits) -> None:
        self._limits = limits
        self._parts = 0
        self._texts: list[str] = []
        self.attachments: list[MailAttachment] = []
        self.delivery_report = False
        self.truncated = False

    def text(self) -> str:
        """All readable text, blocks separated by a blank line."""
        return "\n\n".join(text.strip("\r\n") for text in self._texts if text.strip())

    def collect(self, part: "Message[Any, Any]", *, depth: int) -> None:
        """Take what `part` holds. Raises MailRejected beyond the limits."""
        self._parts += 1
        if depth > self._limits.depth:
            raise MailRejected("nested_too_deep")
        if self._parts > self._limits.parts:
            raise MailRejected("too_many_parts")
        _repair_parameters(part)
        content_type = part.get_content_type()
        if content_type in {"message/delivery-status", "multipart/report"}:
            report_type = str(part.get_param("report-type") or "delivery-status").lower()
            self.delivery_report = self.delivery_report or report_type == "delivery-status"
        # Asked for a leaf's payload, `email` would decode it with whatever charset is declared.
        payload = part.get_payload() if part.is_multipart() else None
        if content_type == "message/delivery-status" and isinstance(payload, list):
            return  # fields for machines; the first part of the report tells the same to people
        if part.get_content_maintype() == "message" and isinstance(payload, list):
            self._attach(part, b"\n".join(_serialised(inner) for inner in payload), ".eml")
        elif isinstance(payload, list):
            self._collect_all(payload, content_type, depth)
        else:
            self._leaf(part, content_type)

    def _collect_all(self, parts: list[Any], content_type: str, depth: int) -> None:
        if content_type != "multipart/alternative":
            for part in parts:
                self.collect(part, depth=depth + 1)
            return
        # Versions of one text: the plain one where it says anything, else what comes next; files are kept from all.
        chosen: list[str] = []
        before = self._texts
        for part in sorted(parts, key=lambda each: each.get_content_type() != "text/plain"):
            self._texts = []
            self.collect(part, depth=depth + 1)
            if not any(text.strip() for text in chosen):
                chosen = self._texts
        self._texts = before + chosen

    def _leaf(self, part: "Message[Any, Any]", content_type: str) -> None:
        data = _decoded(part)
        disposition = str(part.get("content-disposition") or "").strip().lower()
        is_file = bool(_file_name(part)) or disposition.startswith("attachment")
        if content_type in {"text/plain", "text/html"} and not is_file:
            self.truncated = self.truncated or len(data) > MAX_PART_BYTES
            text = decode_text(data[:MAX_PART_BYTES], _declared_charset(part))
            self._texts.append(html_to_text(text) if content_type == "text/html" else text)
        elif content_type == "text/rfc822-headers" or (not data and not is_file):
            return
        else:
            self._attach(part, data, "")

    def _attach(self, part: "Message[Any, Any]", data: bytes, suffix: str) -> None:
        if len(self.attachments) >= self._limits.attachments:
            raise MailRejected("too_many_attachments")
        fallback = f"attachment-{len(self.attachments) + 1}{suffix}"
        self.attachments.append(MailAttachment(safe_file_name(_file_name(part) or fallback, fallback), data))


def _repair_parameters(part: "Message[Any, Any]") -> None:
    """Decode raw eight-bit file names, which RFC 2045 forbids and many programs write."""
    for name in ("Content-Type", "Content-Disposition"):
        value = next((value for key, value in part.raw_items() if key.lower() == name.lower()), "")
        if isinstance(value, str) and not value.isascii():
            part.replace_header(name, decode_text(value.encode("utf-8", "surrogateescape"), None))


def _serialised(message: Any) -> bytes:
    """An attached message as bytes again; what cannot be written any more is left out."""
    try:
        return bytes(message.as_bytes(policy=policy.compat32))
    except (ValueError, LookupError, TypeError, AttributeError):
        return b""


def _decoded(part: "Message[Any, Any]") -> bytes:
    """The part's bytes without transfer encoding, as far as that can be undone."""
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        data = None
    if isinstance(data, bytes):
        return data
    return b""


def _declared_charset(part: "Message[Any, Any]") -> str | None:
    try:
        charset = part.get_param("charset")
    except (ValueError, LookupError):
        return None
    return charset[2] if isinstance(charset, tuple) else charset


def _file_name(part: "Message[Any, Any]") -> str:
    try:
        return decode_words(str(part.get_filename() or ""))
    except (ValueError, LookupError, TypeError):
        return ""
