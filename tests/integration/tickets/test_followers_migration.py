"""Those who followed tickets before that was told are told of once, as any other event."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from uuid import UUID

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db import async_url
from shared.events.tickets import TicketFollowersChanged
from tests.integration.tickets.harness import Desk
from tests.integration.tickets.test_followers import a_ticket_path


async def test_who_follows_already_is_told_in_the_order_of_their_streams(desk: Desk, repository_root: Path) -> None:
    path = repository_root / "services" / "tickets" / "migrations" / "versions" / "0034_followers_told.py"
    spec = spec_from_file_location("revision_0034", path)
    assert spec is not None
    assert spec.loader is not None
    revision = module_from_spec(spec)
    spec.loader.exec_module(revision)

    def upgrade(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            revision.upgrade()

    ada, ben = await desk.person(), await desk.person()
    followed, nobodys = await a_ticket_path(desk), await a_ticket_path(desk)
    for person in (ada, ben):
        assert (await person.client.put(f"{followed}/followers/me")).status == 200
    told = "SELECT * FROM outbox WHERE type = 'ticket.followers_changed.v1' ORDER BY id"
    *_, before = await desk.rows(told)
    engine = create_async_engine(async_url(desk.database.url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()
    *_, now = await desk.rows(told)
    assert (now.id, now.aggregate_version) == (before.id + 1, before.aggregate_version + 1)
    assert (now.topic, now.source, now.aggregate_id, now.sent_at) == ("desk.tickets", "tickets", followed[-36:], None)
    assert TicketFollowersChanged.model_validate(json.loads(now.data)) == TicketFollowersChanged(
        ticket_id=UUID(followed[-36:]), followers=(ada.principal.account_id, ben.principal.account_id)
    )
    # And goes on from there.
    assert (await ben.client.delete(f"{followed}/followers/me")).status == 200
    *_, last = await desk.rows(told)
    assert last.aggregate_version == now.aggregate_version + 1
    assert (
        await desk.rows("SELECT 1 FROM outbox WHERE aggregate_id = :id AND type LIKE '%followers%'", id=nobodys[-36:])
        == []
    )
