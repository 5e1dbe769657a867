"""What all tables of the schema `tickets` have in common."""

from sqlalchemy import DateTime

from shared.db import schema_metadata

metadata = schema_metadata("tickets")

moment = DateTime(timezone=True)
