"""What is new in a mail, what is passed on, and what machines write."""

from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.automatic import MailKind, judge
from services.ingestion.domain.forwarded import Prefix, forwarded_message, prefix_of
from services.ingestion.domain.mail import parse_mail
from services.ingestion.domain.quotes import newest_reply, without_signature

LINES = st.sampled_from(
    [
        "",
        "Hello",
        "> quoted",
        ">> more",
        "-- ",
        "--",
        "Anna",
        "On 5 Mar 2026, at 14:05, Tom <a@b.example> wrote:",
        "On Thu,",
        "From: Tom <a@b.example>",
        "Sent: 5 Mar 2026",
        "Subject: x",
        "-----Original Message-----",
        "_" * 32,
        "Sent from my iPhone",
        "---------- Forwarded message ---------",
        "Disclaimer: x",
        "see https://x.example",
    ]
)
TEXTS = st.one_of(st.lists(LINES, max_size=20).map("\n".join), st.text(max_size=200))
PLAIN = st.text(st.characters(categories=["L", "Zs"], include_characters=",.!?\n"), max_size=200).filter(
    lambda text: "wrote" not in text and not any(line.strip() in {"—", "––"} for line in text.split("\n"))
)


@given(PLAIN)
def test_text_without_marks_is_itself(text: str) -> None:
    assert newest_reply(text) == text


@given(TEXTS)
@example("-- \nAnna\n> quoted")
def test_what_is_new_is_never_nothing_and_never_invented(text: str) -> None:
    for new in (newest_reply(text), without_signature(text)):
        assert bool(new.strip()) == bool(text.strip())
        remaining = iter(text.split("\n"))
        assert all(line in remaining or not line for line in new.split("\n"))


@given(TEXTS)
def test_what_is_new_is_new_still(text: str) -> None:
    """Nothing is left out of it but at its end, where another signature may stand."""
    new = newest_reply(text)
    assert new.startswith(newest_reply(new).split("\n")[0]) or not new.strip()


@given(st.text(max_size=60), TEXTS)
def test_any_text_may_be_passed_on(subject: str, text: str) -> None:
    forwarded_message(subject, text)


@pytest.mark.parametrize("again", [2_000, 4_000])
def test_long_texts_are_read_in_one_go(again: int) -> None:
    """The parser that was here before took time with the square of the length, and saw only a window of 8 kB."""
    text = "What I write.\n" * again + "On 5 Mar 2026, at 14:05, Tom <a@b.example> wrote:\n" + "> old\n" * again
    assert newest_reply(text) == ("What I write.\n" * again).strip()


@pytest.mark.parametrize(
    ("subject", "prefix"),
    [
        ("Re: x", Prefix.REPLY),
        ("AW: WG: x", Prefix.REPLY),
        ("Fwd: Re: x", Prefix.FORWARD),
        ("İLT: x", Prefix.FORWARD),
        ("Re[2]: x", Prefix.REPLY),
        ("回复：x", Prefix.REPLY),
        ("Trả lời: x", Prefix.REPLY),
        ("Report: x", Prefix.NONE),
        ("Forwarding", Prefix.NONE),
    ],
)
def test_prefixes_of_subjects(subject: str, prefix: Prefix) -> None:
    assert prefix_of(subject) is prefix


def test_the_first_sender_of_what_is_passed_on() -> None:
    text = (
        "Please see below.\n\n---------- Forwarded message ---------\nFrom: **Ann Lee** <ann@x.example>\nDate: 5 Mar\n"
    )
    found = forwarded_message("Fwd: x", text + "Subject: x\nTo: <b@y.example>\n\nHi")
    assert found is not None
    assert found.sender == Mailbox("ann@x.example", "Ann Lee")
    spoofed = forwarded_message("Fwd: x", text.replace("Ann Lee", "ceo@bank.example") + "Subject: x\n\nHi")
    assert spoofed is not None
    assert spoofed.sender == Mailbox("ann@x.example", "")


def test_a_mail_says_what_was_left_out_of_it() -> None:
    raw = b"From: a@b.example\nSubject: Re: x\n\nYes.\n\nOn 5 Mar 2026, at 14:05, Tom <c@d.example> wrote:\n> Well?\n"
    mail = parse_mail(raw)
    assert (mail.text, mail.quoted) == ("Yes.", True)
    assert not parse_mail(raw, strip_quotes=False).quoted
    assert not parse_mail(b"From: a@b.example\nSubject: Re: x\n\nYes.\n").quoted
    signed = parse_mail(b"From: a@b.example\nSubject: x\n\nYes.\n\n-- \nAnna\n")
    assert (signed.text, signed.quoted) == ("Yes.", True)


def test_quotation_is_seen_in_html_where_words_are_not_known() -> None:
    """Outlook in a language without words here: plain text looks like any other, the HTML says where the head is."""
    head = "Nuo: Tom &lt;c@d.example&gt;<br>Data: 5<br>Kam: Anna<br>Tema: x"
    rich = f'<div>Taip.</div><div id="divRplyFwdMsg">{head}</div><div>Senas</div>'
    plain = "Taip.\n\nNuo: Tom <c@d.example>\nData: 5\nKam: Anna\nTema: x\n\nSenas"
    raw = (
        "From: a@b.example\nSubject: Re: x\nContent-Type: multipart/alternative; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\n{plain}\n--b\nContent-Type: text/html\n\n{rich}\n--b--\n"
    )
    assert parse_mail(raw.encode()).text == "Taip."


def test_a_text_full_of_lines_that_may_tell_who_wrote_stays_whole() -> None:
    line = "12/3 at 10:30 Tom <a@b.example> wrote:\n"
    head = "From: a@b.example\nSubject: Re: x\nReferences: <a@b>\n\n"
    few, many = ("Hello.\n\n" + line * count for count in (400, 600))
    assert parse_mail(f"{head}{few}".encode()).text == "Hello."
    assert parse_mail(f"{head}{many}".encode()).text == many.strip()


def test_no_text_is_made_of_html_beside_a_plain_version() -> None:
    html = "<p>x</p>" * 40_000
    head = "From: a@b.example\nContent-Type: multipart/alternative; boundary=q\n\n--q\n\n"
    mails = [
        parse_mail(f"{head}{plain}\n--q\nContent-Type: text/html\n\n{html}\n--q--".encode()) for plain in ("Hello", " ")
    ]
    assert [(mail.text[:5], mail.text_truncated) for mail in mails] == [("Hello", False), ("x\n\nx\n", True)]
    assert all((True, html.strip()) in [(is_html, text.strip()) for is_html, text in mail.parts] for mail in mails)


def judged(
    fields: Mapping[str, str], subject: str = "x", *, answers: bool = False, report: str = ""
) -> tuple[str, str]:
    found = judge(lambda name: fields.get(name, ""), report_type=report, subject=subject, answers=answers)
    return found.kind, found.evidence


def test_each_kind_is_told_with_its_sign() -> None:
    assert judged({}) == (MailKind.PERSONAL, "")
    assert judged({}, report="delivery-status") == (MailKind.DELIVERY_REPORT, "delivery_status")
    assert judged({}, report="disposition-notification") == (MailKind.AUTO_REPLY, "disposition_notification")
    assert judged({"auto-submitted": "auto-replied"}) == (MailKind.AUTO_REPLY, "auto_submitted")
    assert judged({"auto-submitted": "auto-generated"}) == (MailKind.AUTOMATIC, "auto_submitted")
    assert judged({"list-id": "<x>"}) == (MailKind.LIST, "list_id")
    assert judged({"return-path": "<>"}) == (MailKind.DELIVERY_REPORT, "null_return_path")
    assert judged({"x-failed-recipients": "a@b"}) == (MailKind.DELIVERY_REPORT, "failed_recipients")


def test_a_subject_alone_says_nothing() -> None:
    away = "Automatische Antwort: Rechnung"
    assert judged({}, away)[0] is MailKind.PERSONAL
    assert judged({}, "Absence de facture", answers=True)[0] is MailKind.PERSONAL
    assert judged({}, f"Re: {away}", answers=True)[0] is MailKind.PERSONAL
    assert judged({}, away, answers=True) == (MailKind.AUTO_REPLY, "subject_of_an_answer")
    # Exchange writes an empty return path and auto-generated into what is an answer for an absent person.
    exchange = {"return-path": "<>", "auto-submitted": "auto-generated"}
    assert judged(exchange, away) == (MailKind.AUTO_REPLY, "auto_submitted")
