"""Reading mail: real messages, and whatever bytes there may be."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingestion.domain.mail import (
    MailKind,
    MailLimits,
    MailRejected,
    ParsedMail,
    decode_words,
    fingerprint,
    parse_mail,
)

CORPUS = Path(__file__).resolve().parents[2] / "data" / "mail"


def corpus(name: str) -> ParsedMail:
    return parse_mail((CORPUS / f"{name}.eml").read_bytes())


def test_charsets_are_repaired() -> None:
    assert corpus("ks_c_5601-1987").text == "스티해"
    assert corpus("japanese_iso_2022").text == "すみません。"
    assert corpus("japanese_iso_2022").subject == "まみむめも"
    sender = corpus("from-encoding").sender
    assert sender is not None
    assert sender.name == "Ingo Lütkebohle"
    damaged = corpus("mailformed-headers").sender
    assert damaged is not None
    assert damaged.name.startswith("Юникод запрещен")
    utf8 = corpus("utf8_headers").sender
    assert utf8 is not None
    assert (utf8.address, utf8.name) == ("jdöe@mächine.example", "Jöhn Doe")


@pytest.mark.parametrize(
    "charset", ["x-unknown", "unknown-8bit", "zip", "rot13", "punycode", "idna", "a" * 500, "\x00"]
)
def test_a_charset_that_is_none_is_no_error(charset: str) -> None:
    head = f"From: a@b.example\nContent-Type: text/plain; charset={charset}\n\n".encode()
    assert parse_mail(head + "Grüße".encode()).text == "Grüße"
    assert parse_mail(head + "Grüße".encode("cp1252")).text == "Grüße"


@pytest.mark.parametrize("name", ["reply-gmail", "reply-hotmail", "reply-thunderbird"])
def test_a_reply_is_what_is_new_in_it(name: str) -> None:
    assert corpus(name).text.strip() == "Hello"


def test_a_reply_below_its_quotation_is_not_lost() -> None:
    text = corpus("from-encoding").text
    assert "Isn't that the case" in text
    assert "If you have a real uid" not in text


def test_text_is_only_stripped_in_a_reply() -> None:
    body = "Look:\n\nOn Mon, 2 Mar 2026, Bob wrote:\n> it broke\n"
    raw = f"From: a@b.example\nSubject: Fwd: it broke\n\n{body}".encode()
    assert "> it broke" in parse_mail(raw).text
    assert "> it broke" not in parse_mail(raw.replace(b"Fwd:", b"Re:")).text
    assert "> it broke" in parse_mail(raw.replace(b"Fwd:", b"Re:"), strip_quotes=False).text


def test_lists_and_indentation_survive() -> None:
    raw = b"From: a@b.example\nSubject: Re: x\n\nSteps:\n\n- one\n- two\n    indented: yes\n\nOn Monday Bob wrote:\n>"
    assert parse_mail(raw).text == "Steps:\n\n- one\n- two\n    indented: yes"


def test_html_is_read_as_text() -> None:
    mail = corpus("html-then-text")
    assert mail.text == "HTML here\n\nPlaintext here."
    html = (
        b"From: a@b.example\nContent-Type: text/html\n\n<style>x{}</style><p>Hi <b>you</b><script>bad()</script><p>Bye"
    )
    assert parse_mail(html).text.split() == ["Hi", "you", "Bye"]


def test_attached_messages_and_inline_images_are_files() -> None:
    names = [file.name for file in corpus("attachment_message_rfc822_inline_image").attachments]
    assert names == ["img.png", "Testmail.eml"]


def test_kinds_are_told_by_headers() -> None:
    assert corpus("delayed").kind is MailKind.DELIVERY_REPORT
    assert corpus("report_530").kind is MailKind.DELIVERY_REPORT
    assert corpus("from-encoding").kind is MailKind.LIST

    def kind(header: str) -> MailKind:
        return parse_mail(f"From: a@b.example\n{header}\n\nx".encode()).kind

    assert kind("Auto-Submitted: no") is MailKind.PERSONAL
    assert kind("Auto-Submitted: auto-replied (vacation)") is MailKind.AUTO_REPLY
    assert kind("Auto-Submitted: auto-generated") is MailKind.AUTOMATIC
    assert kind("Return-Path: <>") is MailKind.DELIVERY_REPORT


def test_threading_is_read() -> None:
    mail = parse_mail(
        b"From: a@b.example\nMessage-ID: <m@x>\nIn-Reply-To: <p@x>\nReferences: <r@x>\n <p@x>  junk <q@x>\n"
        b"Subject: Re: [#77] x\n\nx"
    )
    assert mail.message_id == "m@x"
    assert mail.references == ("r@x", "q@x", "p@x")
    assert mail.ticket_number == 77
    assert len(corpus("multiple_references_with_one_invalid").references) >= 1


def test_the_parent_is_never_cut_from_a_long_chain() -> None:
    chain = b" ".join(b"<%d.%s@x>" % (number, b"y" * 200) for number in range(400))
    head = b"From: a@b.example\nReferences: " + chain
    last = f"399.{'y' * 200}@x"
    assert parse_mail(head + b"\n\nx").references[-1] == last
    with_parent = parse_mail(head + b"\nIn-Reply-To: <parent@x>\n\nx").references
    assert with_parent[-2:] == (last, "parent@x")
    assert len(with_parent) == 50


def test_the_fingerprint_leaves_out_how_the_mail_came() -> None:
    raw = b"From: a@b\r\nDate: Mon\r\nSubject: s\r\nMessage-ID: <m>\r\n\r\nbody\r\n"
    assert fingerprint(b"Received: x\r\nDelivered-To: y\r\n" + raw) == fingerprint(raw)
    assert fingerprint(raw.replace(b"\r\n", b"\n") + b"\n\n") == fingerprint(raw)
    for old, new in ((b"a@b", b"c@d"), (b"Mon", b"Tue"), (b": s", b": t"), (b"<m>", b"<n>"), (b"body", b"text")):
        assert fingerprint(raw.replace(old, new)) != fingerprint(raw)


def nested(depth: int) -> bytes:
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth))
    return b"From: a@b.example\n" + parts + b"\nhi\n"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (nested(30), "nested_too_deep"),
        (nested(1000), "nested_too_deep"),
        (
            b"From: a@b.example\nTo: " + b", ".join(b"u%d@x.example" % n for n in range(50_000)) + b"\n\nhi",
            "too_many_recipients",
        ),
        (b"From: a@b.example\nX: " + b"y" * 300_000 + b"\n\nhi", "header_too_large"),
        (b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nhi\n" * 600, "too_many_parts"),
        (
            b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n"
            + b"--x\nContent-Disposition: attachment\n\nhi\n" * 250,
            "too_many_attachments",
        ),
    ],
)
def test_what_is_out_of_bounds_is_rejected_with_its_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(MailRejected) as rejection:
        parse_mail(raw)
    assert rejection.value.reason == reason


def test_more_files_than_are_handed_on_are_no_reason_to_put_a_mail_aside() -> None:
    file = b"--x\nContent-Disposition: attachment\n\nhi\n"
    mail = parse_mail(b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n" + file * 60 + b"--x--\n")
    assert len(mail.attachments) == 60


def test_long_text_is_cut_and_says_so() -> None:
    mail = parse_mail(b"From: a@b.example\n\n" + b"word " * 200_000)
    assert mail.text_truncated
    assert len(mail.text) <= 512 * 1024


HEADERS = st.sampled_from(
    [
        b"From",
        b"To",
        b"Subject",
        b"Content-Type",
        b"Content-Transfer-Encoding",
        b"Content-Disposition",
        b"References",
        b"X",
    ]
)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"multipart/mixed; boundary=b",
            b'multipart/alternative; boundary="b"',
            b"message/rfc822",
            b"text/html; charset=\xff",
            b"message/delivery-status",
            b"base64",
            b"quoted-printable",
            b"x-uuencode",
            b"=?utf-8?b?4?=",
            b"=?x?q?=00=0D=0A?=",
            b"attachment; filename*=utf-9''%ff%00",
            b"a@b.example",
            b'"a" <a@b.example>, (((',
            b"multipart/report; boundary=b",
        ]
    ),
)
PIECES = st.one_of(
    st.tuples(HEADERS, VALUES).map(lambda pair: pair[0] + b": " + pair[1] + b"\n"),
    st.sampled_from(
        [b"\n", b"\r\n", b"--b\n", b"--b--\n", b"begin 644 x\n", b"<p>\n", b"> quoted\n", b"On x wrote:\n"]
    ),
    st.binary(max_size=40),
)


def invariants(mail: ParsedMail) -> None:
    for line in (mail.subject, *(file.name for file in mail.attachments), *([mail.sender.name] if mail.sender else [])):
        assert not any(ord(char) < 32 or 0xD800 <= ord(char) < 0xE000 for char in line)
    mail.text.encode()
    assert "\x00" not in mail.text
    assert all("/" not in file.name and not file.name.startswith(".") and file.name for file in mail.attachments)


@given(st.lists(PIECES, max_size=25).map(b"".join))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_read_or_rejected(raw: bytes) -> None:
    fingerprint(raw)
    try:
        invariants(parse_mail(raw, MailLimits(depth=5, parts=30)))
    except MailRejected:
        return


@given(st.sampled_from(sorted(CORPUS.glob("*.eml"))), st.data())
@settings(deadline=None, max_examples=150)
def test_a_damaged_real_mail_is_read_or_rejected(path: Path, data: st.DataObject) -> None:
    raw = bytearray(path.read_bytes()[:20_000])
    for _ in range(data.draw(st.integers(1, 20))):
        position = data.draw(st.integers(0, len(raw) - 1))
        raw[position : position + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=10))
        if not raw:
            break
    try:
        invariants(parse_mail(bytes(raw)))
    except MailRejected:
        return


@given(st.text(max_size=200))
def test_decoding_words_never_fails(value: str) -> None:
    decode_words(value)
    decode_words(f"=?{value}?b?{value}?=")


def test_a_parser_process_loads_no_more_than_it_needs() -> None:
    """It used to load the catalogue of events, and with it pydantic: two thirds of its start, for one constant."""
    program = "import sys, services.ingestion.parser_process as _; print('pydantic' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
