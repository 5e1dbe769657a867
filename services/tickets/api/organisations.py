"""Organisations: whom customers belong to."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.tickets.repository.organisations import OrganisationRepository
from services.tickets.repository.profiles import ProfileRepository
from services.tickets.schemas.customers import CustomerRow, Prefix
from services.tickets.schemas.organisations import NewOrganisationBody, OrganisationPatch, OrganisationView
from services.tickets.service import organisations
from shared.auth import requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, IfMatch, Page, ReadSession, cut_page, etag

router = APIRouter(prefix="/api/organisations", tags=["organisations"])


@router.get("", dependencies=[requires("organisation.read")])
async def list_organisations(
    session: ReadSession,
    paging: CursorParams,
    name: Annotated[Prefix | None, Query(examples=["exa"])] = None,
) -> Page[OrganisationView]:
    """Organisations by name; with `name`, those whose name begins so, without regard to case."""
    after = paging.after(str, UUID)
    rows = await OrganisationRepository(session).page(
        name, after=(after[0], after[1]) if after else None, limit=paging.limit + 1
    )
    page, cursor = cut_page(rows, paging.limit, lambda row: (row.sort_name, row.id))
    return Page(items=[OrganisationView.of(row) for row in page], next_cursor=cursor)


@router.post("", status_code=201, response_model=OrganisationView, dependencies=[requires("organisation.change")])
async def create_organisation(session: DbSession, idempotency: Idempotency, body: NewOrganisationBody) -> Response:
    """Create an organisation. Its domains count at once, for customers who are there too.

    422 for a mail provider's domain, where anybody can have an address; 409 `domain-taken` tells whose a domain is.
    """

    async def call() -> Response:
        row = await organisations.create(session, body.model_dump(exclude={"domains"}), body.domains, now=now_utc())
        response = Response(OrganisationView.of(row).model_dump_json(), 201, media_type="application/json")
        response.headers["Location"] = f"/api/organisations/{row.id}"
        etag(response, row.version)
        return response

    return await idempotency.run(session, call)


@router.get("/{organisation_id}", dependencies=[requires("organisation.read")])
async def read_organisation(organisation_id: UUID, session: ReadSession, response: Response) -> OrganisationView:
    """An organisation, with its version as ETag."""
    row = await organisations.require(session, organisation_id)
    etag(response, row.version)
    return OrganisationView.of(row)


@router.patch("/{organisation_id}", dependencies=[requires("organisation.change")])
async def edit_organisation(
    organisation_id: UUID, session: DbSession, expected: IfMatch, body: OrganisationPatch, response: Response
) -> OrganisationView:
    """Set fields of an organisation that is still at the version of If-Match."""
    fields = body.model_dump(exclude_unset=True, exclude={"domains"})
    row = await organisations.edit(session, organisation_id, fields, body.domains, expected_version=expected)
    etag(response, row.version)
    return OrganisationView.of(row)


@router.get("/{organisation_id}/members", dependencies=[requires("organisation.read")])
async def list_members(organisation_id: UUID, session: ReadSession, paging: CursorParams) -> Page[CustomerRow]:
    """Customers who belong to an organisation: those put into it, and those whose e-mail address is at its domains.

    Who was put into another one does not. Of several domains, that of the first address by alphabet counts.
    """
    await organisations.require(session, organisation_id)
    after = paging.after(UUID)
    ids = await OrganisationRepository(session).members(
        organisation_id, after=after[0] if after else None, limit=paging.limit + 1
    )
    page, cursor = cut_page(ids, paging.limit, lambda id_: (id_,))
    rows = await ProfileRepository(session).some(page)
    return Page(items=[CustomerRow.of(row) for row in rows], next_cursor=cursor)
