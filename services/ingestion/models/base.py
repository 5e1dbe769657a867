"""The schema `ingestion`."""

from sqlalchemy import DateTime

from shared.db import schema_metadata

metadata = schema_metadata("ingestion")

moment = DateTime(timezone=True)
