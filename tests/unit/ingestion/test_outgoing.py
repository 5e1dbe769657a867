"""Written mail and foreign events, as plain values."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.cloudevents import MalformedCloudEvent, from_kafka, from_structured, readable
from services.ingestion.domain.delivery import wait_after
from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.domain.outgoing import (
    OutgoingAttachment,
    OutgoingMail,
    Undeliverable,
    compose,
    copies,
    envelope,
    reply_subject,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def outgoing(**changes: object) -> OutgoingMail:
    fields = {
        "message_id": "a.b@desk.example",
        "sender": Mailbox("support@desk.example", "Support"),
        "recipient": Mailbox("ada@example.org", "Ada"),
        "reply_to": "support+r.x@desk.example",
        "subject": "Printer",
        "ticket_number": 7,
        "text": "Hi",
        "written_at": NOW,
    }
    return OutgoingMail(**{**fields, **changes})  # type: ignore[arg-type]


@given(subject=st.text(max_size=120), name=st.text(max_size=80), reference=st.text(max_size=40))
@settings(deadline=None)
def test_no_value_adds_a_header(subject: str, name: str, reference: str) -> None:
    for attack in ("", "\r\nBcc: x@y", "=?utf-8?q?=0D=0ABcc=3A_x=40y?=", "=?utf-8?b?DQpCY2M6IHhAeQ==?="):
        message = compose(
            outgoing(
                subject=subject + attack + subject,
                recipient=Mailbox("ada@example.org", name + attack + name),
                sender=Mailbox("support@desk.example", attack + name),
                in_reply_to=reference + attack,
                references=[reference, attack],
            )
        )
        parsed = message_from_bytes(bytes(message), policy=policy.compat32)
        allowed = {"Message-ID", "Date", "From", "To", "Reply-To", "Subject", "In-Reply-To", "References"}
        allowed |= {"Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
        assert set(parsed.keys()) <= allowed
        assert len(parsed.keys()) == len(set(parsed.keys()))


def test_a_formatted_reply_has_both_its_text_and_its_html() -> None:
    html = "<p>Grüße, <b>Ada</b></p>"
    attachment = OutgoingAttachment("a.txt", "text/plain", b"file")
    mail = outgoing(text="Grüße, Ada", html=html, attachments=[attachment])
    assert bytes(compose(mail)).isascii()
    parsed = message_from_bytes(bytes(compose(mail)), policy=policy.default)
    assert parsed.get_content_type() == "multipart/mixed"
    both, file = parsed.iter_parts()
    assert both.get_content_type() == "multipart/alternative"
    plain, rich = both.iter_parts()
    assert (plain.get_content_type(), plain.get_content().strip()) == ("text/plain", "Grüße, Ada")
    assert rich.get_content_type() == "text/html"
    assert html in rich.get_content()
    assert file.get_filename() == "a.txt"
    alone = message_from_bytes(bytes(compose(outgoing(text="a"))), policy=policy.default)
    assert alone.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": "a b@c"},
        {"message_id": "a>\r\nBcc: x"},
        {"recipient": Mailbox("ada@example.org\r\nBcc: x@y")},
        {"recipient": Mailbox("ada@example.org, eve@evil.example")},
        {"recipient": Mailbox("jöhn@example.org")},
        {"reply_to": "nobody"},
    ],
)
def test_an_unsafe_address_or_id_is_not_written(changes: dict[str, object]) -> None:
    with pytest.raises(Undeliverable):
        compose(outgoing(**changes))


def test_a_domain_is_that_of_the_customer_and_of_nobody_else() -> None:
    """IDNA 2003 makes strasse.de of it: a stranger's domain got the answer, with a link to the ticket."""
    assert envelope(compose(outgoing(recipient=Mailbox("ana@straße.de")))) == ["ana@xn--strae-oqa.de"]


# What tickets takes for an address, and some of what has been seen to go wrong in one.
_DOMAINS = st.text(
    st.sampled_from("aü1א❤ß-_.，＠（；。\u200d\u00ad") | st.characters(codec="utf-8"), min_size=1, max_size=70
)


@given(cc=st.lists(st.tuples(st.text("a.ü'=?_\u3000", min_size=1, max_size=9), _DOMAINS).map("@".join), max_size=4))
@example(cc=[f"a@{'ü' * 60}.de", "a@א1a.com", "x@a，b.com", "x@exa＠evil.com", "a..b@docomo.ne.jp"])
@settings(deadline=None)
def test_whatever_is_copied_to_can_be_written_and_nothing_is_lost(cc: list[str]) -> None:
    mail = outgoing()
    writable, unwritable = copies(cc, recipient=mail.recipient.address, own=Identities(Identity(None, mail.sender)))
    recipients = envelope(compose(outgoing(cc=writable)))
    assert len(recipients) == 1 + len(writable)
    assert all(address.count("@") == 1 and "," not in address for address in recipients)
    assert {each for each in cc if each.strip().lower() not in writable} == set(unwritable)


def test_long_ids_stay_whole_and_references_are_bounded() -> None:
    ids = [f"{'x' * 120}{number}@example.org" for number in range(50)]
    raw = bytes(compose(outgoing(references=ids, in_reply_to=ids[-1])))
    references = message_from_bytes(raw, policy=policy.compat32)["References"].split()
    assert references[0] == f"<{ids[0]}>"
    assert references[-1] == f"<{ids[-1]}>"
    assert len(references) == 20
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_subjects_have_prefix_and_tag_once() -> None:
    assert reply_subject("Printer", 7) == "Re: Printer [#7]"
    assert reply_subject("RE: Printer [#7]", 7) == "RE: Printer [#7]"
    assert reply_subject("", 7) == "Re: [#7]"


def test_waits_grow_and_end() -> None:
    waits = []
    while (wait := wait_after(len(waits) + 1)) is not None:
        waits.append(wait)
    assert waits == sorted(waits)
    assert timedelta(hours=12) < sum(waits, timedelta()) < timedelta(days=5)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_data_can_be_read(data: object) -> None:
    text = readable(data)
    assert isinstance(text, str)
    if isinstance(data, str):
        assert text == data


def test_deep_and_long_data_is_bounded() -> None:
    deep: object = "x"
    for _ in range(50):
        deep = {"a": deep}
    assert readable(deep).count("\n") < 10
    wide: list[object] = [
        list(range(1_000_000)),
        dict.fromkeys(map(str, range(100_000)), 1),
        [[1]] * 100_000,
        {"a": list(range(100_000)), "b": list(range(100_000))},
    ]
    for data in wide:
        assert len(readable(data).splitlines()) <= 2001
    assert len(readable({"a": "x" * 1_000_000})) < 20_000


@pytest.mark.parametrize("name", ["id", "source", "type", "subject"])
@pytest.mark.parametrize("value", ["\ud800", "a\udfff", "\u200e\u2066", "\x01\x02", "\u2028", "a\x00"])
def test_an_attribute_that_cannot_be_stored_or_seen_is_malformed(name: str, value: str) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "s"}
    with pytest.raises(MalformedCloudEvent, match=name):
        from_structured({**event, name: value})


@given(JSON)
def test_any_document_is_an_event_or_malformed(document: object) -> None:
    try:
        from_structured(document)
    except MalformedCloudEvent:
        return


def test_binary_and_structured_mode_say_the_same() -> None:
    structured = from_structured({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": 1}})
    binary = from_kafka(
        {
            "ce_specversion": b"1.0",
            "ce_id": b"1",
            "ce_source": b"/s",
            "ce_type": b"t",
            "content-type": b"application/json",
        },
        b'{"a": 1}',
    )
    assert structured == binary
    encoded = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data_base64": "eyJhIjogMX0="}
    assert from_structured(encoded) == structured
    for headers in ({}, {"ce_id": b"\xff"}, {"content-type": b"application/cloudevents+json"}):
        with pytest.raises(MalformedCloudEvent):
            from_kafka(headers, b"{")
