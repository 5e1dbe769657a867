"""Routes of SLA, below `/api/sla`."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.sla import service
from services.sla.repository import SlaRepository
from services.sla.schemas import ClockView, PolicyBody, PolicyList, PolicyView, TicketClocks
from shared.auth import requires
from shared.db import now_utc
from shared.web import DbSession, IfMatch, ReadSession, etag

router = APIRouter(prefix="/api/sla", tags=["sla"])


@router.get("/policies", dependencies=[requires("sla.read")])
async def list_policies(session: ReadSession) -> PolicyList:
    """Policies in the order in which they are asked."""
    return PolicyList(items=[PolicyView.of(stored) for stored in await SlaRepository(session).policies()])


@router.put("/policies/{policy_id}", dependencies=[requires("sla.policy.change")])
async def change_policy(
    policy_id: UUID, body: PolicyBody, session: DbSession, if_match: IfMatch, response: Response
) -> PolicyView:
    """Change a policy; the open clocks it applies to are planned anew within seconds."""
    stored = await service.change_policy(session, body.to_domain(policy_id), expected_version=if_match, now=now_utc())
    etag(response, stored.version)
    return PolicyView.of(stored)


@router.get("/tickets/{ticket_id}", dependencies=[requires("sla.read")])
async def ticket_clocks(ticket_id: UUID, session: ReadSession) -> TicketClocks:
    """The clocks of a ticket with the intervals that counted."""
    at = now_utc()
    clocks = await service.clocks_of(session, ticket_id)
    return TicketClocks(ticket_id=ticket_id, at=at, clocks=[ClockView.of(clock, at) for clock in clocks])
