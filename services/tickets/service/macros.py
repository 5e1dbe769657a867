"""Macros are written: checked as far as they can be before there is a ticket."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.errors import FieldValuesError
from services.tickets.domain.field_values import FieldProblem, wrong_with
from services.tickets.domain.fields import Fields
from services.tickets.domain.rendering import TemplateError, check
from services.tickets.repository import FollowerRepository
from services.tickets.repository.macros import Audience, MacroRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.schemas.macros import MacroBody
from services.tickets.service.problems import rules_as_problems
from services.tickets.service.settings import lifecycle_of
from shared.ids import uuid7
from shared.web.problem import Conflict, Forbidden, NotFound, PreconditionFailed, Unprocessable
from shared.words import folded

MOST_PERSONAL = 100


async def create(session: AsyncSession, body: MacroBody, *, by: Audience, now: datetime) -> UUID:
    """Keep a new macro; returns its id.

    Raises Forbidden, Unprocessable (`bad-template`, `unknown-status`, `unknown-type`, `fields-invalid`,
    `not-an-agent`), Conflict (`too-many-macros`, `shortcut-taken`).
    """
    _require_personal(by, body.visibility == "personal")
    id_ = uuid7()
    values = await _checked(session, body, id_, by=by, now=now)
    await MacroRepository(session).insert({"id": id_, "version": 1, **values})
    return id_


async def change(
    session: AsyncSession, macro_id: UUID, body: MacroBody, *, expected_version: int | None, by: Audience, now: datetime
) -> None:
    """Put another macro into its place. Raises what `create` does, and NotFound, PreconditionFailed."""
    row = await _locked(session, macro_id, expected_version, by)
    _require_personal(by, row.owner_id is not None and body.visibility == "personal")
    values = await _checked(session, body, macro_id, by=by, now=now)
    await MacroRepository(session).change(macro_id, values)


async def delete(session: AsyncSession, macro_id: UUID, *, expected_version: int | None, by: Audience) -> None:
    """Forget a macro; the histories of tickets still name it. Raises NotFound, PreconditionFailed, Forbidden."""
    row = await _locked(session, macro_id, expected_version, by)
    _require_personal(by, row.owner_id is not None)
    await MacroRepository(session).delete(macro_id)


async def _locked(session: AsyncSession, macro_id: UUID, expected_version: int | None, by: Audience) -> AnyRow:
    row = await MacroRepository(session).lock(macro_id, by)
    if row is None:
        raise NotFound("There is no such macro.")
    if expected_version is not None and row.version != expected_version:
        raise PreconditionFailed(
            f"The macro is at version {row.version}, not {expected_version}. Read it again.", version=row.version
        )
    return row


def _require_personal(by: Audience, personal: bool) -> None:
    if not personal and not by.every:
        raise Forbidden("Agents write macros of their own. Set `visibility` to personal, or ask a supervisor.")


async def _checked(session: AsyncSession, body: MacroBody, id_: UUID, *, by: Audience, now: datetime) -> dict[str, Any]:
    """What is kept of a macro, once it is clear that it could be applied to some ticket."""
    actions = body.actions
    lifecycle = await lifecycle_of(session)
    with rules_as_problems():
        if actions.status_key is not None:
            lifecycle.chosen(actions.status_key)
        if actions.type_key is not None:
            lifecycle.chosen_type(actions.type_key)
        check_values(lifecycle.fields, actions.fields)
    if isinstance(actions.assignee, UUID) and not await FollowerRepository(session).active_agents([actions.assignee]):
        raise Unprocessable("The assignee has to be an active agent.", slug="not-an-agent")
    for language, text in body.texts.items():
        # Each takes some milliseconds, and there may be many.
        await asyncio.sleep(0)
        try:
            check(text.source(), lifecycle.fields.by_key.keys())
        except TemplateError as error:
            raise Unprocessable(
                f"The text in {language} cannot be rendered: {error}.",
                slug="bad-template",
                title="A text has a mistake",
                pointer=f"/texts/{language}/{'html' if text.text is None else 'text'}",
                position=error.position,
            ) from error
    owner_id = by.account_id if body.visibility == "personal" else None
    if owner_id is not None and await MacroRepository(session).held(owner_id, but=id_) >= MOST_PERSONAL:
        raise Conflict(
            f"You have {MOST_PERSONAL} macros of your own already. Delete one that you do not need.",
            slug="too-many-macros",
        )
    if body.shortcut and await MacroRepository(session).taken(body.shortcut, owner_id=owner_id, but=id_):
        raise Conflict("Another macro has this shortcut. Choose another one.", slug="shortcut-taken")
    document = body.model_dump(mode="json", exclude={"actions", "texts"})
    return {
        **document,
        "folded_name": folded(body.name),
        "actions": actions.model_dump(mode="json", exclude_defaults=True),
        "texts": {tag: text.model_dump(exclude_none=True) for tag, text in body.texts.items()},
        "owner_id": owner_id,
        "changed_at": now,
        "changed_by": by.account_id,
    }


def check_values(fields: Fields, values: dict[str, Any]) -> None:
    """Raises FieldValuesError for values that no ticket could have."""
    problems = []
    for key, value in values.items():
        known = fields.by_key.get(key)
        if known is None:
            problems.append(FieldProblem(key, "unknown", "There is no such field."))
        elif value is not None and (wrong := wrong_with(known, value)):
            problems.append(FieldProblem(key, *wrong))
    if problems:
        raise FieldValuesError(problems)
