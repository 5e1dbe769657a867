"""Customers as people look them up and change them: rows, lists, identities, history, and facts of other systems."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as insert_on_conflict
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Uuid

from services.tickets.domain.identity import Identity
from services.tickets.models import (
    customer_facts,
    customer_history,
    customer_identities,
    customers,
    organisations,
    tickets,
)
from services.tickets.repository.customers import current
from services.tickets.repository.organisations import LAST, OrganisationRepository, organisation_of
from services.tickets.repository.rows import AnyRow, insert_rows
from shared.events.common import TicketStatus

UNSOLVED = frozenset({TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.PENDING, TicketStatus.ON_HOLD})

# Of an organisation, so many customers' tickets are looked through.
_MEMBERS = 1_000

_IDENTITY = func.jsonb_build_object("kind", customer_identities.c.kind, "address", customer_identities.c.address)
_IDENTITIES = (
    select(func.jsonb_agg(aggregate_order_by(_IDENTITY, customer_identities.c.kind, customer_identities.c.address)))
    .where(customer_identities.c.customer_id == customers.c.id)
    .correlate(customers)
    .scalar_subquery()
)
# Beside the customer, not joined: a page is chosen first, and then it is looked up for that alone.
_ORGANISATION = (
    select(
        func.jsonb_build_object("id", organisations.c.id, "name", organisations.c.name, "tier", organisations.c.tier)
    )
    .where(organisations.c.id == organisation_of())
    .correlate(customers)
    .scalar_subquery()
)
_sort_name = func.lower(customers.c.name)
_SHOWN: Select[*tuple[Any, ...]] = select(
    customers,
    _IDENTITIES.label("identities"),
    _sort_name.label("sort_name"),
    _ORGANISATION.label("organisation"),
)
_LIVE = customers.c.merged_into.is_(None)


class ProfileRepository:
    """Customers with their identities and organisation. A merged one is followed to whom it became part of."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, customer_id: UUID) -> AnyRow | None:
        """A customer, or whom it became part of."""
        return (await self.session.execute(_SHOWN.where(customers.c.id == current(customer_id)))).one_or_none()

    async def lock(self, *customer_ids: UUID) -> dict[UUID, AnyRow]:
        """The rows of these customers, locked in order of id; merged ones are not followed."""
        query = (
            select(customers)
            .where(_is_any(customers.c.id, customer_ids))
            .order_by(customers.c.id)
            .with_for_update(key_share=True)
        )
        return {row.id: row for row in await self.session.execute(query)}

    async def some(self, customer_ids: Iterable[UUID]) -> Sequence[AnyRow]:
        """These customers, in order of id."""
        query = _SHOWN.where(_is_any(customers.c.id, customer_ids)).order_by(customers.c.id)
        return (await self.session.execute(query)).all()

    async def with_identities(self, identities: Iterable[Identity]) -> Sequence[AnyRow]:
        """The customers who have one of these identities, in order of id."""
        forms = [(identity.kind, form) for identity in identities for form in identity.forms]
        found = select(customer_identities.c.customer_id).where(
            or_(*(_is_identity(kind, address) for kind, address in forms))
        )
        return (await self.session.execute(_SHOWN.where(customers.c.id.in_(found)).order_by(customers.c.id))).all()

    async def newest(self, *, after: UUID | None, limit: int) -> Sequence[AnyRow]:
        """Customers, the newest first, from after one."""
        query = _SHOWN.where(_LIVE)
        if after is not None:
            query = query.where(customers.c.id < after)
        return (await self.session.execute(query.order_by(customers.c.id.desc()).limit(limit))).all()

    async def by_name(self, prefix: str, *, after: tuple[str, UUID] | None, limit: int) -> Sequence[AnyRow]:
        """Customers whose name begins so, by name, from after (name in lower case, id)."""
        query = _SHOWN.where(_LIVE, _sort_name >= func.lower(prefix), _sort_name < func.lower(prefix).concat(LAST))
        if after is not None:
            query = query.where(func.row(_sort_name, customers.c.id) > func.row(*after))
        return (await self.session.execute(query.order_by(_sort_name, customers.c.id).limit(limit))).all()

    async def by_email(self, prefix: str, *, after: str | None, limit: int) -> Sequence[AnyRow]:
        """Customers with an e-mail address that begins so, by that `address`, from after one; a row per address."""
        identities = customer_identities.alias("found")
        query = (
            _SHOWN.add_columns(identities.c.address.label("address"))
            .join(identities, identities.c.customer_id == customers.c.id)
            .where(
                identities.c.kind == "email",
                identities.c.address >= prefix,
                identities.c.address < prefix + LAST,
            )
        )
        if after is not None:
            query = query.where(identities.c.address > after)
        return (await self.session.execute(query.order_by(identities.c.address).limit(limit))).all()

    async def insert(self, values: Mapping[str, Any]) -> None:
        """A new customer, without identities yet."""
        await self.session.execute(insert(customers).values(**values))

    async def update(self, customer_id: UUID, values: Mapping[str, Any]) -> int:
        """Set columns of a customer who is locked; returns the version that follows."""
        changed = (
            update(customers)
            .where(customers.c.id == customer_id)
            .values(**values, version=customers.c.version + 1)
            .returning(customers.c.version)
        )
        version: int = (await self.session.execute(changed)).scalar_one()
        return version

    async def add_identity(self, customer_id: UUID, identity: Identity) -> AnyRow | None:
        """Give a customer an identity. Returns the row of whoever has it already, which may be the customer."""
        holder = (
            select(customers.c.id, customers.c.name)
            .join(customer_identities, customer_identities.c.customer_id == customers.c.id)
            .where(or_(*(_is_identity(identity.kind, form) for form in identity.forms)))
            .limit(1)
        )
        if (held := (await self.session.execute(holder)).one_or_none()) is not None:
            return held
        # Whoever adds it at the same time is waited for, and read then.
        added = await self.session.execute(
            insert_on_conflict(customer_identities)
            .values(kind=identity.kind, address=identity.address, customer_id=customer_id)
            .on_conflict_do_nothing()
            .returning(customer_identities.c.address)
        )
        return None if added.one_or_none() else (await self.session.execute(holder)).one_or_none()

    async def remove_identity(self, customer_id: UUID, identity: Identity) -> str | None:
        """Take an identity from a customer; returns how it was stored, or None if the customer has none such."""
        removed = (
            delete(customer_identities)
            .where(
                customer_identities.c.customer_id == customer_id,
                or_(*(_is_identity(identity.kind, form) for form in identity.forms)),
            )
            .returning(customer_identities.c.address)
        )
        return (await self.session.scalars(removed)).first()

    async def add_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append to the customers' histories, in this order."""
        await insert_rows(self.session, customer_history, rows)

    async def history(self, customer_id: UUID, *, before_id: int | None, limit: int) -> Sequence[AnyRow]:
        """What people did to a customer, newest first, from before the entry `before_id`."""
        query = select(customer_history).where(customer_history.c.customer_id == customer_id)
        if before_id is not None:
            query = query.where(customer_history.c.id < before_id)
        return (await self.session.execute(query.order_by(customer_history.c.id.desc()).limit(limit))).all()

    async def keep_facts(self, customer_id: UUID, source: str, data: Any, *, as_of: datetime, now: datetime) -> AnyRow:
        """Keep what a source knows, unless something newer of it is kept; returns what is kept then."""
        new = insert_on_conflict(customer_facts).values(
            customer_id=customer_id, source=source, data=data, as_of=as_of, received_at=now
        )
        kept = new.on_conflict_do_update(
            index_elements=["customer_id", "source"],
            set_={name: new.excluded[name] for name in ("data", "as_of", "received_at")},
            where=customer_facts.c.as_of <= new.excluded.as_of,
        )
        await self.session.execute(kept)
        query = select(customer_facts).where(
            customer_facts.c.customer_id == customer_id, customer_facts.c.source == source
        )
        return (await self.session.execute(query)).one()

    async def count_facts(self, customer_id: UUID, *, beside: str) -> int:
        """How many other sources know something of a customer."""
        query = select(func.count()).where(
            customer_facts.c.customer_id == customer_id, customer_facts.c.source != beside
        )
        return await self.session.scalar(query) or 0

    async def forget_facts(self, customer_id: UUID, source: str) -> bool:
        """Drop what a source knows; whether there was something."""
        gone = delete(customer_facts).where(
            customer_facts.c.customer_id == customer_id, customer_facts.c.source == source
        )
        return (await self.session.scalar(gone.returning(customer_facts.c.source))) is not None

    async def facts(self, customer_id: UUID) -> Sequence[AnyRow]:
        """What other systems know of a customer, by source."""
        query = select(customer_facts).where(customer_facts.c.customer_id == customer_id)
        return (await self.session.execute(query.order_by(customer_facts.c.source))).all()

    async def tickets_by_status(self, customer_id: UUID) -> dict[TicketStatus, int]:
        """How many tickets a customer has, by their status."""
        query = select(tickets.c.status, func.count().label("number")).where(tickets.c.requester_id == customer_id)
        return {TicketStatus(row.status): row.number for row in await self.session.execute(query.group_by("status"))}

    async def tickets_of_others(self, customer_id: UUID, organisation_id: UUID, *, limit: int) -> Sequence[UUID]:
        """Tickets of others of an organisation (of its first `_MEMBERS`) that are not solved, the newest first."""
        members = await OrganisationRepository(self.session).members(organisation_id, after=None, limit=_MEMBERS)
        query = select(tickets.c.id).where(
            _is_any(tickets.c.requester_id, set(members) - {customer_id}),
            tickets.c.status.in_(bindparam(None, sorted(UNSOLVED), expanding=True, literal_execute=True)),
        )
        newest = query.order_by(tickets.c.updated_at.desc(), tickets.c.id.desc()).limit(limit)
        return (await self.session.scalars(newest)).all()


def _is_identity(kind: str, address: str) -> ColumnElement[bool]:
    return tuple_(customer_identities.c.kind, customer_identities.c.address) == tuple_(literal(kind), literal(address))


def _is_any(column: ColumnElement[Any], values: Iterable[UUID]) -> ColumnElement[bool]:
    return column == any_(literal(sorted(values), ARRAY(Uuid())))
