"""The MIME tree of a mail, walked once: its texts, its files, and what else is told by its structure."""

import re
from collections.abc import Iterable

from services.ingestion.domain.charsets import decode_text
from services.ingestion.domain.files import safe_file_name
from services.ingestion.domain.html_text import html_to_text
from services.ingestion.domain.mail import calendars
from services.ingestion.domain.mail.fields import Fields, split
from services.ingestion.domain.mail.mime import Part
from services.ingestion.domain.mail.security import security_of, without_armour
from services.ingestion.domain.mail.tnef import Tnef, is_tnef, read_tnef
from services.ingestion.domain.mail.values import MailAttachment, MailLimits, MailRejected, MailSecurity

# Beyond this the text of one part, or of all together, is left in the raw mail, and the mail says that its text is not
# all.
MAX_PART_BYTES = 512 * 1024
MAX_TEXT_BYTES = 1024 * 1024

_TNEF_TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef", "application/octet-stream"})
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([a-zA-Z0-9_:-]{2,40})", re.IGNORECASE)


class Body:
    """Walks the tree, gathering within the limits."""

    def __init__(self, limits: MailLimits, *, opens_mails: bool = True) -> None:
        self._limits = limits
        self._opens_mails = opens_mails
        self._parts = 0
        self._left = MAX_TEXT_BYTES
        self._texts: list[str] = []
        self.shown: list[tuple[bool, str]] = []
        # Whether another version of the same text was taken already, and the HTML of which no text was made for that.
        self._is_told = False
        self.untold: list[str] = []
        self.attachments: list[MailAttachment] = []
        # What is told of the mail besides its text, in lines for people.
        self.notes: list[str] = []
        self.security: MailSecurity | None = None
        self.delivery_report = self.is_report = False
        self.truncated = False

    def text(self) -> str:
        """All readable text, blocks separated by a blank line."""
        return "\n\n".join(text.strip("\r\n") for text in self._texts if text.strip())

    def collect(self, part: Part, *, depth: int) -> None:
        """Take what `part` holds. Raises MailRejected beyond the limits."""
        self._parts += 1
        if depth > self._limits.depth:
            raise MailRejected("nested_too_deep")
        if self._parts > self._limits.parts:
            raise MailRejected("too_many_parts")
        if part.content_type in {"message/delivery-status", "multipart/report"}:
            self.is_report = True
            self.delivery_report = self.delivery_report or part.report_type in {"", "delivery-status"}
        self._note_security(security_of(part))
        if part.content_type in {"message/delivery-status", "text/rfc822-headers"}:
            return  # fields for machines; the first part of the report tells the same to people
        if part.is_multipart and not self._collect_all(part, depth):
            self._text(part, is_html=False)
        elif part.content_type in {"message/rfc822", "message/global"}:
            self._mail(part, depth)
        elif not part.is_multipart:
            self._leaf(part)

    def _collect_all(self, part: Part, depth: int) -> bool:
        """Take the parts of a multipart; false where it has none."""
        parts = self._bounded(part.parts())
        if part.content_type == "multipart/alternative":
            self._collect_one_of(parts, depth)
        else:
            for each in parts:
                self.collect(each, depth=depth + 1)
        return bool(parts)

    def _bounded(self, parts: Iterable[Part]) -> list[Part]:
        """The parts. Raises MailRejected as soon as they are too many."""
        found: list[Part] = []
        for part in parts:
            if self._parts + len(found) > self._limits.parts:
                raise MailRejected("too_many_parts")
            found.append(part)
        return found

    def _collect_one_of(self, parts: list[Part], depth: int) -> None:
        # Versions of one text: the plain one where it says anything, else what comes next; files are kept from all.
        # What a mail program would show is the one with HTML.
        chosen: list[str] = []
        shown: list[tuple[bool, str]] = []
        before, shown_before, was_told = self._texts, self.shown, self._is_told
        for part in sorted(parts, key=lambda each: each.content_type != "text/plain"):
            self._texts, self.shown = [], []
            self.collect(part, depth=depth + 1)
            if not any(text.strip() for text in chosen):
                chosen = self._texts
                self._is_told = was_told or any(text.strip() for text in chosen)
            if not any(is_html for is_html, _ in shown):
                shown = self.shown or shown
        self._texts, self.shown, self._is_told = before + chosen, shown_before + shown, was_told

    def _leaf(self, part: Part) -> None:
        is_file = part.is_attached or bool(part.file_name)
        if part.content_type in {"text/plain", "text/html"} and not is_file:
            self._text(part, is_html=part.content_type == "text/html")
        elif part.content_type == "text/calendar":
            data = part.data()
            if line := calendars.told(decode_text(data[:MAX_PART_BYTES], part.charset or "utf-8"), part.method):
                self.notes.append(f"[{line}]")
            self._attach(part.file_name or "invitation.ics", data, part.content_id)
        elif is_file or part.start < part.end:
            data = part.data()
            if part.content_type in _TNEF_TYPES and is_tnef(data):
                self._tnef(read_tnef(data), data)
            else:
                self._attach(part.file_name, data, part.content_id)

    def _mail(self, part: Part, depth: int) -> None:
        """Attach a mail that is in this one, whole, and the files in it beside it."""
        data = part.data()
        name = part.file_name
        try:
            fields = Fields(split(data)[0], self._limits)
        except MailRejected:
            self._attach(name, data, part.content_id, suffix=".eml")
            return
        subject = fields.text("subject", 100)
        self._attach(name or (f"{subject}.eml" if subject else ""), data, part.content_id, suffix=".eml")
        if self.is_report or not self._opens_mails:
            return
        inner = Body(self._limits, opens_mails=False)
        try:
            inner.collect(Part(data, 0, len(data)), depth=depth + 1)
        except MailRejected:
            return  # it is attached all the same
        room = self._limits.attachments - len(self.attachments)
        self.attachments.extend([each for each in inner.attachments if not each.name.lower().endswith(".eml")][:room])

    def _tnef(self, tnef: Tnef, data: bytes) -> None:
        if not self._is_told and not self.text() and (tnef.text or tnef.html):
            whole = tnef.text or html_to_text(tnef.html[:MAX_PART_BYTES])[0]
            self._texts.append(whole[: self._left])
            self._left -= min(len(whole), self._left)
            self.truncated = self.truncated or len(whole) > self._left
        for name, content in tnef.files:
            self._attach(name, content, "")
        if not tnef.files and not tnef.text and not tnef.html:
            self._attach("winmail.dat", data, "")

    def _note_security(self, security: MailSecurity | None) -> None:
        if security is not None:
            before = self.security or security
            signed, encrypted = before.signed or security.signed, before.encrypted or security.encrypted
            self.security = MailSecurity(before.scheme, signed=signed, encrypted=encrypted)

    def _text(self, part: Part, *, is_html: bool) -> None:
        limit = min(MAX_PART_BYTES, self._left)
        data = part.data(limit)
        self.truncated = self.truncated or len(data) > limit or part.end - part.start > 4 * limit
        data = data[:limit]
        self._left -= len(data)
        charset = part.charset
        if charset is None and is_html and (named := _META_CHARSET.search(data[:2048])):
            charset = named[1].decode("ascii")
        text, security = without_armour(decode_text(data, charset))
        self._note_security(security)
        self.shown.append((is_html, text))
        if is_html and self._is_told:
            self.untold.append(text)
            return
        if is_html:
            text, is_whole = html_to_text(text)
            self.truncated = self.truncated or not is_whole
        self._texts.append(text)

    def _attach(self, name: str, data: bytes, content_id: str, *, suffix: str = "") -> None:
        if len(self.attachments) >= self._limits.attachments:
            raise MailRejected("too_many_attachments")
        fallback = f"attachment-{len(self.attachments) + 1}{suffix}"
        self.attachments.append(MailAttachment(safe_file_name(name or fallback, fallback), data, content_id))
