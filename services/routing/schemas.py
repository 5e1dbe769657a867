"""Shapes of routing's HTTP requests and responses."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.routing.domain.assignment import Agent
from shared.events.accounts import Role


def _distinct(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Skill = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
LanguageTag = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35)]


class AgentUpdate(BaseModel):
    """What a supervisor, or an agent for themselves, sets. `languages` null means: those of the account."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"skills": ["billing"], "languages": ["de", "en"], "capacity": 20, "available": True}]
        },
    )

    skills: Annotated[list[Skill], Field(max_length=50), AfterValidator(_distinct)]
    languages: Annotated[list[LanguageTag], Field(max_length=20), AfterValidator(_distinct)] | None
    capacity: Annotated[int, Field(ge=0, le=500, strict=True)]
    available: Annotated[bool, Field(strict=True)]


class AgentView(BaseModel):
    """An agent with the load they carry: live assigned tickets and proposals under way."""

    id: UUID
    name: str
    role: Role
    active: bool
    available: bool
    languages: list[str]
    skills: list[str]
    groups: list[str]
    capacity: int
    load: int

    @classmethod
    def of(cls, agent: Agent) -> Self:
        """The view of a domain agent."""
        return cls(
            id=agent.id,
            name=agent.name,
            role=agent.role,
            active=agent.active,
            available=agent.available,
            languages=sorted(agent.languages),
            skills=sorted(agent.skills),
            groups=sorted(agent.groups),
            capacity=agent.capacity,
            load=agent.load,
        )


class AgentList(BaseModel):
    """Everybody who can be given tickets, by name."""

    items: list[AgentView]


class ReasonView(BaseModel):
    """A reason by its code, for who tells it in another language, and what it names. Moments are in UTC."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "left_out", "params": {"count": 2, "reason": {"code": "away", "params": {}}}},
                {"code": "load", "params": {"load": 3, "capacity": 20}},
                {"code": "knows", "params": {"tags": ["refund", "returns"]}},
                {"code": "let_go_until", "params": {"at": "2026-03-02T09:15:00Z", "utc": "09:15"}},
            ]
        }
    )

    code: str
    params: dict[str, "str | int | list[str] | ReasonView"]


class CandidateView(BaseModel):
    """One agent who was considered, with the score (higher is better) or the reason for being left out.

    `explained` says each of the reasons by its code; it is empty where a decision was kept without.
    """

    agent_id: UUID
    name: str
    score: float | None
    reasons: list[str]
    explained: list[ReasonView] = []


class DecisionView(BaseModel):
    """A decision, why it fell so, and what became of its proposal (null: there was none).

    `explained` says each of the reasons by its code; it is empty where a decision was kept without.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01997b6e-3c00-7a10-8b11-0242ac120002",
                    "ticket_version": 1,
                    "assignee_id": "01997b6e-3c00-7a10-8b11-0242ac120003",
                    "queue": "general:de",
                    "reasons": ["speaks de", "load 3 of 20", "1 left out: away"],
                    "explained": [
                        {"code": "speaks", "params": {"language": "de"}},
                        {"code": "load", "params": {"load": 3, "capacity": 20}},
                        {"code": "left_out", "params": {"count": 1, "reason": {"code": "away", "params": {}}}},
                    ],
                    "candidates": [
                        {
                            "agent_id": "01997b6e-3c00-7a10-8b11-0242ac120003",
                            "name": "Ana",
                            "score": 100,
                            "reasons": ["speaks de", "load 3 of 20"],
                            "explained": [
                                {"code": "speaks", "params": {"language": "de"}},
                                {"code": "load", "params": {"load": 3, "capacity": 20}},
                            ],
                        }
                    ],
                    "decided_at": "2026-03-02T09:00:00Z",
                    "proposal": "open",
                }
            ]
        }
    )

    id: UUID
    ticket_version: int
    assignee_id: UUID | None
    queue: str
    reasons: list[str]
    explained: list[ReasonView]
    candidates: list[CandidateView]
    decided_at: datetime
    proposal: str | None


class TicketRoutingView(BaseModel):
    """What routing knows of a ticket. `queue` is where it waits, if it waits; decisions are newest first."""

    ticket_id: UUID
    assignee_id: UUID | None
    language: str | None
    queue: str | None
    decisions: list[DecisionView]

    @classmethod
    def of(cls, ticket: Mapping[str, Any], decisions: Iterable[Mapping[str, Any]]) -> Self:
        """The view of a projection row and its decisions' rows."""
        return cls(**ticket, decisions=[DecisionView(**decision) for decision in decisions])


class QueueView(BaseModel):
    """One queue, named by group and language, and how long it is."""

    queue: str
    waiting: int
    oldest_created_at: datetime


class QueueList(BaseModel):
    """The queues in which tickets wait."""

    items: list[QueueView]
