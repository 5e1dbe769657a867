"""Templates of tickets: written, and filled in where a ticket is opened from one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository.rows import AnyRow
from services.tickets.repository.templates import TemplateRepository
from services.tickets.schemas.templates import TicketTemplateBody
from services.tickets.schemas.tickets import NewTicketBody
from services.tickets.service.macros import check_values
from services.tickets.service.problems import rules_as_problems
from services.tickets.service.settings import lifecycle_of
from shared.ids import uuid7
from shared.web.problem import NotFound, PreconditionFailed, Unprocessable
from shared.words import folded

# Who gives one of them wants neither of what the template has.
_TYPE = {"type", "type_key"}


async def create(session: AsyncSession, body: TicketTemplateBody, *, by: UUID, now: datetime) -> UUID:
    """Keep a new template; returns its id. Raises Unprocessable (`unknown-type`, `fields-invalid`)."""
    id_ = uuid7()
    values = await _checked(session, body, by=by, now=now)
    await TemplateRepository(session).insert({"id": id_, "version": 1, **values})
    return id_


async def change(
    session: AsyncSession,
    template_id: UUID,
    body: TicketTemplateBody,
    *,
    expected_version: int | None,
    by: UUID,
    now: datetime,
) -> None:
    """Put another template into its place. Raises what `create` does, and NotFound, PreconditionFailed."""
    await _locked(session, template_id, expected_version)
    await TemplateRepository(session).change(template_id, await _checked(session, body, by=by, now=now))


async def delete(session: AsyncSession, template_id: UUID, *, expected_version: int | None) -> None:
    """Forget a template. Raises NotFound, PreconditionFailed."""
    await _locked(session, template_id, expected_version)
    await TemplateRepository(session).delete(template_id)


async def filled(session: AsyncSession, body: NewTicketBody) -> NewTicketBody:
    """The ticket to open, with what its template has for what is not given. Of own fields each is looked at by itself.

    Raises Unprocessable (`unknown-template`, `text-missing`).
    """
    if body.template_id is None:
        return body
    row = await TemplateRepository(session).get(body.template_id)
    if row is None or not row.active:
        raise Unprocessable("There is no such template in use. Choose another one.", slug="unknown-template")
    given = body.model_dump(exclude_unset=True)
    fields = {**row.content.get("fields", {}), **body.fields}
    kept = {name: value for name, value in row.content.items() if name not in _TYPE or not given.keys() & _TYPE}
    whole = NewTicketBody.model_validate({**kept, **given, "fields": fields}, extra="ignore")
    if whole.text is None:
        raise Unprocessable("Neither the request nor its template has a text. Give one.", slug="text-missing")
    return whole


async def _locked(session: AsyncSession, template_id: UUID, expected_version: int | None) -> AnyRow:
    row = await TemplateRepository(session).lock(template_id)
    if row is None:
        raise NotFound("There is no such template.")
    if expected_version is not None and row.version != expected_version:
        raise PreconditionFailed(
            f"The template is at version {row.version}, not {expected_version}. Read it again.", version=row.version
        )
    return row


async def _checked(session: AsyncSession, body: TicketTemplateBody, *, by: UUID, now: datetime) -> dict[str, Any]:
    lifecycle = await lifecycle_of(session)
    with rules_as_problems():
        if body.content.type_key is not None:
            lifecycle.chosen_type(body.content.type_key)
        check_values(lifecycle.fields, body.content.fields)
    return {
        **body.model_dump(exclude={"content"}),
        "folded_name": folded(body.name),
        "content": body.content.model_dump(mode="json", exclude_defaults=True),
        "changed_at": now,
        "changed_by": by,
    }
