"""Settings of the organisation: read by everything that tickets do, changed as one document by admins.

A process keeps the lifecycle that it read last and looks for a newer version once a second at most, in a transaction
that needs it anyway. So a change made in another process counts a second later there; in this one, at once. Who gives a
ticket a status or a type of the organisation's own holds the document, so that none vanishes from under a ticket.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic import BaseModel
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.fields import NO_FIELDS, PREFIX, Fields, FieldsError, fixed
from services.tickets.domain.fields import check as check_fields
from services.tickets.domain.lifecycle import DEFAULT, REQUIRABLE, Lifecycle, LifecycleError, check
from services.tickets.domain.named import gone
from services.tickets.repository import SettingsRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.schemas.fields import FieldsBody
from services.tickets.schemas.fields import from_document as fields_from
from services.tickets.schemas.settings import LifecycleBody
from services.tickets.schemas.settings import from_document as lifecycle_from
from shared.web.problem import Conflict, PreconditionFailed, Unprocessable

TICKETS = "tickets"
FIELDS = "fields"

_KEPT_SECONDS = 1.0


@dataclass(slots=True)
class _Kept:
    lifecycle: Lifecycle
    versions: tuple[int, int]
    read_at: float


# By database: a process has one, its tests have many.
_kept: WeakKeyDictionary[Engine | Connection, _Kept] = WeakKeyDictionary()


async def lifecycle_of(session: AsyncSession, *, held: bool = False) -> Lifecycle:
    """How the organisation works its tickets, and its fields. `held`, all stays so until this transaction ends."""
    database = session.get_bind()
    kept = _kept.get(database)
    now = time.monotonic()
    if kept is not None and not held and now - kept.read_at < _KEPT_SECONDS:
        return kept.lifecycle
    rows = await SettingsRepository(session).all(held=held)
    versions = rows[TICKETS].version, rows[FIELDS].version
    if kept is None or kept.versions != versions:
        lifecycle = replace(_lifecycle(rows[TICKETS]), fields=_fields(rows[FIELDS]))
        kept = _kept[database] = _Kept(lifecycle, versions, now)
    kept.read_at = now
    return kept.lifecycle


async def change_lifecycle(
    session: AsyncSession, body: LifecycleBody, *, expected_version: int | None, by: UUID, now: datetime
) -> AnyRow:
    """Put another lifecycle into place; returns it as it is kept.

    Raises PreconditionFailed, Unprocessable (`unworkable-lifecycle`), Conflict (`status-in-use`,
    `type-in-use`).
    """
    repository = SettingsRepository(session)
    row = await _locked(repository, TICKETS, expected_version)
    fields = _fields(await repository.get(FIELDS))
    before, after = _lifecycle(row), replace(body.to_domain(), fields=fields)
    try:
        check(after, (*REQUIRABLE, *(PREFIX + key for key in fields.by_key)))
    except LifecycleError as error:
        raise Unprocessable(
            f"{error}. Nothing was changed.",
            slug="unworkable-lifecycle",
            title="Nobody could work with this lifecycle",
            pointer=error.path,
        ) from error
    if used := await repository.used("status_key", gone(before.statuses, after.statuses)):
        raise Conflict(
            f"Tickets still have the status {', '.join(used)}. Leave it where it is and make it inactive instead.",
            slug="status-in-use",
            title="Tickets still have this status",
            keys=used,
        )
    if used := await repository.used("type_key", gone(before.types, after.types)):
        raise Conflict(
            f"Tickets still are of the type {', '.join(used)}. Leave it where it is and make it inactive instead.",
            slug="type-in-use",
            title="Tickets still are of this type",
            keys=used,
        )
    return await _change(session, TICKETS, body, by=by, now=now)


async def change_fields(
    session: AsyncSession, body: FieldsBody, *, expected_version: int | None, by: UUID, now: datetime
) -> AnyRow:
    """Put other fields and forms into place; returns them as they are kept.

    Raises PreconditionFailed, Unprocessable (`unworkable-fields`), Conflict (`fields-fixed`).
    """
    repository = SettingsRepository(session)
    row = await _locked(repository, FIELDS, expected_version)
    # Nobody takes away meanwhile what a form is for.
    lifecycle = _lifecycle((await repository.all(held=True))[TICKETS])
    try:
        after = body.to_domain()
        check_fields(after, lifecycle.type_names)
    except FieldsError as error:
        raise Unprocessable(
            f"{error}. Nothing was changed.",
            slug="unworkable-fields",
            title="Nobody could fill in these fields",
            pointer=error.path,
        ) from error
    if keys := fixed(_fields(row), after):
        raise Conflict(
            f"{', '.join(keys)} cannot go, nor become of another kind or filterable: tickets may have values there. "
            "Make a field inactive instead, and another one beside it.",
            slug="fields-fixed",
            title="Fields stay what they are",
            keys=keys,
        )
    return await _change(session, FIELDS, body, by=by, now=now)


async def _locked(repository: SettingsRepository, name: str, expected_version: int | None) -> AnyRow:
    row = await repository.lock(name)
    if expected_version is not None and row.version != expected_version:
        raise PreconditionFailed(
            f"The settings are at version {row.version}, not {expected_version}. Read them again.", version=row.version
        )
    return row


async def _change(session: AsyncSession, name: str, body: BaseModel, *, by: UUID, now: datetime) -> AnyRow:
    document = body.model_dump(mode="json", by_alias=True)
    changed = await SettingsRepository(session).change(name, document, by=by, now=now)
    # Read anew by whoever comes next. Until this transaction commits that is still the old one, for a second at most.
    _kept.pop(session.get_bind(), None)
    return changed


def _lifecycle(row: AnyRow) -> Lifecycle:
    return DEFAULT if row.document is None else lifecycle_from(row.document)


def _fields(row: AnyRow) -> Fields:
    return NO_FIELDS if row.document is None else fields_from(row.document)
