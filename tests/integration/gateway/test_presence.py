"""Who is at a ticket, seen through two gateways that share nothing but the database."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from services.gateway import presence
from services.gateway.app import create_app
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.integration.gateway.conftest import Gateway, serving
from tests.integration.gateway.test_live import frame, listening


@pytest.fixture(autouse=True)
def nobody_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers say every few seconds that they are still there; nobody does so here, however long a test takes."""
    monkeypatch.setattr(presence, "LIFETIME", timedelta(hours=1))


@pytest_asyncio.fixture
async def elsewhere(gateway: Gateway) -> AsyncIterator[str]:
    """`host:port` of another process of the same gateway."""
    app = create_app(gateway.settings, gateway.database)
    async with app.router.lifespan_context(app), serving(app) as served:
        yield served


@asynccontextmanager
async def agent(gateway: Gateway, served: str, name: str, **principal: Any) -> AsyncIterator[ClientConnection]:
    token = await gateway.token(Role.AGENT, name=name, **principal)
    async with listening(gateway, served, token=token) as socket:
        await frame(socket)
        yield socket


async def views(socket: ClientConnection, ticket_id: UUID | None, doing: str = "reading") -> None:
    message = {"type": "viewing", "ticket_id": ticket_id and str(ticket_id), "doing": doing}
    await socket.send(json.dumps(message))


async def people(socket: ClientConnection, ticket_id: UUID) -> list[tuple[str, str]]:
    told = await frame(socket)
    assert (told["type"], told["ticket_id"]) == ("presence", str(ticket_id))
    assert "seq" not in told, "it is in no sequence that could be resumed"
    return [(person["name"], person["doing"]) for person in told["people"]]


async def in_the_table(gateway: Gateway, count: int) -> None:
    async with asyncio.timeout(30):
        while len(await gateway.rows("SELECT 1 FROM presence")) != count:
            await asyncio.sleep(0.02)


async def test_agents_at_two_gateways_see_each_other_come_write_and_go(
    gateway: Gateway, served: str, elsewhere: str
) -> None:
    one, other = uuid7(), uuid7()
    async with agent(gateway, served, "Asha") as asha, agent(gateway, elsewhere, "Ben") as ben:
        await views(asha, one)
        await in_the_table(gateway, 1)
        await views(ben, one)
        assert await people(ben, one) == [("Asha", "reading")]
        assert await people(asha, one) == [("Ben", "reading")]
        await views(ben, one, "reply")
        assert await people(asha, one) == [("Ben", "reply")]
        # The same again is a sign of life, and no news.
        await views(ben, one, "reply")
        await views(ben, other)
        assert await people(asha, one) == []
        async with agent(gateway, elsewhere, "Carl") as carl:
            await views(carl, one, "note")
            assert await people(asha, one) == [("Carl", "note")]
            assert await people(carl, one) == [("Asha", "reading")]
        # He closed his window.
        assert await people(asha, one) == []
    await in_the_table(gateway, 0)
    assert await gateway.rows("SELECT 1 FROM live_frames") == []


async def test_who_does_not_say_so_again_is_not_there_any_more(gateway: Gateway, served: str, elsewhere: str) -> None:
    """As a process that was killed leaves its rows behind."""
    ticket_id = uuid7()
    async with agent(gateway, served, "Asha") as asha, agent(gateway, elsewhere, "Ghost") as ghost:
        await views(asha, ticket_id)
        await views(ghost, ticket_id)
        assert await people(asha, ticket_id) == [("Ghost", "reading")]
        async with gateway.database.transaction() as session:
            connection = await session.connection()
            await connection.exec_driver_sql(
                "UPDATE gateway.presence SET expires_at = clock_timestamp() WHERE name = 'Ghost'"
            )
        assert await people(asha, ticket_id) == []
        async with gateway.database.transaction() as session:
            await presence.forget(session)
        assert [row.name for row in await gateway.rows("SELECT name FROM presence")] == ["Asha"]
        await views(ghost, ticket_id)
        assert await people(asha, ticket_id) == [("Ghost", "reading")]


async def test_only_who_may_read_tickets_tells_or_is_told(gateway: Gateway, served: str, elsewhere: str) -> None:
    """A key for the live frames alone learns nothing of tickets and people, nor do others of it."""
    key = {"session_id": None, "key_id": uuid7()}
    with pytest.raises(InvalidStatus) as refused:
        async with agent(gateway, served, "Key", scopes=frozenset({"live.subscribe"}), **key):
            pass
    assert refused.value.response.status_code == 403
    ticket_id = uuid7()
    both = frozenset({"live.subscribe", "ticket.read"})
    async with agent(gateway, served, "Key", scopes=both, **key) as robot, agent(gateway, elsewhere, "Ben") as ben:
        await views(robot, ticket_id)
        await in_the_table(gateway, 1)
        await views(ben, ticket_id)
        assert await people(robot, ticket_id) == [("Ben", "reading")]


async def test_nonsense_puts_nobody_anywhere(gateway: Gateway, served: str, elsewhere: str) -> None:
    ticket_id = uuid7()
    async with agent(gateway, served, "Asha") as asha, agent(gateway, elsewhere, "Ben") as ben:
        await ben.send(json.dumps({"type": "viewing", "ticket_id": "*"}))
        await ben.send(json.dumps({"type": "viewing", "ticket_id": str(ticket_id), "doing": {"$gt": ""}}))
        await views(asha, ticket_id)
        await in_the_table(gateway, 1)
        await views(ben, ticket_id)
        assert await people(asha, ticket_id) == [("Ben", "reading")]


async def test_one_person_in_several_windows_is_one_person(gateway: Gateway, served: str, elsewhere: str) -> None:
    ticket_id, asha = uuid7(), uuid7()
    async with agent(gateway, served, "Ben") as ben:
        await views(ben, ticket_id)
        async with (
            agent(gateway, served, "Asha", account_id=asha) as first,
            agent(gateway, elsewhere, "Asha", account_id=asha) as second,
        ):
            await views(first, ticket_id, "reply")
            assert await people(ben, ticket_id) == [("Asha", "reply")]
            assert await people(first, ticket_id) == [("Ben", "reading")]
            await views(second, ticket_id)
            # She is not told of herself, and still writes.
            assert await people(second, ticket_id) == [("Ben", "reading")]
            await views(first, None)
            assert await people(ben, ticket_id) == [("Asha", "reading")]
