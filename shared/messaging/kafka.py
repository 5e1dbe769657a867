"""Clients of the broker, with the settings that its profile needs."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from shared.settings import KafkaSettings

# Above any single event, below what a broker takes at once (1 MB unless told otherwise).
MAX_BATCH_BYTES = 512 * 1024


class TopicsNotReady(Exception):
    """The broker does not have the topics as configured; the message says which and what it has."""


def _connection(settings: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap,
        "security_protocol": settings.security_protocol,
        "client_id": "desk",
    }
    if settings.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password,
        }
    return options


def partition_of(aggregate_id: str, partitions: int) -> int:
    """The partition of an aggregate's events. Each of our topics has one producing service, so any fixed rule will do:
    this one costs a hundredth of Kafka's own (murmur2 in Python).
    """
    return crc32(aggregate_id.encode()) % partitions


def producer(settings: KafkaSettings) -> AIOKafkaProducer:
    """A producer that waits for all in-sync replicas; one request in flight per broker keeps the order of retries."""
    return AIOKafkaProducer(
        **_connection(settings),
        acks="all",
        enable_idempotence=settings.idempotent_producer,
        linger_ms=settings.linger_ms,
        request_timeout_ms=10_000,
        retry_backoff_ms=50,
        max_request_size=1024 * 1024,
        max_batch_size=MAX_BATCH_BYTES,
    )


def consumer(settings: KafkaSettings, group: str, topics: Sequence[str]) -> AIOKafkaConsumer:
    """A group consumer whose offsets we commit, after the database transaction."""
    return AIOKafkaConsumer(
        *topics,
        **_connection(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=settings.heartbeat_interval_ms,
        rebalance_timeout_ms=10_000,
        max_poll_interval_ms=120_000,
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
        fetch_min_bytes=settings.fetch_min_bytes,
        request_timeout_ms=15_000,
        metadata_max_age_ms=30_000,
    )


async def ensure_topics(settings: KafkaSettings, topics: Sequence[str]) -> None:
    """Create what is missing, then verify partition counts. Raises TopicsNotReady, or KafkaError without a broker.

    Clients never rely on auto-creation: a broker that makes topics by itself makes them with the wrong partitions.
    """
    admin = AIOKafkaAdminClient(**_connection(settings), request_timeout_ms=5_000)
    await admin.start()
    try:
        names = [settings.topic_prefix + topic for topic in topics]
        existing = set(await admin.list_topics())
        missing = [name for name in names if name not in existing]
        if missing:
            # Another process may be faster; the check below judges the result.
            with contextlib.suppress(TopicAlreadyExistsError):
                await admin.create_topics(
                    [
                        NewTopic(
                            name, num_partitions=settings.partitions, replication_factor=settings.replication_factor
                        )
                        for name in missing
                    ]
                )
        described = await admin.describe_topics(names)
        wrong = {t["topic"]: len(t["partitions"]) for t in described if len(t["partitions"]) != settings.partitions}
        if wrong:
            raise TopicsNotReady(f"topics need {settings.partitions} partitions, the broker has {wrong}")
    finally:
        await admin.close()


async def wait_for_topics(settings: KafkaSettings, topics: Sequence[str], *, seconds: float) -> None:
    """`ensure_topics`, tried until it holds. Raises the last error after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await ensure_topics(settings, topics)
            except (KafkaError, TopicsNotReady, OSError):
                await asyncio.sleep(0.2)
            else:
                return
