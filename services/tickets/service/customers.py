"""What people do to customers: create, edit, give and take addresses; and what other systems tell of them.

Each change is one entry of the customer's history and moves the version. What senders say of themselves (intake) fills
blanks, moves the version, and is no entry.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import Identity, require_usable
from services.tickets.repository.organisations import OrganisationRepository
from services.tickets.repository.profiles import ProfileRepository
from services.tickets.repository.rows import AnyRow
from shared.events.common import Actor
from shared.events.tickets import FieldChange
from shared.ids import uuid7
from shared.web.problem import Conflict, NotFound, PreconditionFailed, Unprocessable

MAX_SOURCES = 20
# How far the clock of another system may go before ours.
_AHEAD = timedelta(minutes=5)


async def locked(session: AsyncSession, customer_id: UUID, *, expected_version: int | None = None) -> AnyRow:
    """The customer, locked until this transaction ends.

    Raises NotFound, Conflict (`customer-merged`), PreconditionFailed.
    """
    row = (await ProfileRepository(session).lock(customer_id)).get(customer_id)
    if row is None:
        raise NotFound("There is no such customer.")
    require_unmerged(row)
    if expected_version is not None and row.version != expected_version:
        raise PreconditionFailed(
            f"The customer is at version {row.version}, not {expected_version}. Read it again.", version=row.version
        )
    return row


def require_unmerged(row: AnyRow) -> None:
    """Raises Conflict (`customer-merged`) for a customer who became part of another one."""
    if row.merged_into is not None:
        raise Conflict(
            "This customer became part of another one. Change that one, or undo the merge.",
            slug="customer-merged",
            title="The customer was merged",
            customer_id=str(row.id),
            merged_into=str(row.merged_into),
        )


async def create(
    session: AsyncSession, fields: Mapping[str, Any], identities: Sequence[Identity], *, actor: Actor, now: datetime
) -> UUID:
    """A new customer. Raises Conflict (`identity-taken`), Unprocessable (`bad-identity`, `unknown-organisation`)."""
    await _require_organisation(session, fields)
    repository = ProfileRepository(session)
    customer_id = uuid7()
    await repository.insert({"id": customer_id, "created_at": now, **fields})
    # In order: who adds the same ones meanwhile waits in one direction only.
    for identity in sorted(set(identities)):
        await _give(repository, customer_id, identity)
    changes = {name: FieldChange(after=to_jsonable_python(value)) for name, value in fields.items()}
    told = {"identities": FieldChange(after=[shown(one) for one in sorted(set(identities))])} if identities else {}
    await record(session, customer_id, 1, changes | told, actor=actor, cause="created", now=now)
    return customer_id


async def edit(
    session: AsyncSession,
    customer_id: UUID,
    fields: Mapping[str, Any],
    *,
    actor: Actor,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Set fields of a customer. Tickets and their events show the new ones from their next change on.

    Raises NotFound, Conflict (`customer-merged`), PreconditionFailed, Unprocessable (`unknown-organisation`).
    """
    before = await locked(session, customer_id, expected_version=expected_version)
    await _require_organisation(session, fields)
    changes = {
        name: FieldChange(before=to_jsonable_python(getattr(before, name)), after=to_jsonable_python(value))
        for name, value in fields.items()
        if getattr(before, name) != value
    }
    if changes:
        version = await ProfileRepository(session).update(customer_id, {name: fields[name] for name in changes})
        await record(session, customer_id, version, changes, actor=actor, cause="edit", now=now)


async def add_identity(
    session: AsyncSession,
    customer_id: UUID,
    identity: Identity,
    *,
    actor: Actor,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Give a customer an address; one that the customer has already is no change.

    Raises NotFound, Conflict (`identity-taken`, `customer-merged`), PreconditionFailed, Unprocessable (`bad-identity`).
    """
    await locked(session, customer_id, expected_version=expected_version)
    repository = ProfileRepository(session)
    if await _give(repository, customer_id, identity):
        version = await repository.update(customer_id, {})
        changes = {"identities": FieldChange(after=[shown(identity)])}
        await record(session, customer_id, version, changes, actor=actor, cause="identity.added", now=now)


async def remove_identity(
    session: AsyncSession,
    customer_id: UUID,
    identity: Identity,
    *,
    actor: Actor,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Take an address from a customer: who writes from it next is somebody new. One the customer has not is no change.

    Raises NotFound, Conflict (`customer-merged`), PreconditionFailed.
    """
    await locked(session, customer_id, expected_version=expected_version)
    repository = ProfileRepository(session)
    if (stored := await repository.remove_identity(customer_id, identity)) is not None:
        version = await repository.update(customer_id, {})
        changes = {"identities": FieldChange(before=[shown(Identity(identity.kind, stored))])}
        await record(session, customer_id, version, changes, actor=actor, cause="identity.removed", now=now)


async def keep_facts(
    session: AsyncSession, customer_id: UUID, source: str, data: Mapping[str, Any], *, as_of: datetime, now: datetime
) -> AnyRow:
    """Keep what another system knows of a customer, or of whom they became part of; what is newer stays.

    Returns what is kept then. Raises NotFound, Conflict (`too-many-sources`), Unprocessable (`as-of-ahead`).
    """
    if as_of > now + _AHEAD:
        raise Unprocessable("`as_of` is a time to come. Look at the clock of your system.", slug="as-of-ahead")
    repository = ProfileRepository(session)
    # One after the other, so that the number of sources holds, and no merge passes by.
    customer = await require(session, customer_id)
    while customer.id not in (locked := await repository.lock(customer.id)) or locked[customer.id].merged_into:
        customer = await require(session, customer_id)
    if await repository.count_facts(customer.id, beside=source) >= MAX_SOURCES:
        raise Conflict(
            f"{MAX_SOURCES} sources know something of this customer. Delete the facts of one first.",
            slug="too-many-sources",
            title="Too many sources",
        )
    return await repository.keep_facts(customer.id, source, data, as_of=as_of, now=now)


async def require(session: AsyncSession, customer_id: UUID) -> AnyRow:
    """The customer, or whom they became part of, as shown. Raises NotFound."""
    row = await ProfileRepository(session).get(customer_id)
    if row is None:
        raise NotFound("There is no such customer.")
    return row


async def record(
    session: AsyncSession,
    customer_id: UUID,
    version: int,
    changes: Mapping[str, FieldChange],
    *,
    actor: Actor,
    cause: str,
    now: datetime,
) -> None:
    """Tell the customer's history of a change."""
    entry = {
        "customer_id": customer_id,
        "version": version,
        "at": now,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "cause": cause,
        "changes": changes,
    }
    await ProfileRepository(session).add_history([entry])


def shown(identity: Identity) -> dict[str, str]:
    """An identity as histories have it."""
    return {"kind": identity.kind, "address": identity.address}


async def _give(repository: ProfileRepository, customer_id: UUID, identity: Identity) -> bool:
    """Add an identity; whether it is new. Raises Conflict (`identity-taken`), Unprocessable (`bad-identity`)."""
    try:
        require_usable(identity)
    except ValueError as error:
        raise Unprocessable(f"{error}.", slug="bad-identity", title="This is no such address") from error
    holder = await repository.add_identity(customer_id, identity)
    if holder is not None and holder.id != customer_id:
        raise Conflict(
            f"{identity.address} is {holder.name or 'another customer'}'s. Merge the two, or take it from there first.",
            slug="identity-taken",
            title="Somebody else has this address",
            identity=shown(identity),
            customer={"id": str(holder.id), "name": holder.name},
        )
    return holder is None


async def _require_organisation(session: AsyncSession, fields: Mapping[str, Any]) -> None:
    organisation_id = fields.get("organisation_id")
    if organisation_id is not None and await OrganisationRepository(session).get(organisation_id) is None:
        raise Unprocessable("There is no such organisation.", slug="unknown-organisation")
