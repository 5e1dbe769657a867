"""Tables of what visitors send without an account."""

from sqlalchemy import Column, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from services.ingestion.models.base import metadata, moment

# The forms as tickets told of them last; the key is empty for the one that has none.
public_forms = Table(
    "public_forms",
    metadata,
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("form", JSONB, nullable=False),
)

# Who sent what of late, to bound it. A writer is a digest: nobody has to be known for being counted.
portal_writes = Table(
    "portal_writes",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("writer", Text, nullable=False),
    Column("written_at", moment, nullable=False),
    Index("ix_portal_writes_writer", "writer", "written_at"),
    Index("ix_portal_writes_written_at", "written_at"),
)
