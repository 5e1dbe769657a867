"""Who follows a ticket already is told to those who tell them of it, as the outbox would (ADR 0001)."""

from collections.abc import Sequence

from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TELL = """
WITH followed AS (
    SELECT ticket_id::text AS id,
           json_build_object(
               'ticket_id', ticket_id, 'followers', json_agg(account_id ORDER BY since, account_id)
           ) AS data
      FROM tickets.ticket_followers GROUP BY ticket_id
), stream AS (
    INSERT INTO tickets.streams AS s (aggregate_id, version) SELECT id, 1 FROM followed ORDER BY id
    ON CONFLICT (aggregate_id) DO UPDATE SET version = s.version + 1
    RETURNING aggregate_id, version
)
INSERT INTO tickets.outbox
       (event_id, topic, type, source, aggregate_id, aggregate_version, time, data, correlation_id)
SELECT uuidv7(), 'desk.tickets', 'ticket.followers_changed.v1', 'tickets', stream.aggregate_id, stream.version,
       clock_timestamp(), followed.data::text, 'migration-0034'
  FROM followed JOIN stream ON stream.aggregate_id = followed.id
"""


def upgrade() -> None:
    op.execute(_TELL)
