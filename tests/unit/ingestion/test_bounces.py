"""Reports about mail that we sent, from whoever may have written them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.bounces import Bounce, BounceKind, MailReport, kind_of
from services.ingestion.domain.mail import parse_mail

CORPUS = Path(__file__).resolve().parents[2] / "data" / "mail"


def report_of(raw: bytes) -> MailReport | None:
    return parse_mail(raw).report


def bounces_of(name: str) -> list[Bounce]:
    report = report_of((CORPUS / f"{name}.eml").read_bytes())
    assert report is not None
    return report.bounces(())


def dsn(fields: str, *, returned: str = "Message-ID: <one@desk.example>", boundary: str = "b") -> bytes:
    return (
        "From: Mail Delivery System <mailer-daemon@mx.example>\r\nTo: support@desk.example\r\n"
        f"Subject: Undelivered\r\nContent-Type: multipart/report; report-type=delivery-status; boundary={boundary}\r\n"
        f"\r\n--{boundary}\r\n\r\nSorry.\r\n--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx.example\r\n\r\n{fields}\r\n--{boundary}\r\n"
        f"Content-Type: text/rfc822-headers\r\n\r\n{returned}\r\n--{boundary}--\r\n"
    ).encode()


def test_each_recipient_of_a_report_is_told_of() -> None:
    bounces = bounces_of("multi_address_bounce1")
    assert [bounce.kind for bounce in bounces] == [BounceKind.PERMANENT] * 5
    assert bounces[0].addresses == ("bbbbvhvbbvkjbhfbvbvjhb@gmail.com",)
    assert {bounce.status for bounce in bounces} == {"5.1.1"}
    assert bounces[0].reason.startswith("550-5.1.1 The email account")
    assert bounces[0].mail_ids == ("118707422.15521266992174819.JavaMail.root@lvmail01",)


def test_a_mail_that_is_still_being_tried_has_not_bounced() -> None:
    [warning] = bounces_of("report_422")
    assert (warning.kind, warning.addresses) == (BounceKind.DELAYED, ("fraser@oooooooo.com.au",))


def test_a_report_with_two_parts_of_fields() -> None:
    [bounce] = bounces_of("multipart_report_multiple_status")
    assert (bounce.addresses, bounce.status) == (("u@ci.com",), "5.3.0")


def test_a_report_that_is_only_text() -> None:
    [bounce] = bounces_of("broken-mime")
    assert bounce.addresses == ("info@example.net",)
    qmail = (
        b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nTo: support@desk.example\r\nSubject: failure notice\r\n"
        b"\r\nHi. This is the qmail-send program at mx.example.\r\n\r\n<ada@example.org>:\r\n"
        b"192.0.2.1 does not like recipient.\r\nRemote host said: 550 5.1.1 no such user here\r\n\r\n"
        b"--- Below this line is a copy of the message.\r\n\r\nReturn-Path: <support@desk.example>\r\n"
        b"Message-ID: <two@desk.example>\r\nTo: ada@example.org, bob@example.org\r\n\r\nHello\r\n"
    )
    report = report_of(qmail)
    assert report is not None
    [bounce] = report.bounces(("support@desk.example",))
    assert bounce == Bounce(
        BounceKind.PERMANENT, ("ada@example.org",), ("two@desk.example",), ("support@desk.example",), "5.1.1"
    )


def test_a_complaint_is_no_bounce() -> None:
    raw = (
        b"From: feedback@isp.example\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        b"--b\r\n\r\nabuse\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
        b"Original-Rcpt-To: <ada@example.org>\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Message-ID: <one@desk.example>\r\n\r\nHello\r\n--b--\r\n"
    )
    report = report_of(raw)
    assert report is not None
    [bounce] = report.bounces(())
    assert (bounce.kind, bounce.addresses, bounce.mail_ids) == (
        BounceKind.COMPLAINT,
        ("ada@example.org",),
        ("one@desk.example",),
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"From: ada@example.org\r\nSubject: Re: Help\r\n\r\n550 5.1.1 bob@example.org\r\nMessage-ID: <one@x.example>",
        b"Return-Path: <>\r\nFrom: ada@example.org\r\nSubject: Away\r\n\r\nI am away.\r\n",
        b"From: a@b.example\r\nContent-Type: multipart/report; report-type=disposition-notification\r\n\r\nread\r\n",
    ],
)
def test_a_mail_of_a_person_is_no_report(raw: bytes) -> None:
    assert report_of(raw) is None


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "kind"),
    [
        ("failed", "5.1.1", "", BounceKind.PERMANENT),
        ("failed", "5.0.0", "smtp; 550 5.1.1 unknown", BounceKind.PERMANENT),
        ("failed", "5.0.0", "smtp; 552 5.2.2 mailbox full", BounceKind.SOFT),
        ("failed", "5.2.2", "", BounceKind.SOFT),
        ("failed", "5.7.1", "550 rejected as spam", BounceKind.SOFT),
        ("failed", "", "550 no such user", BounceKind.PERMANENT),
        ("failed", "4.4.7", "expired", BounceKind.TRANSIENT),
        ("failed", "", "552 mailbox full", BounceKind.SOFT),
        ("failed", "5.0.0", "554 refused for its content", BounceKind.SOFT),
        ("failed", "5.0.0", "550 no such user", BounceKind.PERMANENT),
        ("failed", "5.1.8", "550 sender address rejected", BounceKind.SOFT),
        ("failed", "5.5.3", "too many recipients", BounceKind.SOFT),
        ("failed", "", "", BounceKind.TRANSIENT),
        ("failed", "4.4.7", "550 5.1.1 said of another", BounceKind.TRANSIENT),
        ("delayed", "4.2.2", "", BounceKind.DELAYED),
        ("delayed", "5.1.1", "", BounceKind.DELAYED),
        ("delivered", "2.0.0", "", BounceKind.ARRIVED),
    ],
)
def test_what_a_status_means(action: str, status: str, diagnostic: str, kind: BounceKind) -> None:
    assert kind_of(action, status, diagnostic) is kind


@given(st.text(max_size=400), st.text(max_size=200))
def test_whatever_a_report_says_it_is_read(fields: str, returned: str) -> None:
    report = report_of(dsn(fields, returned=returned))
    assert report is not None
    for bounce in report.bounces(()):
        assert all("@" in address for address in bounce.addresses)


@given(st.sampled_from(["failed", "delayed", "delivered", ""]), st.integers(0, 999), st.integers(0, 999), st.text())
def test_what_passes_never_ends_an_address(action: str, subject: int, detail: int, diagnostic: str) -> None:
    assert kind_of(action, f"4.{subject}.{detail}", diagnostic) not in {BounceKind.PERMANENT, BounceKind.SOFT}
