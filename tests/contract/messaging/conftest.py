"""The suite runs on the embedded broker, and on Apache Kafka where DESK_TEST_KAFKA names one (`make test-kafka`)."""

import itertools
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from desk.embedded.broker import EmbeddedBroker
from desk.embedded.roles import provision
from desk.ports import free_port
from shared.db import Database
from shared.events import TOPICS
from shared.messaging import ddl
from shared.messaging.kafka import wait_for_topics
from shared.settings import KafkaSettings
from tests.contract.messaging.world import PATIENCE_SECONDS, World

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory):
    if os.environ.get("DESK_TEST_KAFKA"):
        yield None
        return
    server = EmbeddedBroker(free_port(), log=tmp_path_factory.mktemp("broker") / "log")
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture
async def world(postgres, broker: EmbeddedBroker | None) -> AsyncIterator[World]:
    external = os.environ.get("DESK_TEST_KAFKA")
    number = next(_numbers)
    kafka = KafkaSettings(
        bootstrap=external or broker.bootstrap,
        profile="kafka" if external else "tansu",
        partitions=4,  # what the embedded broker makes of a topic that a client was quicker to ask for
        topic_prefix=f"t{os.getpid()}-{number}-",
        fetch_max_wait_ms=50,
    )
    await wait_for_topics(kafka, TOPICS, seconds=PATIENCE_SECONDS)
    name = f"messaging_{os.getpid()}_{number}"
    urls = await provision(postgres.admin_url, name, {"knowledge": "test", "analytics": "test"})
    for service, url in urls.items():
        connection = await asyncpg.connect(url)
        for statement in ddl.statements(service):
            await connection.execute(statement)
        if service == "analytics":
            await connection.execute(
                "CREATE TABLE effects (position bigint GENERATED ALWAYS AS IDENTITY, event_id uuid,"
                " aggregate_id text, version bigint)"
            )
        await connection.close()
    made = World(
        Database(urls["knowledge"], service="knowledge", pool_size=30),
        Database(urls["analytics"], service="analytics"),
        kafka,
        broker,
    )
    yield made
    await made.producer.close()
    await made.consumer.close()
    admin = await asyncpg.connect(postgres.admin_url)
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()
