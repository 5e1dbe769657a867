"""Shapes of merging tickets and of splitting messages off."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.tickets.schemas.people import PersonView
from services.tickets.schemas.tickets import RequesterView
from services.tickets.schemas.values import Closed, Subject

MAX_SOURCES = 50


class MergeBody(Closed):
    """Tickets that go into this one. `across_customers` is needed where they are of other customers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sources": ["01997b6e-3c00-7a10-8b11-0242ac120002"]}]})

    sources: list[UUID] = Field(min_length=1, max_length=MAX_SOURCES)
    across_customers: bool = False


class MergeView(BaseModel):
    """A ticket that was merged into this one; `undone_at` if it is on its own again."""

    id: UUID
    number: int
    subject: str
    requester: RequesterView
    merged_at: datetime
    merged_by: PersonView
    undone_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of merges."""
        return cls(
            id=row.source_id,
            number=row.number,
            subject=row.subject,
            requester=RequesterView(customer_id=row.requester_id, name=row.requester_name),
            merged_at=row.at,
            merged_by=PersonView(id=row.by_id, name=row.by_name),
            undone_at=row.undone_at,
        )


class SplitBody(Closed):
    """A customer's message that is a matter of its own; `following` takes along what they wrote after it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message_id": "01997b6e-3c00-7a10-8b11-0242ac120002",
                    "following": True,
                    "subject": "The invoice of March",
                }
            ]
        }
    )

    message_id: UUID
    following: bool = False
    subject: Subject | None = None
