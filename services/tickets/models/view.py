"""What agents look at."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.tickets.models.base import metadata, moment

# Named conditions with an order: somebody's own (`owner_id`), of some groups, or everybody's. `key` is that of one
# which was there from the start, by which a screen names it in the reader's language.
views = Table(
    "views",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=literal_column("uuidv7()")),
    Column("key", Text),
    Column("name", Text, nullable=False),
    Column("owner_id", Uuid),
    Column("groups", ARRAY(Text)),
    Column("conditions", JSONB, nullable=False),
    Column("sort", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("changed_at", moment, nullable=False, server_default=func.now()),
    Column("changed_by", Uuid),
    UniqueConstraint("key"),
    CheckConstraint("owner_id IS NULL OR groups IS NULL", name="groups"),
    Index("ix_views_owner_id", "owner_id"),
)
