"""Views, and what they are listed and counted by: indexes that know the status, of tags, and of when it was solved."""

from collections.abc import Sequence

from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLE = """
CREATE TABLE tickets.views (
    id         uuid NOT NULL DEFAULT uuidv7(),
    key        text,
    name       text NOT NULL,
    owner_id   uuid,
    groups     text[],
    conditions jsonb NOT NULL,
    sort       text NOT NULL,
    position   integer NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by uuid,
    CONSTRAINT pk_views PRIMARY KEY (id),
    CONSTRAINT uq_views_key UNIQUE (key),
    CONSTRAINT ck_views_groups CHECK (owner_id IS NULL OR groups IS NULL)
)
"""
_UNSOLVED = '{"field": "status", "is": ["new", "open", "pending", "on_hold"]}'
_AWAKE = '{"field": "snoozed", "is": []}'
_FIRST = f"""
INSERT INTO tickets.views (key, name, position, sort, conditions) VALUES
    ('mine', 'My unsolved tickets', 10, 'sla_due',
     '{{"all": [{_UNSOLVED}, {{"field": "assignee", "is": ["me"]}}, {_AWAKE}]}}'),
    ('unassigned', 'Unassigned tickets', 20, 'sla_due',
     '{{"all": [{_UNSOLVED}, {{"field": "assignee", "is": []}}, {_AWAKE}]}}'),
    ('next_due', 'Next due', 30, 'sla_due',
     '{{"all": [{_UNSOLVED}, {{"not": {{"field": "due", "is": []}}}}]}}'),
    ('unsolved', 'All unsolved tickets', 40, '-updated_at', '{_UNSOLVED}'),
    ('snoozed', 'Snoozed tickets', 50, '-updated_at', '{{"not": {_AWAKE}}}'),
    ('recently_solved', 'Recently solved', 60, '-updated_at',
     '{{"all": [{{"field": "status", "is": ["solved", "closed"]}}, {{"field": "solved", "gte": "-7d"}}]}}')
"""
_INDEXES = {
    "updated_at": "(updated_at DESC, id DESC) INCLUDE (status)",
    "created_at": "(created_at, id) INCLUDE (status)",
    "sla_due": "(coalesce(sla_next_due_at, 'infinity'::timestamptz), id) INCLUDE (sla_next_due_at, status)",
    "group": '("group", updated_at DESC, id DESC) INCLUDE (status) WHERE "group" IS NOT NULL',
    "kind": "(status, language, priority, channel, type, brand)",
    "assignee_id": "(assignee_id, updated_at DESC, id DESC) INCLUDE (status)",
}
_NEW_INDEXES = {
    "solved_at": "(solved_at) WHERE solved_at IS NOT NULL",
    "tags": "USING gin (tags) WHERE tags <> '{}'",
}


def upgrade() -> None:
    op.execute(_TABLE)
    op.execute("CREATE INDEX ix_views_owner_id ON tickets.views (owner_id)")
    op.execute(_FIRST)
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    for name in _INDEXES:
        op.execute(f"-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX tickets.ix_tickets_{name}")
    for name, index in {**_INDEXES, **_NEW_INDEXES}.items():
        op.execute(
            "-- squawk-ignore require-concurrent-index-creation\n"
            f"CREATE INDEX ix_tickets_{name} ON tickets.tickets {index}"
        )
