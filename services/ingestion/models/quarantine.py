"""Table of what was deleted from quarantine."""

from sqlalchemy import BigInteger, Column, Index, Table, Text, Uuid

from services.ingestion.models.base import metadata, moment

# One row for each mail that was deleted, without anything of what it said; `deleted_by` is null where its age did it.
quarantine_deletions = Table(
    "quarantine_deletions",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("received_at", moment, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("deleted_at", moment, nullable=False),
    Column("deleted_by", Uuid),
    Column("why", Text, nullable=False),
    Index("ix_quarantine_deletions_deleted_at", "deleted_at"),
)
