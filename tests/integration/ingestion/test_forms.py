"""The form for everybody: stored before it is acknowledged, once, with everything kept that was typed."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text as sql

from services.ingestion.domain.forms import MAX_BY_ADDRESS, MAX_BY_LINK
from services.ingestion.service.forms import forget_writes
from shared.db import now_utc
from shared.events.common import (
    Actor,
    ActorKind,
    Channel,
    Priority,
    Requester,
    TicketSnapshot,
    TicketStatus,
    TicketType,
)
from shared.events.forms import FormsPublished, PublicField, PublicForm, PublicOption
from shared.events.tickets import MessageKind, ThreadMessage, TicketCreated
from shared.ids import uuid7
from shared.portal import PortalSeal
from tests.asgi import Answer, Client
from tests.integration.ingestion.harness import Desk
from tests.integration.ingestion.test_outbound import reply

SECRET = "a secret of this test that is long enough"
SEAL = PortalSeal([SECRET])
TYPED = {"name": "Ana Duarte", "email": "Ana@Example.org", "subject": "My <b>lamp</b>", "text": "It is\nbroken."}

MakeDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture
async def desk(make_desk: MakeDesk) -> Desk:
    return await make_desk(DESK_PORTAL_SECRET=SECRET)


def a_pass() -> str:
    """Of a page that was opened a minute ago."""
    return SEAL.form(uuid7(), now_utc() - timedelta(minutes=1))


async def send(
    desk: Desk, path: str, values: dict[str, Any], files: dict[str, bytes] | None = None, **headers: str
) -> Answer:
    """What a browser sends when somebody presses the button."""
    parts = [("files", (name, data)) for name, data in (files or {}).items()]
    # A part without a file, as a browser has it, makes it multipart in any case.
    made = httpx.Request("POST", "http://desk/", data=values, files=parts or [("files", ("", b""))])
    return await Client(desk.app).request(
        "POST", path, body=made.read(), headers={"content-type": made.headers["content-type"], **headers}
    )


def outgoing(desk: Desk) -> list[Path]:
    return list(desk.settings.outgoing_dir.glob("*.eml"))


def told(data: dict[str, Any], **of_ticket: Any) -> TicketCreated:
    """What tickets makes of a message that came by the form."""
    ticket = TicketSnapshot(
        id=uuid7(),
        number=4711,
        version=1,
        subject=data["subject"],
        status=TicketStatus.NEW,
        priority=Priority.NORMAL,
        type=TicketType.QUESTION,
        channel=Channel.FORM,
        requester=Requester(customer_id=uuid7(), name="Ana", email=data["sender"]["address"]),
        language=data["language"],
        conversation_id=data["conversation_id"],
        created_at=now_utc(),
        updated_at=now_utc(),
        **of_ticket,
    )
    message = ThreadMessage(
        id=data["message_id"],
        kind=MessageKind.CUSTOMER,
        channel=Channel.FORM,
        author=Actor(kind=ActorKind.CUSTOMER, id="x"),
        text=data["text"],
        added_at=now_utc(),
    )
    return TicketCreated(ticket=ticket, message=message, actor=message.author)


async def test_a_request_is_stored_once_acknowledged_and_followed(desk: Desk) -> None:
    values = {**TYPED, "pass": a_pass()}
    first = await send(desk, "/portal/request?lang=de", values, {"label.txt": b"A label"})
    again = await send(desk, "/portal/request?lang=de", values, {"label.txt": b"A label"})
    assert first.status == again.status == 303, first.body
    [data] = await desk.events("message.received.v1")
    assert (data["channel"], data["sender"]["address"], data["language"]) == ("form", "ana@example.org", "de")
    assert (data["subject"], data["text"]) == ("My <b>lamp</b>", "It is\nbroken.")
    assert data["evidence"]["authentication"] == "none", "anybody can type any address in"
    assert [file["name"] for file in data["attachments"]] == ["label.txt"]
    assert await desk.scalar("SELECT count(*) FROM attachments WHERE message_id IS NOT NULL") == 1

    await desk.consume(told(data))
    shown = await Client(desk.app).get(first.headers["location"])
    assert shown.status == 200
    assert "#4711" in shown.body.decode()
    link = re.search(r"/portal/ticket\?link=([\w-]+)", shown.body.decode())
    assert link is not None
    opened = SEAL.opened_link(link[1], now_utc())
    assert opened is not None
    assert not opened.mailed

    while await desk.notifying().turn():
        pass
    [file] = outgoing(desk)
    mail: Any = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert mail["To"] == "ana@example.org"
    body = mail.get_body(("plain",)).get_content()
    assert "Ihre Anfrage ist bei uns angekommen" in body
    # A form that mails what somebody typed to an address that they typed is a relay for spam.
    assert not any(word in f"{mail}{body}" for word in ("lamp", "broken", "Duarte"))
    mailed = re.search(r"/portal/ticket\?link=([\w-]+)", body)
    assert mailed is not None
    opened = SEAL.opened_link(mailed[1], now_utc())
    assert opened is not None
    assert opened.mailed


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"website": "https://spam.example"}, "has to stay empty was filled in"),
        ({"pass": "no token"}, "open for long"),
        ({"email": "ana at example"}, "an e-mail address like"),
        ({"subject": " "}, "Please fill this in"),
        ({"text": "x" * 10_001}, "too long"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_lost(desk: Desk, changed: dict[str, str], says: str) -> None:
    values = {**TYPED, "pass": a_pass(), **changed}
    answer = await send(desk, "/portal/request", values, {"label.txt": b"A label"})
    page = answer.body.decode()
    assert answer.status == 422
    assert says in page
    assert "choose your files again" in page
    for name in ("name", "email"):
        assert f'value="{values[name]}"' in page
    assert unescape(page).count(values["text"]) == 1
    assert "<b>lamp" not in page
    assert await desk.events("message.received.v1") == []


async def test_what_comes_sooner_than_a_person_writes_waits_under_the_same_token(desk: Desk) -> None:
    given = SEAL.form(uuid7(), now_utc() + timedelta(seconds=30))
    answer = await send(desk, "/portal/request", {**TYPED, "pass": given})
    assert answer.status == 422
    assert f'name="pass" value="{given}"' in answer.body.decode()
    assert await desk.events("message.received.v1") == []


async def test_a_file_that_might_run_is_not_taken_and_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    answer = await send(desk, "/portal/request", {**TYPED, "pass": a_pass()}, {"a.txt": b"a", "run.exe": b"MZ\x00"})
    assert answer.status == 422
    assert 'id="files-error"' in answer.body.decode()
    assert stored(tmp_path) == []


async def test_the_fields_of_a_form_are_shown_and_read_by_their_kind(desk: Desk) -> None:
    fields = (
        PublicField(
            key="device",
            kind="choice",
            labels={"en": "Device", "de": "Gerät"},
            required=True,
            options=(PublicOption(value="printer", labels={"en": "Printer", "de": "Drucker"}),),
        ),
        PublicField(key="bought", kind="date", labels={"en": "Bought on"}),
        PublicField(key="price", kind="money", labels={"en": "Price"}, currencies=("EUR",)),
        PublicField(key="count", kind="number", labels={"en": "Count"}, decimals=0, minimum=1),
    )
    forms = (PublicForm(key="repair", labels={"en": "Repair"}, fields=fields), PublicForm(key="other"))
    await desk.consume(FormsPublished(forms=forms, published_at=now_utc()))
    visitor = Client(desk.app)
    assert "/portal/request?form=repair" in (await visitor.get("/portal/request")).body.decode()
    page = (await visitor.get("/portal/request", form="repair", lang="de")).body.decode()
    assert "Gerät" in page
    assert "Drucker" in page

    own = {"field.price": "12,50", "field.price.currency": "EUR", "field.count": "0", "field.bought": "2026-02-30"}
    answer = await send(desk, "/portal/request?form=repair", {**TYPED, "pass": a_pass(), **own})
    assert answer.status == 422
    wrong = set(re.findall(r'id="field\.(\w+)-error"', answer.body.decode()))
    assert wrong == {"device", "bought", "count"}
    assert 'value="12,50"' in answer.body.decode()

    own |= {"field.device": "printer", "field.count": "2", "field.bought": "2026-02-28"}
    answer = await send(desk, "/portal/request?form=repair", {**TYPED, "pass": a_pass(), **own})
    assert answer.status == 303, answer.body
    [data] = await desk.events("message.received.v1")
    assert data["form"] == {
        "key": "repair",
        "values": {
            "device": "printer",
            "bought": "2026-02-28",
            "price": {"amount": "12.50", "currency": "EUR"},
            "count": 2,
        },
    }


async def test_what_was_changed_and_sent_again_is_not_lost(desk: Desk) -> None:
    values = {**TYPED, "pass": a_pass()}
    for text in ("First", "Second", "First"):
        assert (await send(desk, "/portal/request", {**values, "text": text})).status == 303
    assert [data["text"] for data in await desk.events("message.received.v1")] == ["First", "Second"]


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "unicode_escape", '"utf-16"'])
async def test_pages_are_sent_in_no_charset_but_their_own(desk: Desk, charset: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\\ud800\xff\r\n--x--\r\n'
    for path in ("/portal/request", "/portal/reply"):
        answer = await Client(desk.app).request(
            "POST", path, body=body, headers={"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
        )
        assert answer.status == 403


async def test_a_notice_of_a_kind_that_is_not_known_yet_waits_for_who_knows_it(desk: Desk) -> None:
    assert (await send(desk, "/portal/request", {**TYPED, "pass": a_pass()})).status == 303
    [data] = await desk.events("message.received.v1")
    await desk.consume(told(data))
    async with desk.database.transaction() as session:
        await session.execute(sql("UPDATE notices SET kind = 'of_tomorrow'"))
    while await desk.notifying().turn():
        pass
    assert outgoing(desk) == []
    assert await desk.scalar("SELECT attempts FROM notices WHERE state = 'queued'") == 0


def stored(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


async def test_one_address_is_not_written_from_without_end(desk: Desk, tmp_path: Path) -> None:
    """What was typed is still there, it is said how long to wait, and no file of it was stored."""
    passes = [a_pass() for _ in range(MAX_BY_ADDRESS + 1)]
    answers = [await send(desk, "/portal/request", {**TYPED, "pass": each}) for each in passes]
    assert [each.status for each in answers] == [303] * MAX_BY_ADDRESS + [429]
    assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600
    late = await send(desk, "/portal/request", {**TYPED, "pass": passes[-1]}, {"label.txt": b"A label"})
    assert late.status == 429
    page = unescape(late.body.decode())
    assert "written to us many times" in page
    assert "choose your files again" in page
    assert f'name="pass" value="{passes[-1]}"' in page
    assert all(typed in page for typed in TYPED.values())
    assert stored(tmp_path) == []
    assert len(await desk.events("message.received.v1")) == MAX_BY_ADDRESS
    again = await send(desk, "/portal/request", {**TYPED, "pass": passes[0]})
    assert again.status == 303, "it was taken before"
    other = {**TYPED, "email": "tom@example.org", "pass": a_pass()}
    assert (await send(desk, "/portal/request", other)).status == 303


async def test_one_caller_does_not_fill_the_store(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever address is typed in: who connects is counted, IPv6 by /64, and only in the last hour."""
    monkeypatch.setattr("services.ingestion.domain.forms.MAX_BYTES_BY_CALLER", 25)

    async def sent(caller: str, size: int = 10) -> Answer:
        values = {**TYPED, "email": f"{uuid7().hex}@example.org", "pass": a_pass()}
        return await send(desk, "/portal/request", values, {"a.txt": b"x" * size} if size else None, x_real_ip=caller)

    assert [(await sent(f"2001:db8:1:2::{turn}")).status for turn in range(3)] == [303, 303, 429]
    assert len(stored(tmp_path)) == 2
    refused = await sent("2001:db8:1:2:ffff::1")
    assert "send it without files" in refused.body.decode()
    assert 3500 < int(refused.headers["retry-after"]) <= 3600
    assert (await sent("2001:db8:1:2::1", size=0)).status == 303, "text alone is not counted"
    assert (await sent("2001:db8:1:3::1")).status == 303
    assert (await sent("192.0.2.1")).status == 303
    async with desk.database.transaction() as session:
        await session.execute(sql("UPDATE portal_uploads SET uploaded_at = uploaded_at - interval '61 minutes'"))
    assert (await sent("2001:db8:1:2::1")).status == 303
    async with desk.database.transaction() as session:
        assert await forget_writes(session, now_utc()) == 4
    assert await desk.scalar("SELECT count(*) FROM portal_uploads") == 1


async def test_many_long_answers_are_said_to_be_too_long(desk: Desk) -> None:
    """Together they were more than a ticket keeps, or an event carries, and the page was an error of ours."""
    keys = [f"f{number}" for number in range(30)]
    own = tuple(PublicField(key=key, kind="text", labels={"en": key}) for key in keys)
    await desk.consume(FormsPublished(forms=(PublicForm(key="long", fields=own),), published_at=now_utc()))
    values = {**TYPED, "pass": a_pass(), **{f"field.{key}": "ü" * 1_000 for key in keys}, "field.f7": "ü" * 1_200}
    answer = await send(desk, "/portal/request", values)
    page = answer.body.decode()
    assert answer.status == 422
    said = re.search(r"shorten them by about (\d+) characters", page)
    assert said is not None
    assert re.findall(r'id="field\.(\w+)-error"', page) == ["f7"]
    assert page.count("ü" * 1_000) == 30
    excess = int(said[1])
    for key in keys:
        kept = max(0, 1_000 - excess)
        excess -= 1_000 - kept
        values[f"field.{key}"] = "ü" * kept
    assert (await send(desk, "/portal/request", values)).status == 303


async def test_what_is_asked_for_under_a_condition_says_so(desk: Desk) -> None:
    own = (PublicField(key="serial", kind="text", labels={"en": "Serial"}, conditional=True),)
    await desk.consume(FormsPublished(forms=(PublicForm(key=None, fields=own),), published_at=now_utc()))
    page = (await Client(desk.app).get("/portal/request")).body.decode()
    assert re.search(r'<label for="field.serial">Serial\s*<span class="optional">\(only if it applies\)', page)
    assert not re.search(r'id="field.serial"[^>]* required', page)


async def test_a_reply_joins_its_conversation_once(desk: Desk) -> None:
    ticket_id, conversation_id = uuid7(), uuid7()
    for mailed, authentication in ((True, "pass"), (False, "none")):
        link = SEAL.link(ticket_id, conversation_id, "ana@example.org", mailed=mailed, now=now_utc())
        values = {"link": link, "pass": a_pass(), "text": "Any news?"}
        answers = [await send(desk, "/portal/reply", values) for _ in range(2)]
        assert {each.headers["location"] for each in answers} == {answers[0].headers["location"]}
        data = (await desk.events("message.received.v1"))[-1]
        assert data["conversation_id"] == data["evidence"]["token_conversation_id"] == str(conversation_id)
        assert data["evidence"]["authentication"] == authentication
        assert data["sender"]["address"] == "ana@example.org"
        assert f"sent={data['message_id']}" in answers[0].headers["location"]
    assert len(await desk.events("message.received.v1")) == 2

    empty = await send(desk, "/portal/reply", {"link": link, "pass": a_pass(), "text": " "})
    assert empty.status == 422
    assert "Please fill this in" in empty.body.decode()
    late = await send(desk, "/portal/reply", {"link": link, "pass": "", "text": "All of <this>"})
    assert "All of &lt;this&gt;" in late.body.decode()


async def test_one_link_is_not_written_by_without_end(desk: Desk) -> None:
    link = SEAL.link(uuid7(), uuid7(), "ana@example.org", mailed=True, now=now_utc())
    answers = [
        await send(desk, "/portal/reply", {"link": link, "pass": a_pass(), "text": f"My {turn} < words"})
        for turn in range(MAX_BY_LINK + 1)
    ]
    assert [each.status for each in answers] == [303] * MAX_BY_LINK + [429]
    assert int(answers[-1].headers["retry-after"]) > 3500
    page = answers[-1].body.decode()
    assert f"My {MAX_BY_LINK} &lt; words</textarea>" in page
    assert f'name="link" value="{link}"' in page
    assert "written to us many times" in page


async def test_without_a_secret_there_are_no_pages(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    assert (await Client(desk.app).get("/portal/request")).status == 404
    assert (await send(desk, "/portal/request", {**TYPED, "pass": a_pass()})).status == 404


async def test_a_reply_has_the_link_of_its_ticket_unless_others_get_it_too(desk: Desk) -> None:
    """Whoever has the link writes as the requester: a copy of the mail is no place for it."""
    alone, copied = reply(uuid7(), html="<p>Water?</p>"), reply(uuid7(), cc=("tom@example.org",))
    await desk.consume(alone, copied)
    while await desk.delivery().turn():
        pass
    mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in outgoing(desk)]
    by_copy = {bool(mail["Cc"]): mail for mail in mails}
    for kind in ("plain", "html"):
        part: Any = by_copy[False].get_body((kind,))
        link = re.search(r"/portal/ticket\?link=([\w-]+)", part.get_content())
        assert link is not None
        opened = SEAL.opened_link(link[1], now_utc())
        assert opened is not None
        assert (opened.ticket_id, opened.address, opened.mailed) == (alone.ticket.id, "ada@example.org", True)
    assert "/portal/" not in str(by_copy[True])
