"""Shapes of templates that tickets are opened from."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from services.tickets.domain.lifecycle import Level
from services.tickets.schemas.fields import Values
from services.tickets.schemas.macros import Description, Position, Title
from services.tickets.schemas.values import Closed, Group, MessageText, Subject, Tag, TypeKey
from shared.events.common import Priority, TicketType


class TicketTemplateContent(Closed):
    """What a ticket gets that is opened from it, where who opens it says nothing else."""

    subject: Subject | None = None
    text: MessageText | None = None
    priority: Priority | None = None
    urgency: Level | None = None
    impact: Level | None = None
    type: TicketType | None = None
    type_key: TypeKey | None = None
    group: Group | None = None
    tags: list[Tag] = Field(default=[], max_length=50)
    fields: Values = Field(default={}, max_length=200)

    @model_validator(mode="after")
    def _one_type(self) -> Self:
        if self.type is not None and self.type_key is not None:
            raise ValueError("give type or type_key, not both")
        return self


class TicketTemplateBody(Closed):
    """A template of tickets."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Return",
                    "description": "Somebody wants to give something back.",
                    "content": {
                        "subject": "Return of an order",
                        "type": "billing",
                        "group": "returns",
                        "tags": ["return"],
                        "text": "Order number:\nWhy it comes back:\nRefund or exchange:",
                    },
                }
            ]
        },
    )

    name: Title
    description: Description = ""
    active: bool = True
    position: Position = 0
    content: TicketTemplateContent


class TicketTemplateView(TicketTemplateBody):
    """A template as it is. `version` is its ETag."""

    id: UUID
    version: int
    changed_at: datetime
    changed_by: UUID

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of templates."""
        return cls.model_validate(row, from_attributes=True, extra="ignore")
