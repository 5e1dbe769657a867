"""What is in a mail besides its text: files in files, invitations, signatures, charsets, and HTML alone."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.charsets import decode_text
from services.ingestion.domain.html_text import html_to_text
from services.ingestion.domain.mail import MailSecurity, parse_mail
from services.ingestion.domain.mail.calendars import told
from services.ingestion.domain.mail.tnef import read_tnef

HEAD = b"From: a@b.example\r\nSubject: x\r\n"


def attribute(name: int, data: bytes) -> bytes:
    return pack("<BHHI", 2, name, 6, len(data)) + data + b"\x00\x00"


def winmail(text: bytes = b"Hello from Outlook\x00") -> bytes:
    name = "Rechnung \u00fc.pdf\x00".encode("utf-16-le")
    long_name = pack("<IHHII", 1, 0x1F, 0x3707, 1, len(name)) + name + b"\x00" * (-len(name) % 4)
    file = attribute(0x9002, b"\x00" * 14) + attribute(0x8010, b"RECHNU~1.PDF\x00") + attribute(0x800F, b"%PDF-1")
    return b"\x78\x9f\x3e\x22\x01\x00" + attribute(0x800C, text) + file + attribute(0x9005, long_name)


def test_what_outlook_wraps_is_unwrapped() -> None:
    raw = HEAD + b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    mail = parse_mail(raw + winmail())
    assert mail.text == "Hello from Outlook"
    assert [(file.name, file.data) for file in mail.attachments] == [("Rechnung \u00fc.pdf", b"%PDF-1")]
    empty = parse_mail(raw + winmail()[:6])
    assert [file.name for file in empty.attachments] == ["winmail.dat"]


@given(data=st.binary(max_size=200), at=st.integers(0, 200))
def test_a_damaged_wrapping_is_no_error(data: bytes, at: int) -> None:
    whole = winmail()
    read_tnef(whole[:at] + data + whole[at + len(data) :])
    read_tnef(whole[:at])


def test_an_attached_mail_is_named_by_its_subject_and_its_files_are_there_too() -> None:
    inner = (
        b"From: c@d.example\r\nSubject: Broken pump\r\n"
        b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nhi\r\n"
        b'--i\r\nContent-Type: image/png; name="pump.png"\r\n\r\nPNG\r\n--i--'
    )
    outer = HEAD + b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\nsee\r\n--o\r\n"
    mail = parse_mail(outer + b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--o--\r\n")
    assert mail.text == "see"
    assert [file.name for file in mail.attachments] == ["Broken pump.eml", "pump.png"]
    assert mail.attachments[0].data == inner


INVITATION = (
    "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Review\\, second\r\n  part\r\n"
    'DTSTART;TZID="Europe/Berlin":20260302T100000\r\nDTEND;TZID=Europe/Berlin:20260302T110000\r\n'
    "LOCATION:Room 4\r\nORGANIZER;CN=Ana:mailto:ana@b.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_an_invitation_is_told_in_one_line() -> None:
    line = (
        "Invitation: Review, second part; when: 2026-03-02 10:00 to 2026-03-02 11:00 (Europe/Berlin); where: Room 4; "
        "organiser: ana@b.example"
    )
    assert told(INVITATION, "") == line
    mail = parse_mail(HEAD + b"Content-Type: text/calendar; method=CANCEL\r\n\r\n" + INVITATION.encode())
    assert mail.text == f"[{line.replace('Invitation', 'Cancelled')}]"
    assert [file.name for file in mail.attachments] == ["invitation.ics"]
    assert told("BEGIN:VEVENT\r\nDTSTART:20260302T100000Z\r\nEND:VEVENT", "") == (
        "Appointment: without a title; when: 2026-03-02 10:00 (UTC)"
    )
    assert told("BEGIN:VCALENDAR", "") == ""


@pytest.mark.parametrize(
    ("content_type", "security"),
    [
        ("application/pkcs7-mime; smime-type=enveloped-data", MailSecurity("smime", signed=False, encrypted=True)),
        ("application/x-pkcs7-mime; smime-type=signed-data", MailSecurity("smime", signed=True, encrypted=False)),
    ],
)
def test_what_cannot_be_read_says_so_and_is_attached(content_type: str, security: MailSecurity) -> None:
    mail = parse_mail(HEAD + f"Content-Type: {content_type}; name=smime.p7m\r\n\r\nDER".encode())
    assert mail.security == security
    assert "could not be read" in mail.text
    assert [file.name for file in mail.attachments] == ["smime.p7m"]


def test_signed_mail_is_read_and_known_as_such() -> None:
    for protocol, scheme in (("application/pgp-signature", "pgp"), ("application/pkcs7-signature", "smime")):
        head = f"Content-Type: multipart/signed; protocol={protocol}; boundary=s\r\n\r\n--s\r\n\r\nhi\r\n--s--".encode()
        mail = parse_mail(HEAD + head)
        assert (mail.text, mail.security) == ("hi", MailSecurity(scheme, signed=True, encrypted=False))
    armour = (
        b"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- - one\r\ntwo\r\n-----BEGIN PGP SIGNATURE-----\r\n"
    )
    mail = parse_mail(HEAD + b"\r\n" + armour + b"\r\nabc\r\n-----END PGP SIGNATURE-----\r\n")
    assert (mail.text, mail.security) == ("- one\ntwo", MailSecurity("pgp", signed=True, encrypted=False))


@pytest.mark.parametrize(
    ("text", "sent_as", "declared"),
    [
        ("กขค สวัสดี", "cp874", "windows-874"),
        ("①株式会社", "cp932", "x-sjis"),
        ("Привет, как дела?", "koi8_r", "koi8"),
        ("Привет, как ваши дела сегодня? Мы получили посылку.", "cp1251", None),
        ("Grüße", "cp1252", "us-ascii"),
        ("Grüße aus Köln — schön", "utf-8", "iso-8859-1"),
    ],
)
def test_text_is_read_whatever_it_is_declared_as(text: str, sent_as: str, declared: str | None) -> None:
    assert decode_text(text.encode(sent_as), declared) == text


def test_japanese_with_characters_of_microsoft_alone_is_read() -> None:
    assert decode_text(b"\x1b$B-!3t\x1b(B", "iso-2022-jp") == "①株"


def test_text_that_was_encoded_twice_is_read() -> None:
    text = "Grüße aus Köln, schöne Straße"
    assert decode_text(text.encode().decode("cp1252").encode(), "utf-8") == text
    assert decode_text("Why do I see Ã¼ here?".encode(), "utf-8") == "Why do I see Ã¼ here?"


def test_html_alone_gives_a_text_to_read() -> None:
    html = (
        "<table><tr><td>Order</td><td>4711</td></tr><tr><td>Total</td><td>9&nbsp;&euro;</td></tr></table>"
        "<ol><li>one<li>two<ul><li>deep</ul></ol><p><a href='https://a.example/x'>Track it</a> "
        "<a href='https://b.example/'>b.example</a></p><img alt='Our logo' src='cid:1'>"
    )
    text, is_whole = html_to_text(html)
    assert is_whole
    assert text.splitlines() == [
        *("Order  4711", "Total  9\u00a0€", "", "1. one", "2. two", "  - deep", ""),
        *("Track it (https://a.example/x) b.example", "", "Our logo"),
    ]


@given(
    pieces=st.lists(st.sampled_from(["<", ">", "</", "<a href='", "<b", "<!--", "-->", '"', "'", "x", "<pre>", "&"]))
)
def test_no_html_is_an_error(pieces: list[str]) -> None:
    html_to_text("".join(pieces))
