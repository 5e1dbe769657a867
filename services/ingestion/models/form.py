"""Tables of what visitors send without an account."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, Uuid
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

# How much callers stored of late. A caller is a digest of an address.
portal_uploads = Table(
    "portal_uploads",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("uploaded_at", moment, nullable=False),
    Index("ix_portal_uploads_caller", "caller", "uploaded_at"),
    Index("ix_portal_uploads_uploaded_at", "uploaded_at"),
)
