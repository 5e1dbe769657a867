"""Customers: looked up, created, edited, and seen at one glance."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.api.callers import actor_of
from services.tickets.domain.identity import IdentityKind, identity, of_any_kind
from services.tickets.domain.lists import Sort
from services.tickets.repository import Filters, TicketLists
from services.tickets.repository.profiles import ProfileRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.schemas.customers import (
    Address,
    CustomerHistoryEntry,
    CustomerPatch,
    CustomerRow,
    CustomerTickets,
    CustomerView,
    FactsBody,
    FactsView,
    IdentityBody,
    NewCustomerBody,
    OverviewView,
    Prefix,
    Source,
)
from services.tickets.schemas.tickets import TicketRow
from services.tickets.service import customers
from services.tickets.service.settings import lifecycle_of
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import (
    CursorParams,
    DbSession,
    Idempotency,
    IfMatch,
    NotFound,
    Page,
    ReadSession,
    Unprocessable,
    cut_page,
    etag,
)

router = APIRouter(prefix="/api/customers", tags=["customers"])

_LAST_TICKETS = 10


def _phone_region(request: Request) -> str | None:
    region: str | None = request.app.state.settings.phone_region
    return region


PhoneRegion = Annotated[str | None, Depends(_phone_region)]


@router.get("", dependencies=[requires("customer.read")])
async def list_customers(
    session: ReadSession,
    paging: CursorParams,
    region: PhoneRegion,
    identity: Annotated[Address | None, Query(examples=["+49 30 123456"])] = None,
    name: Annotated[Prefix | None, Query(examples=["ana l"])] = None,
    email: Annotated[Prefix | None, Query(examples=["ana@"])] = None,
) -> Page[CustomerRow]:
    """Customers, the newest first; or, by one of these, those whom it tells.

    `identity` is a whole address of any kind, however it is written; whoever has it is all there is. `name` and `email`
    are beginnings, without regard to case, and sort the list; a customer is listed once for each e-mail address that
    begins so. Customers who became part of others are not listed.
    """
    if sum(value is not None for value in (identity, name, email)) > 1:
        raise Unprocessable("Give one of identity, name and email.", slug="too-many-filters")
    repository, limit = ProfileRepository(session), paging.limit + 1
    if identity is not None:
        found = await repository.with_identities(of_any_kind(identity, region=region))
        return Page(items=[CustomerRow.of(row) for row in found])
    if name is not None:
        named = paging.after(str, UUID)
        rows = await repository.by_name(name, after=(named[0], named[1]) if named else None, limit=limit)
        page, cursor = cut_page(rows, paging.limit, lambda row: (row.sort_name, row.id))
    elif email is not None:
        addressed = paging.after(str)
        rows = await repository.by_email(email.lower(), after=addressed[0] if addressed else None, limit=limit)
        page, cursor = cut_page(rows, paging.limit, lambda row: (row.address,))
    else:
        after = paging.after(UUID)
        rows = await repository.newest(after=after[0] if after else None, limit=limit)
        page, cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    return Page(items=[CustomerRow.of(row) for row in page], next_cursor=cursor)


@router.post("", status_code=201, response_model=CustomerRow)
async def create_customer(
    session: DbSession,
    idempotency: Idempotency,
    region: PhoneRegion,
    principal: Annotated[Principal, requires("customer.change")],
    body: NewCustomerBody,
) -> Response:
    """Create a customer. 409 `identity-taken` tells whose an address is already."""

    async def call() -> Response:
        identities = [identity(one.kind, one.address, region=region) for one in body.identities]
        customer_id = await customers.create(
            session, body.changes(), identities, actor=actor_of(principal), now=now_utc()
        )
        response = await _customer(session, customer_id)
        response.status_code = 201
        response.headers["Location"] = f"/api/customers/{customer_id}"
        return response

    return await idempotency.run(session, call)


@router.get("/{customer_id}")
async def read_customer(
    customer_id: UUID,
    session: ReadSession,
    principal: Annotated[Principal, requires("customer.read")],
    response: Response,
) -> CustomerView:
    """A customer with all addresses and the tickets that moved last, and the version as ETag.

    For one who became part of another customer that other one is shown, with their `id`. It takes the permission
    `ticket.read`, too; the lists of customers do not.
    """
    customer = await customers.require(session, customer_id)
    etag(response, customer.version)
    return CustomerView.of(customer, await _last_tickets(session, customer.id, principal))


@router.patch("/{customer_id}", response_model=CustomerRow)
async def edit_customer(
    customer_id: UUID,
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("customer.change")],
    body: CustomerPatch,
) -> Response:
    """Set fields of a customer who is still at the version of If-Match.

    Their tickets tell other services of it with their next change.
    """
    await customers.edit(
        session, customer_id, body.changes(), actor=actor_of(principal), expected_version=expected, now=now_utc()
    )
    return await _customer(session, customer_id)


@router.post("/{customer_id}/identities", response_model=CustomerRow)
async def add_identity(
    customer_id: UUID,
    session: DbSession,
    expected: IfMatch,
    region: PhoneRegion,
    principal: Annotated[Principal, requires("customer.change")],
    body: IdentityBody,
) -> Response:
    """Give a customer, still at the version of If-Match, an address; one they have already is no change.

    409 `identity-taken` tells whose it is.
    """
    added = identity(body.kind, body.address, region=region)
    await customers.add_identity(
        session, customer_id, added, actor=actor_of(principal), expected_version=expected, now=now_utc()
    )
    return await _customer(session, customer_id)


@router.delete("/{customer_id}/identities", response_model=CustomerRow)
async def remove_identity(
    customer_id: UUID,
    session: DbSession,
    expected: IfMatch,
    region: PhoneRegion,
    principal: Annotated[Principal, requires("customer.change")],
    kind: Annotated[IdentityKind, Query(examples=["email"])],
    address: Annotated[Address, Query(examples=["ana@example.com"])],
) -> Response:
    """Take an address from a customer who is still at the version of If-Match.

    Who writes from it next is somebody new, also in tickets that are there. One they do not have is no change.
    """
    removed = identity(kind, address, region=region)
    await customers.remove_identity(
        session, customer_id, removed, actor=actor_of(principal), expected_version=expected, now=now_utc()
    )
    return await _customer(session, customer_id)


@router.get("/{customer_id}/history", dependencies=[requires("customer.read")])
async def read_customer_history(
    customer_id: UUID, session: ReadSession, paging: CursorParams
) -> Page[CustomerHistoryEntry]:
    """What people did to a customer, newest first. One who became part of another customer keeps their own."""
    repository = ProfileRepository(session)
    after = paging.after(int)
    rows = await repository.history(customer_id, before_id=after[0] if after else None, limit=paging.limit + 1)
    if not rows:
        await customers.require(session, customer_id)
    page, cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    return Page(items=[CustomerHistoryEntry.of(row) for row in page], next_cursor=cursor)


@router.get("/{customer_id}/overview")
async def read_overview(
    customer_id: UUID,
    session: ReadSession,
    principal: Annotated[Principal, requires("customer.read")],
    response: Response,
) -> OverviewView:
    """A customer at one glance: addresses, organisation, tickets, and what other systems know, each as of when.

    It takes the permission `ticket.read`, too.
    """
    repository = ProfileRepository(session)
    customer = await customers.require(session, customer_id)
    etag(response, customer.version)
    newest = await _last_tickets(session, customer.id, principal)
    others = (
        await repository.tickets_of_others(customer.id, UUID(customer.organisation["id"]), limit=_LAST_TICKETS)
        if customer.organisation
        else []
    )
    rows = {row.id: row for row in await TicketLists(session).some(others)}
    return OverviewView(
        customer=CustomerRow.of(customer),
        tickets=CustomerTickets.of(await repository.tickets_by_status(customer.id), newest),
        organisation_tickets=await _shown(session, [rows[id_] for id_ in others], principal),
        facts=[FactsView.of(row) for row in await repository.facts(customer.id)],
    )


@router.put("/{customer_id}/facts/{source}", dependencies=[requires("customer.facts")])
async def keep_facts(customer_id: UUID, source: Source, session: DbSession, body: FactsBody) -> FactsView:
    """Tell what another system knows of a customer: plan, balance, last order. It replaces what that source said.

    What the source knew later than `as_of` stays, and is what is answered: posts may come twice and in any order. Find
    the customer by `GET /api/customers?identity=crm:4711`.
    """
    now = now_utc()
    row = await customers.keep_facts(session, customer_id, source, body.data, as_of=body.as_of or now, now=now)
    return FactsView.of(row)


@router.delete("/{customer_id}/facts/{source}", status_code=204, dependencies=[requires("customer.facts")])
async def forget_facts(customer_id: UUID, source: Source, session: DbSession) -> None:
    """Drop what another system told of a customer."""
    customer = await customers.require(session, customer_id)
    if not await ProfileRepository(session).forget_facts(customer.id, source):
        raise NotFound("This source told nothing of this customer.")


async def _customer(session: DbSession, customer_id: UUID) -> Response:
    """The customer as this transaction leaves them."""
    row = await customers.require(session, customer_id)
    response = Response(CustomerRow.of(row).model_dump_json(), media_type="application/json")
    etag(response, row.version)
    return response


async def _last_tickets(session: AsyncSession, customer_id: UUID, principal: Principal) -> list[TicketRow]:
    filters = Filters(requester_id=customer_id)
    rows = await TicketLists(session).page(filters, Sort.UPDATED_DESC, after=None, limit=_LAST_TICKETS)
    return await _shown(session, rows, principal)


async def _shown(session: AsyncSession, rows: Sequence[AnyRow], principal: Principal) -> list[TicketRow]:
    """Rows as the caller sees them. Raises Denied for whom no tickets are, as with a key for customers alone."""
    principal.scope("ticket.read")
    lifecycle = await lifecycle_of(session)
    return [TicketRow.of(row, role=principal.role, lifecycle=lifecycle) for row in rows]
