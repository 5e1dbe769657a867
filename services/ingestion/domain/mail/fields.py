"""The header of a mail, read independently of MIME so that a broken body cannot change it."""

import hashlib
import re
from collections.abc import Iterator

from services.ingestion.domain.addresses import MAX_NAME_CHARS, Mailbox, parse_mailboxes
from services.ingestion.domain.charsets import decode_text
from services.ingestion.domain.mail.encoded import decode_words, parameters
from services.ingestion.domain.mail.values import MailLimits, MailRejected
from services.ingestion.domain.text import clean_line

MAX_SUBJECT_CHARS = 500
MAX_ID_CHARS = 250
MAX_REFERENCES = 50
# Of one field that tells how the sender was checked (RFC 8601).
MAX_AUTHENTICATION_CHARS = 4 * 1024

_MAX_FIELD_CHARS = 32 * 1024
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]{1,100})[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)
_RECIPIENTS = re.compile(rb"^(?:to|cc|bcc)[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_MESSAGE_ID = re.compile(r"<([^<>\s\x00-\x1f]{1,250})>")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_FINGERPRINTED = (b"from", b"date", b"subject", b"message-id")


def fingerprint(raw: bytes) -> str:
    """What makes two deliveries the same mail: From, Date, Subject, Message-ID and body, but no trace fields.

    Linear in the size and without any parsing of MIME, so that a duplicate is known before hostile work begins.
    """
    head, body = split(raw)
    digest = hashlib.sha256()
    fields = dict(reversed([(name, value) for name, value in raw_fields(head) if name in _FINGERPRINTED]))
    for name in _FINGERPRINTED:
        value = fields.get(name, b"")
        digest.update(b"%s:%d:%s\n" % (name, len(value), value))
    digest.update(body.replace(b"\r\n", b"\n").rstrip())
    return digest.hexdigest()


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Header and body, parted at the first blank line."""
    blank = _BLANK_LINE.search(raw)
    return (raw[: blank.start()], raw[blank.end() :]) if blank else (raw, b"")


def raw_fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Header fields in order: lower-case name, unfolded value. Lines that are no field are skipped."""
    for match in _FIELD.finditer(head):
        yield match[1].lower(), _FOLD.sub(b" ", match[2]).strip()


class Fields:
    """The top header, read independently of MIME so that a broken body cannot change it."""

    def __init__(self, head: bytes, limits: MailLimits) -> None:
        if len(head) > 8 * limits.header_bytes:
            raise MailRejected("header_too_large")
        if sum(found[1].count(b"@") for found in _RECIPIENTS.finditer(head)) > limits.recipients:
            raise MailRejected("too_many_recipients")
        if len(head) > limits.header_bytes:
            raise MailRejected("header_too_large")
        self._values: dict[bytes, list[bytes]] = {}
        self._charset: str | None = None
        for name, value in raw_fields(head):
            self._values.setdefault(name, []).append(value)
        # Eight-bit fields are most often in the charset of the text.
        self._charset = parameters(self.first("content-type"))[1].get("charset")

    def all(self, name: str, limit: int) -> tuple[str, ...]:
        """Every field of this name, undecoded."""
        return tuple(self._decoded(value)[:limit] for value in self._values.get(name.encode(), ()))

    def _decoded(self, value: bytes) -> str:
        return value.decode("ascii") if value.isascii() else decode_text(value, self._charset)

    def first(self, name: str, limit: int = _MAX_FIELD_CHARS) -> str:
        """The first field of this name, undecoded; empty where there is none."""
        return next(iter(self.all(name, limit)), "")

    def text(self, name: str, limit: int) -> str:
        """The first field of this name, decoded and on one line."""
        return clean_line(decode_words(self.first(name)), limit)

    def sender(self) -> Mailbox | None:
        """The one mailbox in From, else in Sender; None where neither names exactly one."""
        return self._one("from") or self._one("sender")

    def reply_to(self) -> Mailbox | None:
        """The one mailbox in Reply-To; None where it does not name exactly one."""
        return self._one("reply-to")

    def _one(self, name: str) -> Mailbox | None:
        fields = self.all(name, _MAX_FIELD_CHARS)
        found = parse_mailboxes(fields[0], limit=2) if len(fields) == 1 else ()
        if len(found) != 1:
            return None
        shown = clean_line(decode_words(found[0].name), MAX_NAME_CHARS)
        # A name that looks like an address is there to be taken for the address.
        return Mailbox(found[0].address, "" if "@" in shown and shown.lower() != found[0].address else shown)

    def message_ids(self, *names: str) -> tuple[str, ...]:
        """Message-IDs in these fields, nearest last: the last `MAX_REFERENCES`, each where it stands last.

        Of a field that is too long the end counts, for there is the parent (RFC 5322 section 3.6.4).
        """
        first = (next(iter(self._values.get(name.encode(), ())), b"") for name in names)
        fields = (self._decoded(value[-_MAX_FIELD_CHARS:]) for value in first)
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
