"""Mailboxes, tokens, authentication results, file names."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.addresses import Mailbox, in_ascii, normalise_address, parse_mailboxes
from services.ingestion.domain.authentication import sender_authentication
from services.ingestion.domain.files import safe_file_name, sniff_content_type
from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.domain.text import clean_line, truncate_utf8
from services.ingestion.domain.tokens import conversation_of, outgoing_message_id, reply_address
from shared.events.messages import Authentication

KEY = b"k" * 32
BASE = Mailbox("support@desk.example", "Support")


@pytest.mark.parametrize(
    ("field", "addresses"),
    [
        ("Ada <Ada@Example.org>", ["ada@example.org"]),
        ('"Lovelace, Ada" <ada@example.org>', ["ada@example.org"]),
        ("Lovelace, Ada <ada@example.org>", ["ada@example.org"]),
        ("a@b.example, Bob <b@b.example>", ["a@b.example", "b@b.example"]),
        ("(com(ment)) a@b.example (x)", ["a@b.example"]),
        ("undisclosed-recipients:;", []),
        ("Team: a@b.example, c@d.example;", ["a@b.example", "c@d.example"]),
        ("=?utf-8?q?a=2C_b=40c=2Eexample?= <r@s.example>", ["r@s.example"]),
        ("bank@bank.example <eve@evil.example>", ["eve@evil.example"]),
        ("alice@co)<bob@evil>", []),
        ("<a@b.example> <c@d.example>", []),
        ("a@b@c.example", []),
        ('"unterminated <a@b.example>', []),
        ("(" * 50_000, []),
        ("x@y.example\r\nBcc: z@q.example", []),
        ('"a b"@c.example', []),
        ("a@[127.0.0.1]", []),
        ("a" * 65 + "@b.example", []),
    ],
)
def test_a_field_gives_its_mailboxes_or_none(field: str, addresses: list[str]) -> None:
    assert [mailbox.address for mailbox in parse_mailboxes(field, limit=10)] == addresses


@given(st.text(alphabet='ab@.<>()",;:\\ \r\n\x00é', max_size=60))
def test_whatever_the_field_its_addresses_are_addresses(field: str) -> None:
    for mailbox in parse_mailboxes(field, limit=5):
        assert normalise_address(mailbox.address) == mailbox.address
        assert mailbox.address.count("@") == 1
        assert not set(mailbox.address) & set('<>()",;:\\ \r\n\x00')


@given(st.uuids(), st.emails().map(str.lower))
def test_a_token_leads_back_to_its_conversation(conversation: UUID, correspondent: str) -> None:
    address = reply_address(KEY, BASE, conversation, correspondent)
    assert len(address.partition("@")[0]) <= 64
    own = Identities(Identity(None, Mailbox("else@other.example")), [Identity(uuid4(), BASE)])
    assert own.of_address(address) == own.others[0]
    assert conversation_of(KEY, own, ("x@y.example", address), correspondent) == conversation
    assert conversation_of(KEY, own, (address,), "other@example.org") is None
    assert conversation_of(b"o" * 32, own, (address,), correspondent) is None
    assert conversation_of(KEY, Identities(own.default), (address,), correspondent) is None


def test_our_message_ids_are_stable_and_not_guessable() -> None:
    id_ = uuid4()
    assert outgoing_message_id(KEY, BASE, id_) == outgoing_message_id(KEY, BASE, id_)
    assert outgoing_message_id(KEY, BASE, id_) != outgoing_message_id(b"o" * 32, BASE, id_)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["mx.desk; dmarc=pass header.from=a.example"], Authentication.PASS),
        (["mx.desk; dmarc=pass (p=none) header.from=b.example"], Authentication.FAIL),
        (["mx.desk; dmarc=fail header.from=a.example; dkim=pass header.d=a.example"], Authentication.FAIL),
        (["mx.desk; dkim=pass header.d=a.example"], Authentication.PASS),
        (["mx.desk; spf=pass smtp.mailfrom=bounce@a.example"], Authentication.PASS),
        (["mx.desk; spf=pass smtp.mailfrom=a.example.evil.example"], Authentication.NONE),
        (["mx.desk; dkim=fail header.d=a.example"], Authentication.NONE),
        (["mx.evil; dmarc=pass header.from=a.example"], Authentication.NONE),
        (["mx.desk; none", "mx.desk; dmarc=pass header.from=a.example"], Authentication.NONE),
        (['MX.desk 1; dkim/1=pass reason="ok; really" header.d=A.example header.b=ab+/=='], Authentication.PASS),
        (["mx.desk; dkim=pass header.d=a.example header.i=@b.example"], Authentication.NONE),
        (["mx.desk; dmarc=pass (p=none)"], Authentication.NONE),
        (["mx.desk; dmarc=pass policy.from=a.example; dkim=pass header.d=a.example"], Authentication.PASS),
        (["mx.desk (a (nested) one); dkim = pass header.d = a.example"], Authentication.PASS),
        ([], Authentication.NONE),
    ],
)
def test_only_the_topmost_trusted_result_counts(fields: list[str], expected: Authentication) -> None:
    assert sender_authentication(fields, trusted="mx.desk", sender_domain="a.example") is expected
    assert sender_authentication(fields, trusted=None, sender_domain="a.example") is Authentication.NONE


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        (".htaccess", "htaccess"),
        ("\u200b.htaccess", "htaccess"),
        ("a\x00.png", "a.png"),
        ("evil\u202egnp.exe", "evil gnp.exe"),
        ('a"b\r\n.png', "a_b.png"),
        ("", "file"),
        ("...", "file"),
    ],
)
def test_file_names_are_one_visible_component(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


@given(st.text(max_size=300))
def test_any_file_name_is_safe(name: str) -> None:
    safe = safe_file_name(name)
    assert safe
    assert len(safe) <= 120
    assert not safe.startswith(".")
    assert not set(safe) & set('/\\:*?"<>|\x00\r\n')


def test_types_are_judged_by_bytes() -> None:
    assert sniff_content_type(b"%PDF-1.7", "x.html") == "application/pdf"
    assert sniff_content_type(b"<svg onload=x>", "x.svg") == "text/plain"
    assert sniff_content_type(b"PK\x03\x04", "a.docx").endswith("wordprocessingml.document")
    assert sniff_content_type(b"\x00\x01", "x.txt") == "application/octet-stream"


@given(st.text(), st.integers(0, 200))
def test_cut_text_is_a_start_and_fits(text: str, limit: int) -> None:
    valid = text.encode("utf-8", "replace").decode()
    cut = truncate_utf8(valid, limit)
    assert valid.startswith(cut)
    assert len(cut.encode()) <= limit


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ana@straße.de", "ana@xn--strae-oqa.de"),
        ("ana@exämple.org", "ana@xn--exmple-cua.org"),
        ("ana@ä..org", "ana@ä..org"),
        ("foo", "foo"),
    ],
)
def test_an_address_is_compared_with_its_domain_in_ascii(address: str, written: str) -> None:
    """Python's codec took the two of ß for one; what is no address became one without a name."""
    assert in_ascii(address) == written


@given(st.text(max_size=100))
def test_a_line_is_one_line(text: str) -> None:
    line = clean_line(text, 50)
    assert len(line) <= 50
    assert len(line.splitlines()) <= 1
