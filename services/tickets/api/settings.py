"""Settings: how the organisation works its tickets."""

from typing import Annotated

from fastapi import APIRouter, Response

from services.tickets.repository import SettingsRepository
from services.tickets.schemas.fields import FieldsBody, FieldsView, PortalFieldsView
from services.tickets.schemas.settings import LifecycleBody, LifecycleView
from services.tickets.service import settings
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import DbSession, IfMatch, ReadSession, etag

router = APIRouter(prefix="/api/settings", tags=["settings"])


@router.get("/tickets", dependencies=[requires("settings.read")])
async def read_lifecycle(session: ReadSession, response: Response) -> LifecycleView:
    """Statuses and types, ways between statuses, required fields, reopening and priorities; the version as ETag."""
    row = await SettingsRepository(session).get(settings.TICKETS)
    etag(response, row.version)
    return LifecycleView.of(row)


@router.put("/tickets")
async def change_lifecycle(
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("settings.change")],
    body: LifecycleBody,
    response: Response,
) -> LifecycleView:
    """Change the lifecycle as a whole; every process works by it a second later.

    422 `unworkable-lifecycle` names the place by a JSON Pointer; 409 `status-in-use` or `type-in-use` if tickets still
    have a status or a type that is gone.
    """
    row = await settings.change_lifecycle(
        session, body, expected_version=expected, by=principal.account_id, now=now_utc()
    )
    etag(response, row.version)
    return LifecycleView.of(row)


@router.get("/fields", dependencies=[requires("settings.read")])
async def read_fields(session: ReadSession, response: Response) -> FieldsView:
    """The organisation's own fields in their order, and the forms they are on, with their version as ETag."""
    row = await SettingsRepository(session).get(settings.FIELDS)
    etag(response, row.version)
    return FieldsView.of(row)


@router.get("/fields/portal", dependencies=[requires("ticket.create")])
async def read_portal_fields(session: ReadSession, response: Response) -> PortalFieldsView:
    """What of the fields customers see and open tickets with, for a portal to show; evaluated as staff's forms are."""
    row = await SettingsRepository(session).get(settings.FIELDS)
    etag(response, row.version)
    return PortalFieldsView.of(row)


@router.put("/fields")
async def change_fields(
    session: DbSession,
    expected: IfMatch,
    principal: Annotated[Principal, requires("settings.change")],
    body: FieldsBody,
    response: Response,
) -> FieldsView:
    """Change fields and forms as a whole; every process works by them a second later.

    422 `unworkable-fields` names the place by a JSON Pointer. A field stays once it is there: 409 `fields-fixed` if one
    is gone, is of another kind, or is filtered by differently; make it inactive instead.
    """
    row = await settings.change_fields(session, body, expected_version=expected, by=principal.account_id, now=now_utc())
    etag(response, row.version)
    return FieldsView.of(row)
