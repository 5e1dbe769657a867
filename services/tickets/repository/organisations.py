"""Organisations, and which customers belong to one.

A customer belongs to the organisation that somebody set, else to that of the first e-mail address by alphabet whose
domain is an organisation's. That is derived when asked, like a customer's account: a domain that comes or goes counts
at once for everybody, and intake does nothing for it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    any_,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_on_conflict
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text, Uuid

from services.tickets.models import (
    customer_identities,
    customer_merges,
    customers,
    organisation_domains,
    organisations,
)
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


def organisations_called(values: Sequence[str], ids: Collection[UUID]) -> CompoundSelect[Any]:
    """The organisations that have these names, whatever their case, or these ids."""
    # PostgreSQL's lower case on both sides: Python has another one, of the Greek sigma for example.
    asked = func.unnest(literal(list(values), ARRAY(Text))).table_valued("name").render_derived(name="asked")
    called = organisations.alias("called")
    by_name = select(called.c.id).join_from(called, asked, func.lower(called.c.name) == func.lower(asked.c.name))
    return by_name.union_all(select(func.unnest(literal(list(ids), ARRAY(Uuid)))))


def belonging_to(organisation_ids: CompoundSelect[Any]) -> CompoundSelect[Any]:
    """The customers who belong to these organisations, as `organisation_of` tells, for tickets to be found by."""
    these = organisation_ids.cte()
    by_hand, by_domain = customers.alias("by_hand"), customers.alias("by_domain")
    identities, domains = customer_identities.alias("their"), organisation_domains.alias("of_these")
    earlier, others = customer_identities.alias("earlier"), organisation_domains.alias("others")
    another_counts = (
        select(earlier.c.address)
        .join_from(earlier, others, others.c.domain == _domain_of(earlier))
        .where(
            earlier.c.customer_id == by_domain.c.id,
            earlier.c.kind == literal_column("'email'"),
            earlier.c.address < identities.c.address,
        )
        .correlate(by_domain, identities)
        .exists()
    )
    members = (
        select(by_hand.c.id)
        .where(by_hand.c.organisation_id.in_(select(these.c[0])), by_hand.c.merged_into.is_(None))
        .union_all(
            select(by_domain.c.id)
            .join_from(domains, identities, _domain_of(identities) == domains.c.domain)
            .join(by_domain, by_domain.c.id == identities.c.customer_id)
            .where(
                domains.c.organisation_id.in_(select(these.c[0])),
                identities.c.kind == literal_column("'email'"),
                by_domain.c.organisation_id.is_(None),
                ~another_counts,
            )
        )
        .cte()
    )
    line = _still_moving()
    return select(members.c.id).union_all(select(line.c.asked).where(line.c.id.in_(select(members.c.id))))


def has_organisation(customer_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a customer belongs to any organisation.

    One test of all three: by each of them alone PostgreSQL would join, and expect that hardly anybody is left without.
    """
    by_hand, identities = customers.alias("by_hand"), customer_identities.alias("their")
    line, become = _still_moving(), customers.alias("become")
    set_by_hand = select(by_hand.c.id).where(
        by_hand.c.id == customer_id, by_hand.c.organisation_id.is_not(None), by_hand.c.merged_into.is_(None)
    )
    told_by_domain = (
        select(identities.c.address)
        .join_from(identities, organisation_domains, organisation_domains.c.domain == _domain_of(identities))
        .where(identities.c.customer_id == customer_id, identities.c.kind == literal_column("'email'"))
    )
    followed = (
        select(line.c.asked)
        .join_from(line, become, become.c.id == line.c.id)
        .where(become.c.merged_into.is_(None), organisation_of(become).is_not(None))
    )
    return or_(set_by_hand.exists(), told_by_domain.exists(), customer_id.in_(followed))


def _still_moving() -> CTE:
    """Customers whose tickets still follow them into another one (`asked`), with whom they became part of (`id`)."""
    moving, following = customer_merges.alias("moving"), customers.alias("following")
    line = (
        select(moving.c.customer_id.label("asked"), moving.c.into_id.label("id"))
        .where(moving.c.state == literal_column("'moving'"))
        .cte(recursive=True)
    )
    further = select(line.c.asked, following.c.merged_into).join_from(line, following, following.c.id == line.c.id)
    return line.union(further.where(following.c.merged_into.is_not(None)))


def _domain_of(identities: FromClause) -> ColumnElement[str]:
    return func.split_part(identities.c.address, literal_column("'@'"), literal_column("2"))


_sort_name = func.lower(organisations.c.name)
_DOMAINS = (
    select(func.array_agg(organisation_domains.c.domain, type_=ARRAY(Text)))
    .where(organisation_domains.c.organisation_id == organisations.c.id)
    .correlate(organisations)
    .scalar_subquery()
)
_WITH_DOMAINS: Select[*tuple[Any, ...]] = select(organisations, _DOMAINS.label("domains"))
