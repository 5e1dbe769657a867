"""One permanent test for each class of attack by mail that others had to publish. Each names its source."""

import pytest

from services.ingestion.domain.addresses import Mailbox, parse_mailboxes
from services.ingestion.domain.authentication import sender_authentication
from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.domain.mail import MailKind, MailRejected, parse_mail
from services.ingestion.domain.outgoing import OutgoingMail, compose
from services.ingestion.domain.tokens import conversation_of, reply_address
from services.ingestion.parsing import ParserLimits, ParserPool
from services.ingestion.service.mail import MailContext, quarantine_reason
from shared.db import now_utc
from shared.events.messages import Authentication
from shared.ids import uuid7

DESK = Mailbox("support@desk.example", "Support")
OWN = Identities(Identity(None, DESK))
CONTEXT = MailContext(OWN, b"k" * 32, None)


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
    mail = parse_mail(b"From: =?utf-8?q?Ada=0D=0AX-Priority=3A_1?= <ada@example.org>\n\nx")
    assert mail.sender == Mailbox("ada@example.org", "Ada X-Priority: 1")


def test_a_crooked_from_is_nobody_rather_than_somebody_else() -> None:
    """CVE-2023-27043: `parseaddr` read alice@co out of this."""
    assert parse_mailboxes("alice@co)<bob@evil.example>", limit=2) == ()
    mail = parse_mail(b"From: alice@co)<bob@evil.example>\n\nx")
    assert quarantine_reason(mail, CONTEXT, released=True) == "sender_unreadable"


def test_two_from_fields_are_nobody() -> None:
    """ "Weak Links in Authentication Chains" (USENIX Security 2021): filters checked one From, users saw the other."""
    assert parse_mail(b"From: ceo@bank.example\nFrom: eve@evil.example\n\nx").sender is None


@pytest.mark.parametrize(
    "field",
    [
        'mx.desk; spf=pass smtp.mailfrom="x header.d=victim.example"@evil.example',
        'mx.desk; spf=pass smtp.mailfrom="x; dmarc=pass header.from=victim.example"@evil.example',
        'mx.desk; spf=pass smtp.mailfrom="x\\"; dkim=pass header.d=victim.example; \\""@evil.example',
        'mx.desk; spf=pass smtp.mailfrom=x@"victim.example"',
        "mx.desk; spf=pass (a (b) ; dkim=pass header.d=victim.example) smtp.mailfrom=x@evil.example",
        "mx.desk; spf=pass (\\) ; dkim=pass header.d=victim.example) smtp.mailfrom=x@evil.example",
        "mx.desk; spf=pass smtp.mailfrom=x@evil.example smtp.mailfrom=x@victim.example",
        "mx.desk; dkim=pass header.d=evil.example header.i=@victim.example",
        "mx.desk; dmarc=pass smtp.mailfrom=x@victim.example",
        'mx.desk; dkim=pass header.d=victim.example "never closed',
        "mx.desk; dkim=pass header.d=victim.example (never closed",
        "mx.desk; dkim=pass header.d=victim.example; x=" + "y" * 5000,
    ],
)
def test_a_quoted_local_part_is_no_authentication_result(field: str) -> None:
    """ "Composition Kills" (USENIX Security 2020): a server copied what the sender wrote into its results."""
    mail = parse_mail(f"From: ceo@victim.example\nAuthentication-Results: {field}\n\nx".encode())
    verdict = sender_authentication(mail.authentication_results, trusted="mx.desk", sender_domain="victim.example")
    assert verdict is not Authentication.PASS


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
    # A person's answer that went through a list stays welcome: the token is theirs.
    hers = parse_mail(f"From: eve@evil.example\nTo: {address}\nPrecedence: list\nList-Id: <x>\n\nHi".encode())
    assert quarantine_reason(hers, CONTEXT, released=False) is None
    robot = parse_mail(f"From: eve@evil.example\nTo: {address}\nAuto-Submitted: auto-generated\n\nHi".encode())
    assert quarantine_reason(robot, CONTEXT, released=False) == "automatic_mail_to_reply_address"
    # And without any sign of a machine the token is worth nothing to another sender.
    assert conversation_of(CONTEXT.token_key, OWN, (address,), "welcome@slack.example") is None


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


async def test_whitespace_without_end_is_cheap() -> None:
    """Whitespace ReDoS (CVE-2022-31129 and its kin): within the parser's bounds, and without a second attempt."""
    pool = ParserPool(1, ParserLimits())
    bodies = (
        b"\n" * 300_000,
        b" " * 300_000 + b"x",
        b">\n" * 100_000,
        b"\n \n" * 100_000,
        b"On " + b"a " * 100_000,
    )
    try:
        await pool.parse(b"From: a@b.example\n\nx")
        [first] = [parser.pid for parser in pool._idle]
        for body in bodies:
            await pool.parse(b"From: a@b.example\nSubject: Re: x\n\n" + body)
        assert [parser.pid for parser in pool._idle] == [first]
    finally:
        await pool.close()


async def test_a_report_of_blocks_without_end_is_cheap() -> None:
    """Python's `email` makes a message of each block of a delivery report, of empty ones, too (found by fuzzing)."""
    report = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
    report += b"Content-Type: message/delivery-status\n\n"
    pool = ParserPool(1, ParserLimits(cpu_seconds=0.4))
    try:
        await pool.parse(b"From: a@b.example\n\nx")
        [first] = [parser.pid for parser in pool._idle]
        for blocks in (b"\r" * 130_000, b"\n" * 130_000):
            parsed = await pool.parse(b"From: MAILER-DAEMON@x.example\n" + report + blocks)
            assert parsed.kind is MailKind.DELIVERY_REPORT
        assert [parser.pid for parser in pool._idle] == [first]
    finally:
        await pool.close()


def test_script_and_events_in_html_leave_no_trace() -> None:
    """Stored XSS in Zammad, osTicket, OTRS (several CVEs): what is stored is text, whatever the markup was."""
    html = b"<scr<script>ipt>alert(1)</scr</script>ipt><img src=x onerror=alert(1)>"
    html += b"<svg><style><a title='</style><img src=x onerror=alert(1)>'>ok"
    mail = parse_mail(b"From: a@b.example\nContent-Type: text/html\n\n" + html)
    assert "onerror" not in mail.text
    assert "<" not in mail.text
