"""Shapes of links between tickets."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.links import LinkKind, Relation, relation
from services.tickets.schemas.people import PersonView
from services.tickets.schemas.tickets import RequesterView
from services.tickets.schemas.values import Closed, MessageText
from shared.events.common import TicketStatus


class LinkBody(Closed):
    """What another ticket is to this one. A child that `blocks` has to be solved before its parent is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"relation": "child", "ticket_id": "01997b6e-3c00-7a10-8b11-0242ac120002", "blocks": True}]
        }
    )

    relation: Relation
    ticket_id: UUID
    blocks: bool = False


class LinkedTicket(BaseModel):
    """The other ticket of a link."""

    id: UUID
    number: int
    subject: str
    status: TicketStatus
    status_key: str
    requester: RequesterView


class LinkView(BaseModel):
    """A link: `relation` is what the other ticket is to the one that is looked at."""

    id: UUID
    relation: Relation
    ticket: LinkedTicket
    blocks: bool
    created_at: datetime
    created_by: PersonView

    @classmethod
    def of(cls, row: Any, lifecycle: Lifecycle) -> Self:
        """The shape of a row of links."""
        return cls(
            id=row.id,
            relation=relation(LinkKind(row.kind), other_is_first=row.other_is_first),
            ticket=LinkedTicket(
                id=row.other_id,
                number=row.number,
                subject=row.subject,
                status=TicketStatus(row.status),
                status_key=lifecycle.shown(TicketStatus(row.status), row.status_key).key,
                requester=RequesterView(customer_id=row.requester_id, name=row.requester_name),
            ),
            blocks=row.blocks,
            created_at=row.created_at,
            created_by=PersonView(id=row.by_id, name=row.by_name),
        )


class SolveIncidentsBody(Closed):
    """What every incident is told, if anything; `after` is the `next` of the answer before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reply": "The printers work again."}]})

    reply: MessageText | None = None
    after: UUID | None = None


class RefusedIncident(BaseModel):
    """An incident that was left as it is; `problem` is the slug of why."""

    id: UUID
    number: int
    problem: str
    detail: str


class SolvedIncidents(BaseModel):
    """What became of some incidents. While there is a `next`, more are to be solved: `remaining` of them."""

    solved: int
    refused: list[RefusedIncident]
    remaining: int
    next: UUID | None
