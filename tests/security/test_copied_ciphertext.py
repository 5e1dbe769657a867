"""A mail that was encrypted to the desk is read to nobody who only has a copy of it (CWE-200, a decryption oracle).

Mallory sends, as a mail of her own, what Ada encrypted. The desk decrypts it, and Mallory is the requester: agents read
it, and she reads nothing of it wherever customers read, unless a signature proves that she wrote it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from services.tickets.domain.ticket import is_withheld
from services.tickets.repository.messages import WITHHELD_TEXT
from services.tickets.service.documents import Indexer
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import AttachmentRef
from shared.events.messages import MessageSecurity
from shared.ids import uuid7
from shared.portal import PortalSeal
from tests.asgi import Client
from tests.conftest import Databases
from tests.integration.tickets.harness import Desk, Person, received, running_desk

SEAL = PortalSeal(["a secret of this test that is long enough"])
SECRET, FILE = "swordfish", "merger.pdf"
COPIED = MessageSecurity(scheme="pgp", encrypted=True, decrypted=True)
PROVEN = COPIED.model_copy(update={"signature": "valid"})


@dataclass
class World:
    """One customer's two tickets: by a mail that was copied, and by one that is signed."""

    desk: Desk
    mallory: Person
    agent: Person
    copied: str
    proven: str
    link: str


@pytest_asyncio.fixture(scope="module")
async def world(databases: Databases) -> AsyncIterator[World]:
    async with databases.database("tickets") as database, running_desk(database) as desk:
        desk.app.state.portal_seal = SEAL
        file = AttachmentRef(id=uuid7(), key="ab/cd/ef", name=FILE, content_type="application/pdf", size_bytes=1)
        address, said = "mallory@example.com", {"text": f"The password is {SECRET}.", "attachments": (file,)}
        copied, proven = (
            received(address, subject=subject, security=security, **said)
            for subject, security in (("", COPIED), ("Mine", PROVEN))
        )
        await desk.take(copied, proven)
        rows = await desk.rows("SELECT id, conversation_id FROM tickets")
        ids = {row.conversation_id: row.id for row in rows}
        link = SEAL.link(ids[copied.conversation_id], copied.conversation_id, address, mailed=True, now=now_utc())
        mallory, agent = await desk.person(Role.CUSTOMER, address), await desk.person(name="Grace")
        indexer = Indexer()
        for _ in range(3):
            async with database.transaction() as session:
                await indexer.run(session, now_utc())
        yield World(desk, mallory, agent, str(ids[copied.conversation_id]), str(ids[proven.conversation_id]), link)


async def test_agents_read_it_and_what_came_of_it(world: World) -> None:
    [message] = (await world.agent.client.get(f"/api/tickets/{world.copied}/messages")).json()["items"]
    assert SECRET in message["text"]
    assert [file["name"] for file in message["attachments"]] == [FILE]
    assert (message["security"]["decrypted"], message["security"]["signature"]) == (True, None)
    found = (await world.agent.client.get("/api/tickets/search", q=SECRET)).json()["items"]
    assert {item["ticket"]["id"] for item in found} == {world.copied, world.proven}


async def test_the_page_of_a_ticket_says_that_it_is_not_shown(world: World) -> None:
    html = (await Client(world.desk.app).get("/portal/ticket", link=world.link)).body.decode()
    assert WITHHELD_TEXT in html
    assert SECRET not in html
    assert FILE not in html


async def test_its_ticket_is_not_called_by_it(world: World) -> None:
    assert (await world.agent.client.get(f"/api/tickets/{world.copied}")).json()["subject"] == "(no subject)"


async def test_nor_does_a_customers_account_read_it(world: World) -> None:
    [message] = (await world.mallory.client.get(f"/api/tickets/{world.copied}/messages")).json()["items"]
    assert (message["text"], message["attachments"], message["security"]) == (WITHHELD_TEXT, [], None)
    late = {"text": "And?", "expected_version": 0}
    told = await world.mallory.client.post(f"/api/tickets/{world.copied}/replies", late)
    assert told.status == 409
    assert SECRET not in told.body.decode()


async def test_what_is_proven_to_be_theirs_is_read(world: World) -> None:
    [message] = (await world.mallory.client.get(f"/api/tickets/{world.proven}/messages")).json()["items"]
    assert SECRET in message["text"]
    assert [file["name"] for file in message["attachments"]] == [FILE]


async def test_nor_is_it_found_by_guessing_its_words(world: World) -> None:
    answer = await world.mallory.client.get("/api/tickets/search", q=SECRET)
    assert [item["ticket"]["id"] for item in answer.json()["items"]] == [world.proven]
    answer = await world.mallory.client.get("/api/tickets/search", q="subject")
    assert SECRET not in answer.body.decode()


@pytest.mark.parametrize(
    "signature", [None, "altered", "unknown_key", "expired", "wrong_address", "partial", "unchecked"]
)
def test_no_other_signature_proves_it(signature: str | None) -> None:
    assert is_withheld(COPIED.model_copy(update={"signature": signature}))
    assert not is_withheld(COPIED.model_copy(update={"signature": signature, "decrypted": False}))
    assert not is_withheld(PROVEN)
    assert not is_withheld(None)
