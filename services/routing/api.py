"""Routes of routing: `/api/agents` and `/api/routing`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from services.routing import service
from services.routing.repository import AgentRepository, QueueRepository
from services.routing.schemas import (
    AgentList,
    AgentUpdate,
    AgentView,
    QueueList,
    QueueView,
    TicketRoutingView,
)
from shared.auth import Principal, Scope, requires
from shared.web import DbSession, ReadSession

router = APIRouter(tags=["routing"])


@router.get("/api/agents", dependencies=[requires("agent.read")])
async def list_agents(session: ReadSession) -> AgentList:
    """Agents with skills, languages, capacity and load."""
    return AgentList(items=[AgentView.of(agent) for agent in await AgentRepository(session).agents()])


@router.put("/api/agents/{agent_id}")
async def configure_agent(
    agent_id: UUID,
    update: AgentUpdate,
    session: DbSession,
    principal: Annotated[Principal, requires("agent.change")],
) -> AgentView:
    """Set skills, languages, capacity and availability. Agents may set their own availability."""
    by_themselves = principal.scope("agent.change") is Scope.OWN
    if by_themselves and principal.account_id != agent_id:
        raise service.AgentNotFound
    agent = await service.configure_agent(
        session,
        agent_id,
        skills=update.skills,
        languages=update.languages,
        capacity=update.capacity,
        available=update.available,
        by_themselves=by_themselves,
    )
    return AgentView.of(agent)


@router.get("/api/routing/tickets/{ticket_id}", dependencies=[requires("routing.read")])
async def explain_ticket(ticket_id: UUID, session: ReadSession) -> TicketRoutingView:
    """Decisions about a ticket, each with its reasons and candidates."""
    ticket, decisions = await service.explain(session, ticket_id)
    return TicketRoutingView.of(ticket, decisions)


@router.get("/api/routing/queues", dependencies=[requires("routing.read")])
async def list_queues(session: ReadSession) -> QueueList:
    """How many tickets wait in which queue."""
    return QueueList(items=[QueueView(**row) for row in await QueueRepository(session).queues()])
