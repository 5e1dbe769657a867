"""Raw mail (RFC 5322, MIME) to what the desk needs of it. Pure: bytes in, values out.

Every message is hostile. Structure is bounded here; processor time and memory are bounded by the process this runs in.
"""

import re
from dataclasses import replace
from email import policy
from email.parser import BytesParser
from itertools import islice

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.automatic import MailKind, judge
from services.ingestion.domain.bounces import MailReport, read_report
from services.ingestion.domain.forwarded import Prefix, forwarded_message, prefix_of
from services.ingestion.domain.html_text import html_to_text
from services.ingestion.domain.mail.body import Body
from services.ingestion.domain.mail.fields import MAX_AUTHENTICATION_CHARS, MAX_SUBJECT_CHARS, Fields, split
from services.ingestion.domain.mail.keys import MailKeys
from services.ingestion.domain.mail.mime import Part
from services.ingestion.domain.mail.security import unread
from services.ingestion.domain.mail.values import (
    MailLimits,
    MailRejected,
    MailSecurity,
    ParsedMail,
    SignatureOf,
)
from services.ingestion.domain.quotes import is_log, newest_reply, without_signature
from services.ingestion.domain.text import clean_text

_LIMITS = MailLimits()
# The library that reads reports takes much longer than this package; what counts in one stands at its start.
_MAX_REPORT_BYTES = 128 * 1024
_MAX_REPORT_BLOCKS = 2_000
_MAX_LINE_BYTES = 64 * 1024
# Nor does it take what no line may be (RFC 5322 section 2.1.1): it makes a pattern of each boundary.
_BLANK_LINE = re.compile(rb"(?:\r\n|\r(?!\n)|\n)(?=[\r\n])")
_LONG_LINE = re.compile(rb"(?<![^\r\n])[^\r\n]{2000,}")
_REPORT_TYPE = re.compile(
    r"^\s*multipart/report\b.{0,500}?\breport-type\s*=\s*\"?([\w-]{1,40})", re.IGNORECASE | re.DOTALL
)
_TICKET_TAG = re.compile(r"\[#(\d{1,12})\]")


def parse_mail(
    raw: bytes, limits: MailLimits = _LIMITS, *, strip_quotes: bool = True, keys: MailKeys | None = None
) -> ParsedMail:
    """Read one mail. Raises MailRejected when it is outside `limits`, and nothing else, whatever the bytes.

    With `strip_quotes`, the text of a reply comes without quotation and signature, and that of any other mail without
    signature. A mail that is passed on comes whole. With `keys` it is decrypted, and its signature verified.
    """
    raw = _from_its_header(raw)
    fields, security = Fields(split(raw)[0], limits), None
    if keys is not None:
        raw, security = _opened(raw, keys, fields)
        fields = Fields(split(raw)[0], limits)
    if raw.count(b"\n--") > limits.boundary_lines:
        raise MailRejected("too_many_parts")
    body = Body(limits)
    body.collect(Part(raw, 0, len(raw)), depth=0)
    subject = fields.text("subject", MAX_SUBJECT_CHARS)
    references = fields.message_ids("references", "in-reply-to")
    whole = text = clean_text(body.text())
    forwarded = None
    if not is_log(whole):
        attached = _attached_sender(body, limits)
        forwarded = forwarded_message(
            subject, whole, refers=bool(references), attached=attached, has_text=bool(whole.strip())
        )
        if strip_quotes and forwarded is None:
            is_reply = references or prefix_of(subject) is Prefix.REPLY
            text = _newest(whole, body) if is_reply else without_signature(whole)
    is_shortened = text != whole
    security = _security(security, body, was_opened=keys is not None)
    text = "\n\n".join([*([text] if text else []), *_unread(security, body, text), *body.notes])
    tag = _TICKET_TAG.search(subject)
    judgement = judge(fields.first, report_type=_report_type(fields, body), subject=subject, answers=bool(references))
    sender, kind = fields.sender(), judgement.kind
    from_machine = kind is MailKind.DELIVERY_REPORT or (sender is not None and sender.local == "mailer-daemon")
    return ParsedMail(
        sender=sender,
        subject=subject,
        text=text,
        text_truncated=body.truncated,
        kind=kind,
        message_id=next(iter(fields.message_ids("message-id")), None),
        references=references,
        delivered_to=fields.addresses("to", "cc", "delivered-to", "x-original-to", "envelope-to"),
        written_to=fields.addresses("to", "cc"),
        authentication_results=fields.all("authentication-results", MAX_AUTHENTICATION_CHARS)[:5],
        ticket_number=int(tag[1]) if tag else None,
        language=fields.language(),
        attachments=tuple(body.attachments),
        parts=tuple(body.shown),
        report=_report(raw, from_machine=from_machine) if from_machine or body.is_report else None,
        evidence=judgement.evidence,
        quoted=is_shortened,
        forwarded_from=forwarded.sender if forwarded else None,
        reply_to=fields.reply_to(),
        security=security,
    )


def unopened(mail: ParsedMail) -> ParsedMail:
    """A mail as it was read without keys, where what it holds is more than a mail may."""
    if mail.security is None:
        return mail
    if not mail.security.encrypted:
        return replace(mail, security=replace(mail.security, signature=SignatureOf("unchecked")))
    closed = replace(mail.security, problem="out_of_bounds")
    return replace(mail, security=closed, text=mail.text.replace(unread(mail.security), unread(closed)))


def _opened(raw: bytes, keys: MailKeys, fields: Fields) -> tuple[bytes, MailSecurity | None]:
    # Processes that read other mail do without its libraries.
    from services.ingestion.domain.mail.opening import opened  # noqa: PLC0415

    sender = fields.sender()
    return opened(raw, keys, sender.address if sender else "")


def _security(whole: MailSecurity | None, body: Body, *, was_opened: bool) -> MailSecurity | None:
    """What is to be said of a mail: of the whole where that is signed or encrypted, else of what is in it."""
    inner = body.security
    if whole is not None or inner is None or not was_opened:
        return whole or inner
    signature = SignatureOf("partial") if inner.signed else None
    return replace(inner, signature=signature, problem="not_whole" if inner.encrypted else "")


def _unread(security: MailSecurity | None, body: Body, text: str) -> list[str]:
    """What a ticket says where something of a mail could not be read."""
    if security is None:
        return []
    if security.decrypted:
        inner = body.security
        return [unread(replace(inner, problem="nested"))] if inner is not None and inner.encrypted else []
    return [unread(security)] if security.encrypted or not text.strip() else []


def _from_its_header(raw: bytes) -> bytes:
    """The mail without what mailbox files have before its header, and with line feeds for bare carriage returns."""
    if b"\n" not in raw[:_MAX_LINE_BYTES]:
        raw = raw.replace(b"\r", b"\n")
    if raw[:1].isspace():
        raw = raw.lstrip()
    return raw[raw.find(b"\n") + 1 :] if raw.startswith((b"From ", b">From ")) else raw


def _report(raw: bytes, *, from_machine: bool) -> MailReport | None:
    lines = _LONG_LINE.sub(b"", raw[:_MAX_REPORT_BYTES])
    # Of each block of a report's fields the parser makes a message, of empty ones, too.
    ends = (found.start() for found in islice(_BLANK_LINE.finditer(lines), _MAX_REPORT_BLOCKS, None))
    message = BytesParser(policy=policy.compat32).parsebytes(lines[: next(ends, None)])
    return read_report(message, from_machine=from_machine)


def _newest(whole: str, body: Body) -> str:
    """What is new of a reply's text; by its HTML where plain text in a language of unknown words shows no quotation."""
    text = newest_reply(whole)
    if text != whole or len(body.untold) != 1 or len(body.shown) != 1:
        return text
    rich = clean_text(html_to_text(body.untold[0])[0])
    marked = newest_reply(rich)
    return text if marked == rich else marked


def _report_type(fields: Fields, body: Body) -> str:
    """What sort of report the mail is (RFC 6522); empty where it is none."""
    declared = _REPORT_TYPE.search(fields.first("content-type"))
    return "delivery-status" if body.delivery_report else declared[1].lower() if declared else ""


def _attached_sender(body: Body, limits: MailLimits) -> Mailbox | None:
    """Who sent the one message that is attached, if there is one."""
    messages = [each for each in body.attachments if each.name.lower().endswith(".eml")]
    if len(messages) != 1:
        return None
    try:
        return Fields(split(messages[0].data)[0], limits).sender()
    except MailRejected:
        return None
