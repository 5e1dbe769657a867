"""Changes of many tickets, and tickets from elsewhere."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.tickets.models.base import metadata, moment

# A change of many tickets, which a timer makes a chunk at a time (`service/bulk.py`). Who asked, with their role then;
# what is to be done, as it was asked; how many have become of it what.
bulk_jobs = Table(
    "bulk_jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("undo_of", Uuid),
    Column("actions", JSONB, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("total", Integer, nullable=False),
    Column("changed", Integer, nullable=False, server_default="0"),
    Column("unchanged", Integer, nullable=False, server_default="0"),
    Column("refused", Integer, nullable=False, server_default="0"),
    Column("preview", JSONB),
    Column("created_at", moment, nullable=False),
    # Whose last chunk is longest ago, comes next.
    Column("worked_at", moment, nullable=False),
    Column("finished_at", moment),
    CheckConstraint("kind IN ('change', 'undo')", name="kind"),
    CheckConstraint("(kind = 'undo') = (undo_of IS NOT NULL)", name="undo_of"),
    CheckConstraint("state IN ('previewed', 'running', 'done', 'cancelled')", name="state"),
    CheckConstraint("(state IN ('done', 'cancelled')) = (finished_at IS NOT NULL)", name="finished_at"),
    Index("ix_bulk_jobs_account_id", "account_id", "id"),
    Index("ix_bulk_jobs_running", "worked_at", "id", postgresql_where=literal_column("state = 'running'")),
    # What is undone twice is undone by nobody: the second would put back what the first one did.
    Index(
        "ix_bulk_jobs_undo_of",
        "undo_of",
        unique=True,
        postgresql_where=literal_column("undo_of IS NOT NULL AND state <> 'cancelled'"),
    ),
)

# The tickets of a job, in the order in which it takes them; without a result until their turn.
bulk_items = Table(
    "bulk_items",
    metadata,
    Column("job_id", Uuid, ForeignKey("bulk_jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("ticket_id", Uuid, nullable=False),
    Column("result", Text),
    # Of what was refused, the problem as the API would have told it.
    Column("slug", Text),
    Column("detail", Text),
    Column("version_before", BigInteger),
    Column("version_after", BigInteger),
    # Fields before and after, for undo.
    Column("changes", JSONB),
    CheckConstraint("result IN ('changed', 'unchanged', 'refused')", name="result"),
    Index(
        "ix_bulk_items_result", "job_id", "result", "position", postgresql_where=literal_column("result IS NOT NULL")
    ),
)

# Tickets that came from another desk, by what they were called there; `digest` tells a repetition from another ticket.
imported_tickets = Table(
    "imported_tickets",
    metadata,
    Column("source", Text, primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("ticket_id", Uuid, ForeignKey("tickets.id"), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("imported_at", moment, nullable=False),
    Index("ix_imported_tickets_ticket_id", "ticket_id"),
)
