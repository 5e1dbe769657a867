"""The tables of messaging, created in every service's schema by its first migration."""

from alembic import op

_TABLES = """
CREATE TABLE {s}.streams (
    aggregate_id text PRIMARY KEY,
    version      bigint NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE {s}.outbox (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id          uuid NOT NULL,
    topic             text NOT NULL,
    type              text NOT NULL,
    source            text NOT NULL,
    aggregate_id      text NOT NULL,
    aggregate_version bigint NOT NULL,
    time              timestamptz NOT NULL,
    data              text NOT NULL,
    correlation_id    text NOT NULL,
    causation_id      uuid,
    hops              smallint NOT NULL DEFAULT 0,
    traceparent       text,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at           timestamptz
) WITH (fillfactor = 85);
CREATE INDEX ix_outbox_unsent ON {s}.outbox (id) WHERE sent_at IS NULL;
CREATE INDEX ix_outbox_sent_at ON {s}.outbox USING brin (sent_at);

-- Nothing writes to it any more (ADR 0006); what is in it is purged.
CREATE TABLE {s}.inbox (
    consumer    text NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX ix_inbox_received_at ON {s}.inbox USING brin (received_at);

-- How far a consumer has read each aggregate of each source.
CREATE TABLE {s}.stream_positions (
    consumer     text NOT NULL,
    source       text NOT NULL,
    aggregate_id text NOT NULL,
    version      bigint NOT NULL,
    PRIMARY KEY (consumer, source, aggregate_id)
) WITH (fillfactor = 70);

-- Events that could not be applied: poison itself, later events of the same aggregate (parked), and events that came
-- before their predecessor (gap). `aggregate_version` is null for records that were not even events.
CREATE TABLE {s}.dead_letters (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer          text NOT NULL,
    reason            text NOT NULL CHECK (reason IN ('poison', 'parked', 'gap')),
    state             text NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'replayed', 'discarded')),
    topic             text NOT NULL,
    topic_partition   integer NOT NULL,
    topic_offset      bigint NOT NULL,
    event_id          uuid,
    type              text,
    source            text,
    aggregate_id      text,
    aggregate_version bigint,
    key               bytea,
    headers           jsonb NOT NULL,
    value             bytea,
    error             text,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at        timestamptz,
    settled_by        text
);
CREATE UNIQUE INDEX uq_dead_letters_event ON {s}.dead_letters (consumer, event_id)
    WHERE state = 'held' AND event_id IS NOT NULL;
CREATE UNIQUE INDEX uq_dead_letters_record ON {s}.dead_letters
    (consumer, topic, topic_partition, topic_offset, md5(coalesce(value, '')))
    WHERE state = 'held' AND event_id IS NULL;
CREATE INDEX ix_dead_letters_held ON {s}.dead_letters (consumer, source, aggregate_id, aggregate_version)
    WHERE state = 'held';

-- The last moment, by this database's clock, at which a consumer had read each partition to its end.
CREATE TABLE {s}.consumer_marks (
    consumer        text NOT NULL,
    topic           text NOT NULL,
    topic_partition integer NOT NULL,
    caught_up_at    timestamptz NOT NULL,
    next_offset     bigint NOT NULL,
    epoch           bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, topic, topic_partition)
);

-- Moves when the broker lost its log; a consumer that sees it move reads everything again (ADR 0002).
CREATE TABLE {s}.broker_epoch (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    epoch     bigint NOT NULL
);
INSERT INTO {s}.broker_epoch (epoch) VALUES (1);
"""


def statements(schema: str) -> list[str]:
    """The DDL, one statement each."""
    return [statement for statement in _TABLES.format(s=schema).split(";\n") if statement.strip()]


def messaging_tables(schema: str) -> None:
    """Create outbox, inbox, positions, dead letters and marks in `schema`. Called from a migration."""
    for statement in statements(schema):
        op.execute(statement)
