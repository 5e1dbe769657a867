"""A process that is started before its tables stays, says so, and goes on when somebody has made them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text
from structlog.testing import capture_logs

from desk.embedded.postgres import EmbeddedPostgres
from desk.embedded.roles import provision, service_url
from desk.ports import LOOPBACK, accepts, free_port
from shared import migrations
from shared.db import Database
from shared.migrations import is_migrated, migrate, newest_revision
from tests.conftest import Databases
from tests.faults.stage import Peer

NAME = "not_migrated_yet"
LIVENESS_SECONDS = 120


@pytest_asyncio.fixture
async def admin_url(postgres: EmbeddedPostgres, databases: Databases) -> AsyncIterator[str]:
    """The superuser's URL of a server on which there is no database of ours yet."""
    yield postgres.admin_url
    await databases.drop(f"/{NAME}")


@contextmanager
def started(service: str, role: str, admin_url: str, log: Path):
    environment = {
        "DESK_DATABASE_URL": service_url(admin_url, NAME, service, "test"),
        "DESK_KAFKA_BOOTSTRAP": f"{LOOPBACK}:1",  # a broker's outage is no reason not to be ready
        "DESK_KAFKA_PROFILE": "tansu",
        "DESK_GATEWAY_KEY_SECRET": "a secret of this test, long enough",
    }
    peer = Peer(service, role, environment, port=free_port(), log=log)
    try:
        yield peer
    finally:
        peer.process.kill()
        peer.process.wait()


def waited_for(log: Path) -> list[str]:
    """What the process said it waits for."""
    lines = map(json.loads, log.read_text().splitlines() if log.exists() else ())
    return [line["reason"] for line in lines if line["event"] == "process.waiting"]


async def until_told(peer: Peer, log: Path, reason: str) -> None:
    async with asyncio.timeout(LIVENESS_SECONDS):
        while reason not in waited_for(log):
            assert peer.process.poll() is None
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("service", "role"), [("gateway", "all"), ("sla", "worker")])
async def test_tables_may_come_later(service: str, role: str, admin_url: str, tmp_path: Path) -> None:
    """Started together with its migrations, a process ended, over and over, until they were done."""
    log = tmp_path / "log"
    with started(service, role, admin_url, log) as peer:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{peer.port}", timeout=30) as client:
            # Neither role nor database; then both, without tables.
            async with asyncio.timeout(LIVENESS_SECONDS):
                while not waited_for(log):
                    await asyncio.sleep(0.05)
            urls = await provision(admin_url, NAME, {service: "test"})
            await until_told(peer, log, "the schema is not migrated")
            async with asyncio.timeout(LIVENESS_SECONDS):
                while not accepts(peer.port):
                    await asyncio.sleep(0.05)
            for _ in range(3):
                assert (await client.get("/health/live")).status_code == 200
                assert (await client.get("/health/ready")).status_code == 503
                refused = await client.get(f"/api/{service}/openapi.json")
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
                await asyncio.sleep(0.5)
            told = waited_for(log)
            assert len(told) == len(set(told)), told

            await migrate(service, urls[service])
            async with asyncio.timeout(LIVENESS_SECONDS):
                while (await client.get("/health/ready")).status_code != 200:
                    assert peer.process.poll() is None
                    await asyncio.sleep(0.05)
            answer = await client.get(f"/api/{service}/openapi.json")
            assert answer.status_code == 200
        await asyncio.to_thread(peer.stop)
        assert peer.process.returncode == 0


async def test_waiting_can_be_ended(admin_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    await provision(admin_url, NAME, {"sla": "test"})
    with started("sla", "all", admin_url, log) as peer:
        await until_told(peer, log, "the schema is not migrated")
        await asyncio.to_thread(peer.stop)
        assert peer.process.returncode == 0


async def test_a_server_that_is_too_old_is_refused_in_a_sentence(
    admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first event would have failed instead, and every one after it."""
    monkeypatch.setattr(migrations, "OLDEST_POSTGRESQL", 99)
    urls = await provision(admin_url, NAME, {"sla": "test"})
    with pytest.raises(migrations.CannotMigrate, match=r"PostgreSQL 1\d; desk needs 99 or newer"):
        await migrate("sla", urls["sla"])


async def test_the_version_before_starts_on_the_schema_of_the_next(databases: Databases) -> None:
    """Its migration job failed, and compose starts nothing after a job that failed: there was no way back."""
    url = (await databases.url("sla"))["sla"]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE sla.alembic_version SET version_num = 'of_a_next_version'")
        await migrate("sla", url)
        assert await connection.fetchval("SELECT version_num FROM sla.alembic_version") == "of_a_next_version"
    finally:
        await connection.close()
        await databases.drop(url)


async def test_a_schema_of_a_newer_version_is_told_of_once(make_database: Callable[..., Awaitable[Database]]) -> None:
    """Whatever the code did not know was newer, silently: also the revision of a branch that was never released."""
    database = await make_database("sla")
    unknown = uuid4().hex
    with capture_logs() as logs:
        async with database.transaction() as session:
            assert await is_migrated(session, "sla")
            await session.execute(text("UPDATE alembic_version SET version_num = :unknown"), {"unknown": unknown})
            assert await is_migrated(session, "sla")
        for _ in range(2):
            await migrate("sla", database.url)
    assert logs == [
        {
            "event": "schema.newer",
            "log_level": "warning",
            "schema": "sla",
            "found": unknown,
            "known": newest_revision("sla"),
        }
    ]


async def test_who_listens_serves(databases: Databases, tmp_path: Path) -> None:
    """A restarted process took requests before it had started, and refused what another one would have done."""
    url = (await databases.url("gateway"))["gateway"]
    environment = {"DESK_DATABASE_URL": url, "DESK_GATEWAY_KEY_SECRET": "a secret of this test, long enough"}
    peer = Peer("gateway", "api", environment, port=free_port(), log=tmp_path / "log")
    try:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{peer.port}") as client:
            async with asyncio.timeout(LIVENESS_SECONDS):
                first = None
                while first is None:
                    with suppress(httpx.TransportError):
                        first = await client.get("/api/gateway/openapi.json")
        assert first.status_code == 200
    finally:
        peer.process.kill()
        peer.process.wait()
        await databases.drop(url)
