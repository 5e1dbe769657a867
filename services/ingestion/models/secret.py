"""Table of secrets."""

from sqlalchemy import (
    Column,
    LargeBinary,
    Table,
    Text,
)

from services.ingestion.models.base import metadata

# Keys that were made here because none was configured.
secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
