"""What holds for the worker of every service: dead letters can be replayed, and old answers and revocations go."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from desk.contracts import versions
from desk.deadletters import handlers_of
from desk.roster import SERVICES
from shared.db import Database, now_utc
from shared.events import event_types
from shared.ids import uuid7
from shared.messaging import deadletters
from shared.messaging.envelope import Record, encode_headers
from shared.messaging.inbox import Inbox
from shared.messaging.timers import Timer

MakeDatabase = Callable[..., Awaitable[Database]]

# One event that each service does something with; its data is the committed example.
HANDLED = {
    "gateway": "ticket.created.v1",
    "ingestion": "ticket.message_added.v1",
    "tickets": "account.changed.v1",
    "routing": "ticket.created.v1",
    "sla": "ticket.created.v1",
    "analytics": "ticket.created.v1",
    "knowledge": "signing_key.published.v1",
}


@pytest.fixture(autouse=True)
def _away_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers may make directories; commands look for a desk that runs here."""
    monkeypatch.setenv("DESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DESK_OBJECT_STORE", str(tmp_path / "objects"))
    monkeypatch.setenv("DESK_INGESTION_OUTGOING_DIR", str(tmp_path / "outgoing"))


def record_of(type_: str) -> Record:
    """The committed example of an event type, as the broker would deliver it."""
    model = event_types()[type_]
    row = SimpleNamespace(
        event_id=uuid7(),
        type=type_,
        source=model.source,
        time=now_utc(),
        aggregate_id=str(uuid7()),
        aggregate_version=1,
        correlation_id="test",
        causation_id=None,
        hops=0,
        traceparent=None,
    )
    value = versions(type_, "example")[-1].read_bytes()
    return Record(model.topic, 0, 0, row.aggregate_id.encode(), tuple(encode_headers(row)), value)


async def bury_one(database: Database) -> int:
    """Dead-letter an event of the service of this database; returns the dead letter's id."""
    await Inbox(database, handlers_of(database.service, database)).bury(record_of(HANDLED[database.service]), "tripped")
    async with database.read() as session:
        (row,) = await deadletters.held(session, database.service)
    return int(row.id)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_dead_letter_of_every_service_can_be_replayed(service: str, make_database: MakeDatabase) -> None:
    """Routing and ingestion build their handlers when they start; the command once looked for ready-made ones."""
    database = await make_database(service)
    dead_letter_id = await bury_one(database)
    outcome = await deadletters.replay(database, handlers_of(service, database), dead_letter_id, by="operator")
    assert (outcome.result, outcome.error) == ("replayed", None)
    async with database.read() as session:
        assert not await deadletters.held(session, service)


async def test_an_operator_replays_by_command(make_database: MakeDatabase, repository_root: Path) -> None:
    database = await make_database("routing")
    dead_letter_id = await bury_one(database)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "desk", "deadletters", "replay", "routing", str(dead_letter_id)),
        cwd=repository_root,
        env={**os.environ, "DESK_DATABASE_URL": database.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert (process.returncode, output.decode(), errors.decode()) == (0, f"{dead_letter_id}: replayed\n", "")


def timers_of(database: Database) -> tuple[Timer, ...]:
    described = import_module(f"services.{database.service}.app").SERVICE
    return tuple(described.create_worker(described.settings(database_url=database.url), database).timers)


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_forgets_old_answers_and_revocations(service: str, make_database: MakeDatabase) -> None:
    """Two services had the tables and no timer: theirs would have grown for ever."""
    database = await make_database(service)
    now = now_utc()
    async with database.read() as session:
        keeps_answers = await session.scalar(text("SELECT to_regclass('idempotency_keys') IS NOT NULL"))
    remember = ["INSERT INTO auth_revocations (kind, subject, revoked_at) VALUES ('session', :id, :at)"]
    if keeps_answers:
        remember.append(
            """INSERT INTO idempotency_keys (caller, key, request_hash, status, headers, body, created_at)
               VALUES (CAST(:id AS uuid), 'k', '', 201, '{}', '', :at)"""
        )
    async with database.transaction() as session:
        for age in (timedelta(hours=1), timedelta(days=30)):
            for statement in remember:
                await session.execute(text(statement), {"id": uuid7(), "at": now - age})
    for timer in timers_of(database):
        if timer.name.startswith("forget"):
            async with database.transaction() as session:
                await timer.run(session, now)
    async with database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM auth_revocations")) == 1
        if keeps_answers:
            assert await session.scalar(text("SELECT count(*) FROM idempotency_keys")) == 1
