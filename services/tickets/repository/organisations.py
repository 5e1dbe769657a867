"""Organisations, and which customers belong to one.

A customer belongs to the organisation that somebody set, else to that of the first e-mail address by alphabet whose
domain is an organisation's. That is derived when asked, like a customer's account: a domain that comes or goes counts
at once for everybody, and intake does nothing for it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, any_, delete, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_on_conflict
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text, Uuid

from services.tickets.models import customer_identities, customers, organisation_domains, organisations
from services.tickets.repository.rows import AnyRow

# Greater than any character: what begins with a prefix is less than the prefix with this behind it.
LAST = "\U0010ffff"


class OrganisationRepository:
    """Organisations and their domains."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, organisation_id: UUID, *, lock: bool = False) -> AnyRow | None:
        """An organisation's row with its domains. With `lock`, nobody else changes it until this transaction ends."""
        query = _WITH_DOMAINS.where(organisations.c.id == organisation_id)
        if lock:
            query = query.with_for_update(key_share=True, of=organisations)
        return (await self.session.execute(query)).one_or_none()

    async def page(self, prefix: str | None, *, after: tuple[str, UUID] | None, limit: int) -> Sequence[AnyRow]:
        """Organisations by name, those whose name begins so, from after (name in lower case, id)."""
        query = _WITH_DOMAINS.add_columns(_sort_name.label("sort_name"))
        if prefix:
            query = query.where(_sort_name >= func.lower(prefix), _sort_name < func.lower(prefix).concat(LAST))
        if after is not None:
            query = query.where(func.row(_sort_name, organisations.c.id) > func.row(*after))
        return (await self.session.execute(query.order_by(_sort_name, organisations.c.id).limit(limit))).all()

    async def insert(self, values: Mapping[str, Any]) -> None:
        """A new organisation."""
        await self.session.execute(insert(organisations).values(**values))

    async def update(self, organisation_id: UUID, values: Mapping[str, Any]) -> None:
        """Set columns of an organisation that is locked, and move its version."""
        changed = update(organisations).where(organisations.c.id == organisation_id)
        await self.session.execute(changed.values(**values, version=organisations.c.version + 1))

    async def set_domains(self, organisation_id: UUID, domains: Collection[str]) -> AnyRow | None:
        """Let the organisation have these domains and no others.

        Returns the organisation that has one of them already, with that `domain`, if there is one.
        """
        mine = organisation_domains.c.organisation_id == organisation_id
        await self.session.execute(
            delete(organisation_domains).where(mine, organisation_domains.c.domain.not_in(domains))
        )
        if not domains:
            return None
        # In order: who adds the same ones meanwhile waits in one direction only.
        rows = [{"domain": domain, "organisation_id": organisation_id} for domain in sorted(domains)]
        await self.session.execute(insert_on_conflict(organisation_domains).values(rows).on_conflict_do_nothing())
        taken = (
            select(organisation_domains.c.domain, organisations.c.id, organisations.c.name)
            .join_from(organisation_domains, organisations)
            .where(organisation_domains.c.domain == any_(literal(sorted(domains), ARRAY(Text))), ~mine)
            .order_by(organisation_domains.c.domain)
            .limit(1)
        )
        return (await self.session.execute(taken)).one_or_none()

    async def members(self, organisation_id: UUID, *, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Ids of the customers who belong to it, in order, from after one."""
        found = await self.session.scalars(
            text(f"""
                SELECT id FROM (
                    (SELECT c.id FROM {customers.fullname} AS c
                     WHERE c.organisation_id = :organisation AND c.id > :after AND c.merged_into IS NULL
                     ORDER BY c.id LIMIT :limit)
                    UNION
                    SELECT m.id FROM {organisation_domains.fullname} AS d CROSS JOIN LATERAL (
                        SELECT c.id FROM {customer_identities.fullname} AS i
                        JOIN {customers.fullname} AS c ON c.id = i.customer_id
                        WHERE i.kind = 'email' AND split_part(i.address, '@', 2) = d.domain AND i.customer_id > :after
                          AND c.organisation_id IS NULL AND NOT EXISTS (
                              SELECT FROM {customer_identities.fullname} AS f
                              JOIN {organisation_domains.fullname} AS o ON o.domain = split_part(f.address, '@', 2)
                              WHERE f.customer_id = c.id AND f.kind = 'email' AND f.address < i.address)
                        ORDER BY i.customer_id LIMIT :limit) AS m
                    WHERE d.organisation_id = :organisation) AS m
                ORDER BY id LIMIT :limit"""),
            {"organisation": organisation_id, "after": after or UUID(int=0), "limit": limit},
        )
        return found.all()


def organisation_of(of: FromClause = customers) -> ColumnElement[Any]:
    """The organisation a customer of this row belongs to, as SQL; null for none."""
    by_domain = (
        select(organisation_domains.c.organisation_id)
        .join_from(
            customer_identities,
            organisation_domains,
            organisation_domains.c.domain == func.split_part(customer_identities.c.address, "@", 2),
        )
        .where(customer_identities.c.customer_id == of.c.id, customer_identities.c.kind == "email")
        .order_by(customer_identities.c.address)
        .limit(1)
        .correlate(of)
        .scalar_subquery()
    )
    return func.coalesce(of.c.organisation_id, by_domain, type_=Uuid())


_sort_name = func.lower(organisations.c.name)
_DOMAINS = (
    select(func.array_agg(organisation_domains.c.domain, type_=ARRAY(Text)))
    .where(organisation_domains.c.organisation_id == organisations.c.id)
    .correlate(organisations)
    .scalar_subquery()
)
_WITH_DOMAINS: Select[*tuple[Any, ...]] = select(organisations, _DOMAINS.label("domains"))
