"""Events of routing: what a ticket is, and who should have it. Topic `desk.routing`, aggregate: the ticket."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from shared.events.base import EventData, EventModel


class _RoutingData(EventData):
    topic: ClassVar[str] = "desk.routing"
    source: ClassVar[str] = "routing"


class TicketClassified(_RoutingData):
    """What the ticket's text says about it. `language` is BCP 47, or None where the detector abstains."""

    type: ClassVar[str] = "ticket.classified.v1"

    ticket_id: UUID
    language: str | None
    language_confidence: float = Field(ge=0, le=1)
    classified_at: datetime


class Candidate(EventModel):
    """One agent who was considered, with the score (higher is better) or the reason for being left out."""

    agent_id: UUID
    name: str
    score: float | None = None
    reasons: tuple[str, ...] = ()


class TicketRouted(_RoutingData):
    """A proposal: tickets applies it, or declines it if the ticket is past `ticket_version` in what matters.

    `assignee_id` is None when nobody fits; the ticket then waits in `queue`. `candidates` stays empty: nobody decides
    by them, and they were the largest part of the event. Routing tells them (`GET /api/routing/tickets/{id}`).
    """

    type: ClassVar[str] = "ticket.routed.v1"

    decision_id: UUID
    ticket_id: UUID
    ticket_version: int
    assignee_id: UUID | None
    group: str | None
    queue: str
    reasons: tuple[str, ...]
    routed_at: datetime
    candidates: tuple[Candidate, ...] = ()
