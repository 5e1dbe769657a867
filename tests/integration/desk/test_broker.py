"""The embedded broker: listens on the loopback only, has the topics it should, forgets when it ends."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from desk.embedded import EmbeddedBroker, create_topics
from desk.ports import free_port
from shared.events import TOPICS


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(free_port(), log=tmp_path / "broker.log")
    broker.start()
    yield broker
    broker.stop()


async def _partitions(bootstrap: str) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return {each["topic"]: len(each["partitions"]) for each in await admin.describe_topics(list(TOPICS))}
    finally:
        await admin.close()


async def test_topics_have_the_wanted_partitions_also_after_a_crash(broker: EmbeddedBroker) -> None:
    create_topics(broker.bootstrap, partitions=3)
    assert await _partitions(broker.bootstrap) == dict.fromkeys(TOPICS, 3)
    create_topics(broker.bootstrap, partitions=3)  # nothing to do is fine
    broker.kill()
    broker.start()
    create_topics(broker.bootstrap, partitions=3)
    assert await _partitions(broker.bootstrap) == dict.fromkeys(TOPICS, 3)


async def test_it_forgets_what_it_held(broker: EmbeddedBroker) -> None:
    """What the launcher's refill is for; should the broker learn to keep records, that can go."""
    create_topics(broker.bootstrap, ["desk.tickets"], 1)
    assert await _first(broker.bootstrap, b"one") == b"one"
    broker.stop()
    broker.start()
    create_topics(broker.bootstrap, ["desk.tickets"], 1)
    assert await _first(broker.bootstrap, b"two") == b"two"


async def _first(bootstrap: str, value: bytes) -> bytes | None:
    """Send `value`, then read the first record that is there."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    await producer.send_and_wait("desk.tickets", value)
    await producer.stop()
    consumer = AIOKafkaConsumer("desk.tickets", bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        record = await consumer.getone()
        return record.value if isinstance(record.value, bytes) else None
    finally:
        await consumer.stop()


def test_nobody_else_can_reach_it(broker: EmbeddedBroker) -> None:
    """The program's default is to listen on every interface, without any authentication."""
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(broker.pid).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
