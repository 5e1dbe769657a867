"""Reports about mail that we sent: that it did not arrive (RFC 3464, RFC 6533), or that it was unwelcome (RFC 5965).

What a report says is a stranger's word. It only counts for a message whose Message-ID or return path it knows, which
carry a tag that nobody else can make: see `tokens`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from enum import StrEnum
from typing import Any

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.text import clean_line

MAX_REASON_CHARS = 300
# How long nobody is written to whose mailbox was full, or whose server did not like this one mail.
SOFT_FOR = timedelta(days=3)

_MAX_PARTS = 50
_MAX_RECIPIENTS = 50
_MAX_IDS = 10
_MAX_TEXT_CHARS = 64 * 1024
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_SMTP_CODE = re.compile(r"(?<![\d.-])[45]\d\d(?=[\s-])")
# Replies (RFC 5321, RFC 7504) that say there is no such address; the others are about this mail, or full mailboxes.
_GONE_CODES = frozenset({"521", "550", "551", "553", "556"})
_MESSAGE_ID = re.compile(r"^[ \t>]{0,4}message-id:\s*<([^<>\s]{1,250})>", re.IGNORECASE | re.MULTILINE)
_ANGLE = re.compile(r"<([^<>\s@]{1,64}@[^<>\s@]{1,190})>|(?<![\w.+@-])([\w.+-]{1,64}@[\w.-]{1,190}\w)")
# Where a report that is only text begins to quote what it is about.
_RETURNED = re.compile(
    r"^[ \t>-]*(?:original message|below this line is|included is a copy|return-path:|received:|mime-version:|from:)",
    re.IGNORECASE | re.MULTILINE,
)
_STILL_TRYING = re.compile(
    r"\b(delayed|warning|still (?:being )?(?:trying|undelivered)|will (?:keep|continue|be) )", re.IGNORECASE
)
_FIELD_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_PARTS = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})
# Enhanced codes (RFC 3463) that tell of a state that passes, or of this one mail, and not of the address: its sender,
# mailbox full or not taking mail now, the far system, the way there, how it was said, the content, policy.
_SOFT = re.compile(r"5\.(1\.[78]|2\.[0-4]|3\.\d+|4\.\d+|5\.[1-9]\d*|6\.\d+|7\.\d+)")


class BounceKind(StrEnum):
    """What a report means. Only the first three say that a message did not arrive.

    `PERMANENT`: there is no such address. `SOFT`: refused for good, for a reason that may pass. `TRANSIENT`: given up
    on after trying. `DELAYED` is still being tried, `COMPLAINT` arrived and was unwelcome, `ARRIVED` needs nothing.
    """

    PERMANENT = "permanent"
    SOFT = "soft"
    TRANSIENT = "transient"
    DELAYED = "delayed"
    COMPLAINT = "complaint"
    ARRIVED = "arrived"


@dataclass(frozen=True, slots=True)
class Bounce:
    """One report about one recipient. `addresses` are all names the report has for it, the most trusted first.

    `mail_ids` are Message-IDs it may be about, `return_paths` addresses that the report was sent to. `is_vouched` says
    that a provider told, and proved who it is: then it counts for the address even where no message is known.
    """

    kind: BounceKind
    addresses: tuple[str, ...]
    mail_ids: tuple[str, ...] = ()
    return_paths: tuple[str, ...] = ()
    status: str | None = None
    reason: str = ""
    is_vouched: bool = False


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What a report says of one recipient: addresses (empty where it has none), action, status and diagnostic."""

    final: str
    original: str
    action: str
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class MailReport:
    """A mail that is a report, as plain values. `mail_ids` are of the message it returns."""

    is_complaint: bool
    recipients: tuple[RecipientReport, ...]
    mail_ids: tuple[str, ...]

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "MailReport":
        """The report that `dataclasses.asdict` made `fields` of."""
        return cls(
            is_complaint=fields["is_complaint"],
            recipients=tuple(RecipientReport(**each) for each in fields["recipients"]),
            mail_ids=tuple(fields["mail_ids"]),
        )

    def bounces(self, return_paths: tuple[str, ...]) -> list[Bounce]:
        """What it says, one for each recipient; one without any where it names none."""
        recipients = self.recipients or (RecipientReport("", "", "failed", "", ""),)
        return [
            Bounce(
                kind=BounceKind.COMPLAINT if self.is_complaint else kind_of(each.action, each.status, each.diagnostic),
                addresses=tuple(dict.fromkeys(address for address in (each.original, each.final) if address)),
                mail_ids=self.mail_ids,
                return_paths=return_paths,
                status=each.status or None,
                reason=each.diagnostic,
            )
            for each in recipients
        ]


def kind_of(action: str, status: str, diagnostic: str = "") -> BounceKind:
    """What action and status (RFC 3464 sections 2.3.3 and 2.3.4) mean together.

    A status that only names its class leaves the word to the diagnostic, in which most servers tell a better one.
    """
    if action in {"delivered", "relayed", "expanded"}:
        return BounceKind.ARRIVED
    if action == "delayed":
        return BounceKind.DELAYED
    told = status_in(diagnostic)
    if told and status in {"", f"{told[0]}.0.0", f"{told[0]}.3.0"}:
        status = told
    elif (code := _SMTP_CODE.search(diagnostic)) and status in {"", f"{code[0][0]}.0.0"}:
        status = _status_of(code[0])
    if status.startswith("5"):
        return BounceKind.SOFT if _SOFT.fullmatch(status) else BounceKind.PERMANENT
    if status.startswith("2"):
        return BounceKind.ARRIVED
    return BounceKind.TRANSIENT


def status_in(text: str) -> str:
    """The first enhanced code (RFC 3463) of a text; empty where it has none."""
    found = _STATUS.search(text)
    return found[1] if found else ""


def _status_of(code: str) -> str:
    """The enhanced code that says what a plain one says: "other mail system status" for a refusal of just this mail."""
    return "5.3.0" if code.startswith("5") and code not in _GONE_CODES else f"{code[0]}.0.0"


def read_report(message: "Message[Any, Any]", *, from_machine: bool) -> MailReport | None:
    """The report that a parsed mail is, or None. Looks at a bounded number of parts, and never raises.

    A mail without the parts that RFC 3464 asks for is one only `from_machine`: without a return path, or from a mail
    system. Then its text is searched, and all in it that is not known to us is of no consequence.
    """
    recipients: list[RecipientReport] = []
    mail_ids: list[str] = []
    texts: list[str] = []
    is_complaint = has_fields = False
    for part in _parts(message):
        content_type = part.get_content_type()
        if content_type in _FIELD_PARTS:
            has_fields = True
            recipients.extend(_recipients(part))
        elif content_type == "message/feedback-report":
            is_complaint = True
            recipients.extend(_complained(part))
        elif content_type in _RETURNED_PARTS:
            mail_ids.extend(_returned_ids(part))
        elif part.get_content_maintype() == "text":
            texts.append(_text(part))
    text = "\n".join(texts)[:_MAX_TEXT_CHARS]
    if not (has_fields or is_complaint):
        if not from_machine:
            return None
        mail_ids.extend(_MESSAGE_ID.findall(text))
        recipients = _told_in_text(text)
        if not recipients:
            return None
    return MailReport(is_complaint, tuple(recipients[:_MAX_RECIPIENTS]), tuple(dict.fromkeys(mail_ids))[:_MAX_IDS])


def _parts(message: "Message[Any, Any]") -> "Iterator[Message[Any, Any]]":
    """The parts of a mail outermost first, without those of a message inside of it."""
    waiting = [message]
    for _ in range(_MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        payload = part.get_payload() if part.is_multipart() else None
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting.extend(each for each in payload[:_MAX_PARTS] if isinstance(each, Message))
        else:
            yield part


def _recipients(part: "Message[Any, Any]") -> Iterator[RecipientReport]:
    for block in _blocks(part):
        final, original = _field(block, "final-recipient"), _field(block, "original-recipient")
        if final or original:
            yield RecipientReport(
                final=_address(final),
                original=_address(original),
                action=_field(block, "action").split(" ")[0].lower(),
                status=status_in(_field(block, "status")),
                diagnostic=_field(block, "diagnostic-code").partition(";")[2].strip(),
            )


def _complained(part: "Message[Any, Any]") -> Iterator[RecipientReport]:
    for block in _blocks(part):
        for name in ("original-rcpt-to", "removal-recipient"):
            if address := _address(_field(block, name)):
                yield RecipientReport(address, "", "", "", _field(block, "feedback-type"))
                return


def _blocks(part: "Message[Any, Any]") -> "list[Message[Any, Any]]":
    payload = part.get_payload() if part.is_multipart() else None
    inner = payload[: _MAX_RECIPIENTS + 1] if isinstance(payload, list) else []
    return [each for each in inner if isinstance(each, Message)]


def returned_ids(text: str) -> tuple[str, ...]:
    """The Message-IDs in a report as it came, as far as one looks."""
    return tuple(dict.fromkeys(_MESSAGE_ID.findall(text[: 4 * _MAX_TEXT_CHARS])))[:_MAX_IDS]


def _returned_ids(part: "Message[Any, Any]") -> list[str]:
    """The Message-ID of a returned message, which is there as one, or as the text of its header."""
    blocks = _blocks(part)
    head = "\n".join(f"message-id: {_field(block, 'message-id')}" for block in blocks) if blocks else _text(part)
    return _MESSAGE_ID.findall(head)


def _field(block: "Message[Any, Any]", name: str) -> str:
    try:
        return clean_line(str(block.get(name) or ""), MAX_REASON_CHARS)
    except (ValueError, LookupError):
        return ""


def _address(field: str) -> str:
    """The address in `rfc822; <address>`; empty where it has none that mail could have gone to."""
    return normalise_address(field.rpartition(";")[2].strip().strip("<>")) or ""


def _text(part: "Message[Any, Any]") -> str:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        return ""
    return data[: 2 * _MAX_TEXT_CHARS].decode("utf-8", "replace")[:_MAX_TEXT_CHARS] if isinstance(data, bytes) else ""


def _told_in_text(text: str) -> list[RecipientReport]:
    """Whom a report for people names, before it quotes what it is about, with the first status it mentions."""
    returned = _RETURNED.search(text)
    told = text[: returned.start()] if returned and returned.start() else text
    code = _SMTP_CODE.search(told)
    addresses = dict.fromkeys(normalise_address(angle or bare) or "" for angle, bare in _ANGLE.findall(told))
    found = status_in(told) or (_status_of(code[0]) if code else "")
    action = "delayed" if _STILL_TRYING.search(told) and not found.startswith("5") else "failed"
    return [RecipientReport(address, "", action, found, "") for address in addresses if address][:_MAX_RECIPIENTS]
