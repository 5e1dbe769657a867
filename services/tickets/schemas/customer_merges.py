"""Shapes of merges of customers."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.tickets.schemas.customers import IdentityView
from services.tickets.schemas.people import PersonView
from services.tickets.schemas.values import Closed


class CustomerMergeBody(Closed):
    """The customer who becomes part of the one in the path."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"customer_id": "0199f0c4-7a50-7c8e-9d8e-0a1b2c3d4e5f"}]})

    customer_id: UUID


class CustomerMergeState(StrEnum):
    """How far a merge is: while tickets follow it is `moving`, while they go back `undoing`."""

    MOVING = "moving"
    MERGED = "merged"
    UNDOING = "undoing"
    UNDONE = "undone"


class CustomerMergeView(BaseModel):
    """That `customer_id` became part of `into_id`, with the addresses that moved. Tickets follow in a moment."""

    id: UUID
    customer_id: UUID
    name: str
    into_id: UUID
    identities: list[IdentityView]
    state: CustomerMergeState
    tickets_left: int
    merged_at: datetime
    merged_by: PersonView
    undone_at: datetime | None

    @classmethod
    def of(cls, row: Any, tickets_left: int) -> Self:
        """The shape of a merge's row."""
        if row.undone_at is None:
            state = CustomerMergeState.MOVING if tickets_left else CustomerMergeState.MERGED
        else:
            state = CustomerMergeState.UNDOING if row.state == "undoing" else CustomerMergeState.UNDONE
        return cls(
            id=row.id,
            customer_id=row.customer_id,
            name=row.name,
            into_id=row.into_id,
            identities=[IdentityView.model_validate(one) for one in row.identities],
            state=state,
            tickets_left=tickets_left,
            merged_at=row.merged_at,
            merged_by=PersonView(id=UUID(row.actor_id), name=row.actor_name),
            undone_at=row.undone_at,
        )
