"""One permanent test for each way in which a page without an account could tell or let do too much.

Classes: a capability of somebody else's, altered or out of date (CWE-639, CWE-613); what is internal in what is public
(CWE-200); stored XSS (CWE-79); requests that another site has a browser send (CWE-352); guessing what exists (CWE-204).
What visitors send is bounded, and mails nobody what they typed: `tests/integration/ingestion/test_forms.py`.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest_asyncio

from services.tickets.service.forms import publish
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import AttachmentRef, Channel
from shared.events.forms import FilledForm
from shared.ids import uuid7
from shared.portal import PortalSeal
from shared.portal.links import LINK_LASTS
from tests.asgi import Answer, Client
from tests.conftest import Databases
from tests.integration.tickets.harness import Desk, received, running_desk

SEAL = PortalSeal(["a secret of this test that is long enough"])
ATTACK = "<script>document.title='caught'</script><img src=x onerror=alert(1)> javascript:alert(1)"


@dataclass
class World:
    """Ana's ticket with an answer and a note, and Tom's."""

    desk: Desk
    ana: UUID
    tom: UUID
    conversation: UUID
    agent: Client

    def link(self, address: str = "ana@example.com", *, mailed: bool = True, age: timedelta = timedelta()) -> str:
        """A link to Ana's ticket."""
        return SEAL.link(self.ana, self.conversation, address, mailed=mailed, now=now_utc() - age)

    async def page(self, link: str, **query: str) -> Answer:
        return await Client(self.desk.app).get("/portal/ticket", link=link, **query)


@pytest_asyncio.fixture(scope="module")
async def world(databases: Databases) -> AsyncIterator[World]:
    async with databases.database("tickets") as database, running_desk(database) as desk:
        desk.app.state.portal_seal = SEAL
        file = AttachmentRef(id=uuid7(), key="ab/cd/ef", name="a<b>.txt", content_type="text/plain", size_bytes=1)
        hers = received("ana@example.com", channel=Channel.FORM, subject=ATTACK, text=ATTACK, attachments=(file,))
        await desk.take(hers, received("tom@example.com", text="Of Tom alone"))
        rows = await desk.rows("SELECT t.id, t.requester_email FROM tickets t")
        ids = {row.requester_email: row.id for row in rows}
        agent = (await desk.person(Role.AGENT, name="Grace")).client
        ana = ids["ana@example.com"]
        assert (await agent.post(f"/api/tickets/{ana}/notes", {"text": "Of agents alone"})).status == 201
        assert (await agent.post(f"/api/tickets/{ana}/replies", {"text": f"Answered. {ATTACK}"})).status == 201
        yield World(desk, ana, ids["tom@example.com"], hers.conversation_id, agent)


async def test_its_holder_sees_what_is_public_of_one_ticket(world: World) -> None:
    page = await world.page(world.link())
    html = page.body.decode()
    assert page.status == 200
    assert "Answered." in html
    assert "Grace" in html
    assert "Of agents alone" not in html
    assert "Of Tom alone" not in html
    assert not re.search(r"@desk\.example|agent_id|assignee", html)


async def test_what_was_answered_is_not_for_whoever_typed_the_address(world: World) -> None:
    """Anybody can write a form in another's name; agents then answer that other, and tell what is theirs."""
    html = (await world.page(world.link(mailed=False))).body.decode()
    assert "document.title" in html
    assert "Answered." not in html
    assert "Grace" not in html
    answer = await Client(world.desk.app).post(
        "/portal/ticket", f"link={world.link(mailed=False)}".encode(), content_type="application/x-www-form-urlencoded"
    )
    assert answer.status == 404
    assert (await world.desk.one("SELECT status FROM tickets WHERE id = :id", id=world.ana)).status != "solved"


async def test_no_other_link_opens_anything_and_all_are_refused_alike(world: World) -> None:
    good = world.link()
    turned = good[:-8] + ("A" if good[-8] != "A" else "B") + good[-7:]
    refused = {
        "altered": turned,
        "cut": good[:-1],
        "of another secret": PortalSeal(["x" * 32]).link(
            world.ana, world.conversation, "ana@example.com", mailed=True, now=now_utc()
        ),
        "out of date": world.link(age=LINK_LASTS + timedelta(minutes=1)),
        "of somebody else": world.link("tom@example.com"),
        "to another ticket": SEAL.link(world.tom, uuid7(), "ana@example.com", mailed=True, now=now_utc()),
        "to no ticket": SEAL.link(uuid7(), uuid7(), "ana@example.com", mailed=True, now=now_utc()),
        "for a form": SEAL.form(uuid7(), now_utc()),
        "none": "",
        "long": "A" * 10_000,
    }
    answers = {what: await world.page(link) for what, link in refused.items()}
    assert {what: answer.status for what, answer in answers.items()} == dict.fromkeys(refused, 404)
    assert len({answer.body for answer in answers.values()}) == 1
    assert (await world.page(good)).status == 200


async def test_a_link_ends_when_its_ticket_talks_to_another_address(world: World) -> None:
    link = world.link()
    await world.desk.execute("UPDATE tickets SET requester_email = 'new@example.com' WHERE id = :id", id=world.ana)
    try:
        assert (await world.page(link)).status == 404
    finally:
        await world.desk.execute("UPDATE tickets SET requester_email = 'ana@example.com' WHERE id = :id", id=world.ana)


async def test_what_people_wrote_is_text_and_nothing_of_a_page_runs(world: World) -> None:
    page = await world.page(world.link(), lang='"><script>')
    html = page.body.decode()
    assert not re.search(r"<script|<img|href=.javascript", html)
    assert "&lt;script&gt;" in html
    assert "a&lt;b&gt;.txt" in html
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "ab/cd/ef" not in html, "keys of files are secrets"


async def test_a_page_of_another_site_sends_nothing(world: World) -> None:
    body = f"link={world.link()}".encode()
    for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = await Client(world.desk.app).post(
            "/portal/ticket", body, content_type="application/x-www-form-urlencoded", **headers
        )
        assert answer.status == 403
    assert (await world.desk.one("SELECT status FROM tickets WHERE id = :id", id=world.ana)).status == "pending"


async def test_an_address_that_was_mistyped_is_a_page(world: World) -> None:
    page = await world.page(world.link(), sent="x")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_a_link_to_another_ticket_ends_when_the_one_that_led_there_does(world: World) -> None:
    """Or a ticket after the other, a link that was mailed once would open what its owner does for ever."""
    follow_up = received("ana@example.com", channel=Channel.FORM)
    await world.desk.take(follow_up)
    await world.desk.execute(
        "UPDATE tickets SET follow_up_of = :ana WHERE conversation_id = :of",
        ana=world.ana,
        of=follow_up.conversation_id,
    )
    html = (await world.page(world.link(age=timedelta(days=80)), sent=str(follow_up.message_id))).body.decode()
    link = re.search(r"/portal/ticket\?link=([\w-]+)&amp;lang=\w+\">Request", html)
    assert link is not None
    assert SEAL.opened_link(link[1], now_utc()) is not None
    assert SEAL.opened_link(link[1], now_utc() + timedelta(days=11)) is None


async def test_a_message_of_somebody_else_is_not_found_by_its_id(world: World) -> None:
    """The id of what was just sent is in the address: one of another ticket tells nothing of that."""
    row = await world.desk.one("SELECT id FROM messages WHERE ticket_id = :id", id=world.tom)
    html = (await world.page(world.link(), sent=str(row.id))).body.decode()
    assert "Of Tom alone" not in html
    assert "appears here in a moment" in html


async def test_its_customer_solves_the_ticket_and_what_they_filled_in_is_kept_as_far_as_it_fits(world: World) -> None:
    """Beside what must not happen, what has to: or a page that refuses everything would pass here."""
    admin = (await world.desk.person(Role.ADMIN)).client
    document = {
        "fields": [
            {"key": "serial", "kind": "text", "labels": {"en": "Serial"}, "customers": "write", "filterable": True},
            {"key": "secret", "kind": "text", "labels": {"en": "Secret"}, "customers": "hidden"},
            {"key": "number", "kind": "number", "labels": {"en": "Number"}, "customers": "write"},
        ],
        "forms": [
            {
                "key": "repair",
                "labels": {"en": "Repair"},
                "fields": ["serial", "secret", "number"],
                "types": ["incident"],
            }
        ],
    }
    version = (await admin.get("/api/settings/fields")).headers["etag"]
    assert (await admin.put("/api/settings/fields", document, if_match=version)).status == 200
    async with world.desk.database.transaction() as session:
        assert await publish(session, now_utc()) == 1
    async with world.desk.database.transaction() as session:
        assert await publish(session, now_utc()) == 0
    told = await world.desk.one("SELECT data FROM outbox WHERE type = 'forms.published.v1'")
    assert "serial" in told.data
    assert "secret" not in told.data.lower()

    form = FilledForm(key="repair", values={"serial": "X-1", "secret": "mine", "number": "many"})
    sent = received("eve@example.com", channel=Channel.FORM, form=form)
    await world.desk.take(sent)
    row = await world.desk.one(
        "SELECT t.type, t.fields, t.id FROM tickets t JOIN messages m ON m.ticket_id = t.id WHERE m.id = :id",
        id=sent.message_id,
    )
    assert (row.type, row.fields) == ("incident", {"serial": "X-1"})
    assert (await world.desk.one("SELECT word FROM field_values WHERE ticket_id = :id", id=row.id)).word == "x-1"

    link = SEAL.link(row.id, sent.conversation_id, "eve@example.com", mailed=True, now=now_utc())
    answer = await Client(world.desk.app).post(
        "/portal/ticket", f"link={link}".encode(), content_type="application/x-www-form-urlencoded"
    )
    assert answer.status == 303
    assert "done=done" in answer.headers["location"]
    history = await world.desk.one(
        "SELECT via, actor_kind FROM ticket_history WHERE ticket_id = :id AND changes ? 'status'", id=row.id
    )
    assert (history.via, history.actor_kind) == ("portal", "customer")
