"""Real PostgreSQL for every test that asks: one server per test process, one migrated database per test.

A database is cloned from a template that the real migrations made, as the service's own role, so tests commit for
real and never see each other.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from desk.embedded.postgres import EmbeddedPostgres
from desk.embedded.roles import provision, service_url
from desk.ports import free_port
from shared.db import Database
from shared.migrations import migrate
from tests.running_desk import RunningDesk
from tests.s3 import S3Server

# Machines are noisy: how long an example takes says nothing about the code.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("desk")

SERVICES = ("gateway", "ingestion", "tickets", "routing", "sla", "analytics", "knowledge")
PASSWORD = "test"

MakeDatabase = Callable[..., Awaitable[Database]]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server for this test process."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", free_port(), durable=False)
    server.start()
    yield server
    server.destroy()


class Databases:
    """Hands out fresh databases of one server."""

    # Of the process, not of one instance: two that share a server once gave the same name, and the second test failed.
    _numbers = itertools.count(1)

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        self._templates: set[str] = set()
        self._lock = asyncio.Lock()

    async def url(self, *services: str) -> dict[str, str]:
        """URLs, one per service, of one fresh database with the migrated schemas of `services`."""
        template = "template_" + "_".join(services)
        async with self._lock:
            admin = await asyncpg.connect(self.admin_url)
            try:
                if template not in self._templates:
                    urls = await provision(self.admin_url, template, dict.fromkeys(services, PASSWORD))
                    for service, url in urls.items():
                        await migrate(service, url)
                    self._templates.add(template)
                name = f"test_{os.getpid()}_{next(self._numbers)}"
                await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
                # Rights on a database are not part of its template.
                for service in services:
                    await admin.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO "desk_{service}"')
                await admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
            finally:
                await admin.close()
        return {service: service_url(self.admin_url, name, service, PASSWORD) for service in services}

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Database]:
        """A Database of a fresh, migrated schema, for tests that share it; dropped afterwards."""
        database = Database((await self.url(service))[service], service=service, pool_size=10)
        try:
            yield database
        finally:
            await database.close()
            await self.drop(database.url)

    async def drop(self, url: str) -> None:
        """Drop the database of `url`, whoever is still connected."""
        admin = await asyncpg.connect(self.admin_url)
        try:
            await admin.execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')
        finally:
            await admin.close()


@pytest_asyncio.fixture(scope="session")
async def databases(postgres: EmbeddedPostgres) -> Databases:
    """Fresh databases by `await databases.url("tickets")`."""
    return Databases(postgres.admin_url)


@pytest_asyncio.fixture
async def make_database(databases: Databases) -> AsyncIterator[MakeDatabase]:
    """`await make_database("tickets")`: a Database of a fresh, migrated schema; dropped after the test."""
    made: list[Database] = []

    async def make(service: str, *, pool_size: int = 10) -> Database:
        url = (await databases.url(service))[service]
        made.append(Database(url, service=service, pool_size=pool_size))
        return made[-1]

    yield make
    for database in made:
        await database.close()
        await databases.drop(database.url)


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A server with the S3 API for this test process."""
    server = S3Server()
    yield server
    server.down()


@pytest.fixture(scope="session")
def repository_root() -> Path:
    """Where the sources are."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """A whole running desk with its demo organisation, shared by the tests of this process.

    `DESK_TEST_HOME` names the home of one that runs already: quicker while one writes such a test.
    """
    if home := os.environ.get("DESK_TEST_HOME"):
        yield RunningDesk(Path(home))
        return
    running = RunningDesk(tmp_path_factory.mktemp("desk") / "home")
    running.start()
    running.make_room()
    yield running
    assert running.stop() == 0
