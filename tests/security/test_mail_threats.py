"""One permanent test for each class of attack by mail that others had to publish. Each names its source."""

import pytest

from services.ingestion.domain.addresses import Mailbox, parse_mailboxes
from services.ingestion.domain.mail import MailKind, MailRejected, parse_mail
from services.ingestion.domain.outgoing import OutgoingMail, compose
from services.ingestion.domain.tokens import conversation_of, reply_address
from services.ingestion.service.mail import MailContext, quarantine_reason
from shared.db import now_utc
from shared.ids import uuid7

DESK = Mailbox("support@desk.example", "Support")
CONTEXT = MailContext(DESK, b"k" * 32, None)


def test_an_encoded_line_break_in_a_subject_stays_text() -> None:
    """CVE-2024-6923: `email` wrote a parsed Subject with an encoded newline as a live Bcc header."""
    received = parse_mail(b"From: a@b.example\nSubject: =?utf-8?q?Hi=0D=0ABcc=3A_victim=40x.example?=\n\nx")
    assert received.subject == "Hi Bcc: victim@x.example"
    for subject in (received.subject, "=?utf-8?q?Hi=0D=0ABcc=3A_victim=40x.example?="):
        sent = compose(
            OutgoingMail(
                message_id="a@desk.example",
                sender=DESK,
                recipient=Mailbox("a@b.example", subject),
                reply_to=DESK.address,
                subject=subject,
                ticket_number=1,
                text="x",
                written_at=now_utc(),
            )
        )
        head = bytes(sent).partition(b"\r\n\r\n")[0]
        assert not [line for line in head.split(b"\r\n") if line.lower().startswith(b"bcc")]


def test_a_line_break_in_a_display_name_stays_a_name() -> None:
    """CWE-93, as in many help desks: CRLF in the From name reached notification headers."""
    mail = parse_mail(b"From: =?utf-8?q?Ada=0D=0ABcc=3A_x=40y.example?= <ada@example.org>\n\nx")
    assert mail.sender is not None
    assert "\n" not in mail.sender.name
    assert mail.sender.address == "ada@example.org"


def test_a_crooked_from_is_nobody_rather_than_somebody_else() -> None:
    """CVE-2023-27043: `parseaddr` read alice@co out of this."""
    assert parse_mailboxes("alice@co)<bob@evil.example>", limit=2) == ()
    mail = parse_mail(b"From: alice@co)<bob@evil.example>\n\nx")
    assert quarantine_reason(mail, CONTEXT, released=True) == "sender_unreadable"


def test_two_from_fields_are_nobody() -> None:
    """ "Weak Links in Authentication Chains" (USENIX Security 2021): filters checked one From, users saw the other."""
    assert parse_mail(b"From: ceo@bank.example\nFrom: eve@evil.example\n\nx").sender is None


def test_a_name_that_is_an_address_is_not_shown() -> None:
    """Display-name spoofing: the name is there to be taken for the sender's address."""
    mail = parse_mail(b'From: "ceo@bank.example" <eve@evil.example>\n\nx')
    assert mail.sender == Mailbox("eve@evil.example", "")


def test_the_ticket_trick() -> None:
    """I. de Ceukelaire, "How I hacked hundreds of companies through their helpdesk" (2017).

    A stranger signed up somewhere with a desk's reply address and read the confirmation in his own ticket.
    """
    address = reply_address(CONTEXT.token_key, DESK, uuid7(), "eve@evil.example")
    for extra in ("Auto-Submitted: auto-generated\n", "Precedence: bulk\n", "List-Unsubscribe: <x>\n"):
        mail = parse_mail(f"From: welcome@slack.example\nTo: {address}\n{extra}\nYour code is 1234".encode())
        assert quarantine_reason(mail, CONTEXT, released=False) == "automatic_mail_to_reply_address"
    plain = parse_mail(f"From: no-reply@slack.example\nTo: {address}\n\nYour code is 1234".encode())
    assert quarantine_reason(plain, CONTEXT, released=False) == "automatic_mail_to_reply_address"
    # And without any sign of a machine the token is worth nothing to another sender.
    assert conversation_of(CONTEXT.token_key, DESK, (address,), "welcome@slack.example") is None


def test_mail_from_our_own_address_never_loops() -> None:
    """RFC 3834 section 2 and every mail loop since: what we sent does not come in as a message."""
    mail = parse_mail(b"From: Support <SUPPORT+r.abc@desk.example>\n\nx")
    assert quarantine_reason(mail, CONTEXT, released=False) == "from_our_own_address"


@pytest.mark.parametrize("header", ["Auto-Submitted: auto-replied", "Precedence: auto_reply", "X-Autoreply: yes"])
def test_an_automatic_reply_says_that_it_is_one(header: str) -> None:
    """RFC 3834: two vacation programs answered each other until a disk was full."""
    assert parse_mail(f"From: a@b.example\n{header}\n\nx".encode()).kind is MailKind.AUTO_REPLY


def test_a_delivery_report_is_no_message() -> None:
    """Forged DSN (backscatter): anybody can write one, so it neither opens a ticket nor fails a delivery."""
    raw = b"From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; boundary=b\n\n--b\n\nfailed\n--b--\n"
    assert quarantine_reason(parse_mail(raw), CONTEXT, released=False) == "delivery_report"


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.example\n"
        + b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(1000)),
        b"From: a@b.example\nTo: " + b"u@x.example, " * 50_000 + b"\n\nx",
    ],
    ids=["1,000 nested multiparts", "50,000 recipients"],
)
def test_structure_without_end_is_put_aside(raw: bytes) -> None:
    """Python's `email` 3.11 raises RecursionError for the one and takes 20 s for the other (measured)."""
    with pytest.raises(MailRejected):
        parse_mail(raw)


def test_nested_comments_are_read_without_recursion() -> None:
    """Python's `email` 3.11 raises RecursionError for comments nested a thousand deep in From (measured)."""
    assert parse_mail(b"From: " + b"(" * 10_000 + b"x" + b")" * 10_000 + b" a@b.example\n\nx").sender == Mailbox(
        "a@b.example"
    )


def test_whitespace_without_end_is_cheap() -> None:
    """Whitespace ReDoS (CVE-2022-31129 and its kin): here it ends, or the parser's processor time does."""
    for body in (
        b"\n" * 300_000,
        b" " * 300_000 + b"x",
        b">\n" * 100_000,
        b"\n \n" * 100_000,
        b"On " + b"a " * 100_000,
    ):
        parse_mail(b"From: a@b.example\nSubject: Re: x\n\n" + body)


def test_script_and_events_in_html_leave_no_trace() -> None:
    """Stored XSS in Zammad, osTicket, OTRS (several CVEs): what is stored is text, whatever the markup was."""
    html = b"<scr<script>ipt>alert(1)</scr</script>ipt><img src=x onerror=alert(1)>"
    html += b"<svg><style><a title='</style><img src=x onerror=alert(1)>'>ok"
    mail = parse_mail(b"From: a@b.example\nContent-Type: text/html\n\n" + html)
    assert "onerror" not in mail.text
    assert "<" not in mail.text
