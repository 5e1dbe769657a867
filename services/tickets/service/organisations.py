"""What people do to organisations."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository.organisations import OrganisationRepository
from services.tickets.repository.rows import AnyRow
from shared.ids import uuid7
from shared.web.problem import Conflict, NotFound, PreconditionFailed


async def require(session: AsyncSession, organisation_id: UUID) -> AnyRow:
    """The organisation. Raises NotFound."""
    row = await OrganisationRepository(session).get(organisation_id)
    if row is None:
        raise NotFound("There is no such organisation.")
    return row


async def create(
    session: AsyncSession, fields: Mapping[str, Any], domains: Collection[str], *, now: datetime
) -> AnyRow:
    """A new organisation. Raises Conflict (`domain-taken`)."""
    organisation_id = uuid7()
    await OrganisationRepository(session).insert({"id": organisation_id, "version": 1, "created_at": now, **fields})
    await _set_domains(session, organisation_id, domains)
    return await require(session, organisation_id)


async def edit(
    session: AsyncSession,
    organisation_id: UUID,
    fields: Mapping[str, Any],
    domains: Collection[str] | None,
    *,
    expected_version: int | None,
) -> AnyRow:
    """Set fields of an organisation, and its domains unless None.

    Raises NotFound, PreconditionFailed, Conflict (`domain-taken`).
    """
    repository = OrganisationRepository(session)
    before = await repository.get(organisation_id, lock=True)
    if before is None:
        raise NotFound("There is no such organisation.")
    if expected_version is not None and before.version != expected_version:
        raise PreconditionFailed(
            f"The organisation is at version {before.version}, not {expected_version}. Read it again.",
            version=before.version,
        )
    await repository.update(organisation_id, fields)
    if domains is not None:
        await _set_domains(session, organisation_id, domains)
    return await require(session, organisation_id)


async def _set_domains(session: AsyncSession, organisation_id: UUID, domains: Collection[str]) -> None:
    taken = await OrganisationRepository(session).set_domains(organisation_id, set(domains))
    if taken is not None:
        raise Conflict(
            f"{taken.domain} is a domain of {taken.name}. Take it from there first.",
            slug="domain-taken",
            title="Another organisation has this domain",
            domain=taken.domain,
            organisation={"id": str(taken.id), "name": taken.name},
        )
