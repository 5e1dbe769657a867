"""A customer at one glance."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from services.tickets.repository import CustomerRepository, Filters, Sort, TicketLists
from services.tickets.schemas import CustomerView
from shared.auth import Principal, requires
from shared.web import NotFound, ReadSession

router = APIRouter(prefix="/api/customers", tags=["customers"])

_LAST_TICKETS = 10


@router.get("/{customer_id}")
async def read_customer(
    customer_id: UUID, session: ReadSession, _principal: Annotated[Principal, requires("customer.read")]
) -> CustomerView:
    """A customer with all addresses and the tickets that moved last."""
    customers = CustomerRepository(session)
    customer = await customers.get(customer_id)
    if customer is None:
        raise NotFound("There is no such customer.")
    identities = await customers.identities(customer_id)
    tickets = await TicketLists(session).page(
        Filters(requester_id=customer_id), Sort.UPDATED_DESC, after=None, limit=_LAST_TICKETS
    )
    return CustomerView.of(customer, identities, tickets)
