"""Merging customers who are one person, and undoing that."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.api.callers import actor_of
from services.tickets.repository.customer_merges import CustomerMergeRepository
from services.tickets.schemas.customer_merges import CustomerMergeBody, CustomerMergeView
from services.tickets.service import customer_merges
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, Page, ReadSession, cut_page

router = APIRouter(prefix="/api/customers/{customer_id}/merges", tags=["customers"])


@router.post("", status_code=201, response_model=CustomerMergeView)
async def merge_customers(
    customer_id: UUID,
    session: DbSession,
    idempotency: Idempotency,
    principal: Annotated[Principal, requires("customer.merge")],
    body: CustomerMergeBody,
) -> Response:
    """Let another customer become part of this one; who has become so already stays so.

    Addresses move at once, and with them what is written from them; tickets follow in chunks, `tickets_left` tells how
    many are still to come. What this customer does not know (name, language, …) is filled in from the other one. 409
    `customer-merged` if one of the two is part of somebody else, who is named.
    """

    async def call() -> Response:
        merge_id = await customer_merges.merge(
            session, customer_id, body.customer_id, actor=actor_of(principal), now=now_utc()
        )
        view = await _view(session, merge_id, customer_id)
        location = {"Location": f"/api/customers/{customer_id}/merges/{merge_id}"}
        return Response(view.model_dump_json(), 201, location, media_type="application/json")

    return await idempotency.run(session, call)


@router.get("", dependencies=[requires("customer.read")])
async def list_merges(customer_id: UUID, session: ReadSession, paging: CursorParams) -> Page[CustomerMergeView]:
    """Merges into a customer, and those by which they became part of another one, undone ones too, newest first."""
    repository = CustomerMergeRepository(session)
    after = paging.after(UUID)
    rows = await repository.page(customer_id, before=after[0] if after else None, limit=paging.limit + 1)
    page, cursor = cut_page(rows, paging.limit, lambda row: (row.id,))
    left = await repository.left(page)
    return Page(items=[CustomerMergeView.of(row, left.get(row.id, 0)) for row in page], next_cursor=cursor)


@router.get("/{merge_id}", dependencies=[requires("customer.read")])
async def read_merge(customer_id: UUID, merge_id: UUID, session: ReadSession) -> CustomerMergeView:
    """One merge of a customer, and how far it is."""
    return await _view(session, merge_id, customer_id)


@router.delete("/{merge_id}")
async def undo_merge(
    customer_id: UUID,
    merge_id: UUID,
    session: DbSession,
    principal: Annotated[Principal, requires("customer.merge")],
) -> CustomerMergeView:
    """Make two customers of one again: what the merge moved goes back, as far as it is where the merge put it.

    What came since, such as tickets that were opened meanwhile, stays. 409 `merged-further` if a later merge has to be
    undone first.
    """
    await customer_merges.require(session, merge_id, customer_id)
    await customer_merges.undo(session, merge_id, actor=actor_of(principal), now=now_utc())
    return await _view(session, merge_id, customer_id)


async def _view(session: AsyncSession, merge_id: UUID, customer_id: UUID) -> CustomerMergeView:
    row = await customer_merges.require(session, merge_id, customer_id)
    left = await CustomerMergeRepository(session).left([row])
    return CustomerMergeView.of(row, left.get(row.id, 0))
