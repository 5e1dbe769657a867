"""What providers tell, by webhook, as bytes that anybody may have written."""

import json
import tracemalloc
from contextlib import suppress
from typing import Any
from urllib.parse import quote_from_bytes, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingestion.domain.bounces import BounceKind
from services.ingestion.domain.providers import mailgun, postmark, sendgrid, ses
from services.ingestion.domain.providers.told import NotUnderstood, Unproven, read_form, read_unproven
from shared.db import now_utc
from tests.integration.ingestion.vendors import Mailgun, Sns

FORM = "application/x-www-form-urlencoded"
_MIB = 1024 * 1024


@given(st.binary(max_size=300))
@example(b"a=b&c=%41+\r\n \t\n=\r\n")
def test_a_form_brings_bytes_as_they_were(value: bytes) -> None:
    for quoted in (quote_plus(value), quote_from_bytes(value, safe="")):
        assert read_form(FORM, f"body-mime={quoted}&after=1".encode()) == {"body-mime": value, "after": b"1"}


@given(st.binary(max_size=200), st.sampled_from([FORM, "multipart/form-data; boundary=b", "multipart/form-data", ""]))
def test_what_is_no_form_is_refused_and_nothing_else(body: bytes, content_type: str) -> None:
    for each in (body, b"--b\r\n" + body + b"\r\n--b--\r\n"):
        with suppress(NotUnderstood):
            read_form(content_type, each)


@pytest.mark.parametrize("escape", [b"%41", b"%", b"+", b"="])
def test_a_form_of_escapes_takes_as_little_as_any(escape: bytes) -> None:
    """A form is read before it is proven; an object for each escape is a hundred times of what was sent."""
    body = b"x=" + escape * (_MIB // len(escape))
    tracemalloc.start()
    read_form(FORM, body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12 * _MIB


def test_a_form_has_an_end() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    with pytest.raises(NotUnderstood):
        read_form("multipart/form-data; boundary=b", part * 300 + b"--b--\r\n")
    file = part.replace(b'"a"', b'"a"; filename="b"')
    with pytest.raises(NotUnderstood):
        read_form("multipart/form-data; boundary=b", file * 300 + b"--b--\r\n")
    with pytest.raises(NotUnderstood):
        read_form(f"multipart/form-data; boundary={'b' * 1000}", part)


def test_what_is_not_proven_yet_is_not_long() -> None:
    assert read_unproven(b'{"a": "' + b"x" * _MIB + b'"}')
    with pytest.raises(Unproven):
        read_unproven(b"[" + b"[]," * _MIB + b"[]]")


def test_letters_that_are_none_are_no_failure() -> None:
    r"""JSON may hold `\ud800`, which no UTF-8 has."""
    now = now_utc()
    for field in ("timestamp", "token", "signature"):
        signed = {**Mailgun().signed(), field: "\ud800"}
        with pytest.raises(Unproven):
            mailgun.read_event(json.dumps({"signature": signed}).encode(), key=Mailgun.key, now=now)
    [mail] = postmark.read(json.dumps({"RawEmail": "Subject: a\ud800\r\n\r\n"}).encode()).mails
    assert mail.raw == b"Subject: a?\r\n\r\n"
    sns = Sns()
    message = {**sns.message(Message="x"), "Message": "\ud800"}
    with pytest.raises(Unproven):
        ses.read(ses.SnsMessage(message), sns.certificate(), now=now)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"reason": "suppress-bounce", "delivery-status": {"code": 605}}, BounceKind.PERMANENT),
        ({"reason": "old", "delivery-status": {"code": 602, "message": "Too old"}}, BounceKind.TRANSIENT),
        ({"delivery-status": {"code": 550, "message": "no such user"}}, BounceKind.PERMANENT),
        ({"delivery-status": {"code": 552, "message": "mailbox full"}}, BounceKind.SOFT),
        ({"severity": "temporary", "delivery-status": {"code": 550}}, BounceKind.DELAYED),
    ],
)
def test_what_mailgun_gave_up_is_not_all_gone(fields: dict[str, Any], kind: BounceKind) -> None:
    vendor = Mailgun()
    body, _ = vendor.event({"event": "failed", "severity": "permanent", "recipient": "ada@example.org", **fields})
    [bounce] = mailgun.read_event(body, key=vendor.key, now=now_utc()).bounces
    assert bounce.kind is kind


def test_a_status_is_one_or_none() -> None:
    """It goes into a row and an event: a stranger's server wrote it."""
    for told, status in (("5.1.1\x00" + "x" * 10_000, "5.1.1"), ("\x00", None)):
        events = [{"event": "bounce", "email": "ada@example.org", "status": told}]
        [bounce] = sendgrid.read("application/json", json.dumps(events).encode(), signature="").bounces
        assert bounce.status == status


def test_an_event_that_nobody_knows_keeps_no_other_from_being_heard() -> None:
    """One new kind of event, and no bounce was heard of for as long as SendGrid repeated the batch."""
    bounce, new = {"event": "bounce", "email": "ada@example.org", "status": "5.1.1"}, {"event": "invented"}
    told = sendgrid.read("application/json", json.dumps([new, bounce, "x"]).encode(), signature="")
    assert [each.kind for each in told.bounces] == [BounceKind.PERMANENT]
    assert len(told.passed_over) == 2
    with pytest.raises(NotUnderstood):
        sendgrid.read("application/json", json.dumps([new, new]).encode(), signature="")
