"""Parts that the launcher brings along: PostgreSQL and a Kafka-compatible broker, both from Python wheels.

Nothing here knows the launcher; the tests use the same classes.
"""

from desk.embedded.broker import BrokerError, EmbeddedBroker, create_topics
from desk.embedded.postgres import EmbeddedPostgres, PostgresError
from desk.embedded.roles import prepare_database, provision

__all__ = [
    "BrokerError",
    "EmbeddedBroker",
    "EmbeddedPostgres",
    "PostgresError",
    "create_topics",
    "prepare_database",
    "provision",
]
