"""Merges of customers: what moved from one profile to the other, and what is still to move."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import Identity
from services.tickets.models import (
    customer_facts,
    customer_identities,
    customer_merge_tickets,
    customer_merges,
    customers,
    participants,
    tickets,
)
from services.tickets.repository.rows import AnyRow

# Not an equation: what has just moved is not in the statistics yet, and by the index of customers each of many thousand
# rows would be looked for among all of them. So it is looked for by its ticket.
_IS_INTO = "p.customer_id IS NOT DISTINCT FROM :into"
_WENT = customers.alias("went")
_SHOWN = select(customer_merges, _WENT.c.name.label("name")).join(_WENT, _WENT.c.id == customer_merges.c.customer_id)


class CustomerMergeRepository:
    """Rows of merges, and the moves they are made of."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def insert(self, values: Mapping[str, Any]) -> None:
        """A new merge."""
        await self.session.execute(insert(customer_merges).values(**values))

    async def update(self, merge_id: UUID, **values: Any) -> None:
        """Set columns of a merge that this transaction made or locked."""
        await self.session.execute(update(customer_merges).where(customer_merges.c.id == merge_id).values(**values))

    async def get(self, merge_id: UUID, *, lock: bool = False) -> AnyRow | None:
        """A merge with the `name` of who went."""
        query = _SHOWN.where(customer_merges.c.id == merge_id)
        if lock:
            query = query.with_for_update(of=customer_merges)
        return (await self.session.execute(query)).one_or_none()

    async def standing(self, customer_id: UUID) -> UUID | None:
        """The merge by which a customer became part of another one and still is."""
        query = select(customer_merges.c.id).where(
            customer_merges.c.customer_id == customer_id, customer_merges.c.undone_at.is_(None)
        )
        return await self.session.scalar(query)

    async def page(self, customer_id: UUID, *, before: UUID | None, limit: int) -> Sequence[AnyRow]:
        """Merges into a customer, and those by which they became part of another one, newest first."""
        query = _SHOWN.where(
            or_(customer_merges.c.customer_id == customer_id, customer_merges.c.into_id == customer_id)
        )
        if before is not None:
            query = query.where(customer_merges.c.id < before)
        return (await self.session.execute(query.order_by(customer_merges.c.id.desc()).limit(limit))).all()

    async def left(self, merges: Sequence[AnyRow]) -> dict[UUID, int]:
        """How many tickets are still to move, or to move back, by merge."""
        moving = [merge.id for merge in merges if merge.state == "moving"]
        back = [merge.id for merge in merges if merge.state == "undoing"]
        there = (
            select(customer_merges.c.id, func.count(tickets.c.id).label("number"))
            .join(tickets, tickets.c.requester_id == customer_merges.c.customer_id)
            .where(customer_merges.c.id.in_(moving))
            .group_by(customer_merges.c.id)
        )
        here = (
            select(customer_merge_tickets.c.merge_id.label("id"), func.count().label("number"))
            .where(customer_merge_tickets.c.merge_id.in_(back), customer_merge_tickets.c.requester)
            .group_by(customer_merge_tickets.c.merge_id)
        )
        found: dict[UUID, int] = {}
        for ids, query in ((moving, there), (back, here)):
            found |= {row.id: row.number for row in await self.session.execute(query)} if ids else {}
        return found

    async def is_moving_back(self, customer_id: UUID) -> bool:
        """Whether tickets are still on their way back to a customer."""
        query = select(customer_merges.c.id).where(
            customer_merges.c.customer_id == customer_id, customer_merges.c.state == "undoing"
        )
        return await self.session.scalar(query.limit(1)) is not None

    async def claim(self, *, settled: datetime, but: Collection[UUID]) -> AnyRow | None:
        """Lock the merge whose turn is longest ago, of those with something to do and not in `but` that nobody is at.

        It comes with both customers as they are, and with whether who went `takes_part` anywhere. It is `idle` when
        nothing is left to move, it was made before `settled`, and none brings more.
        """
        row = await self.session.execute(
            text(f"""
                SELECT m.id, m.customer_id, m.into_id, m.state, m.actor_id, m.actor_name,
                       c.name, c.language, c.region, c.time_zone, c.tier,
                       o.name AS back_name, o.language AS back_language, o.region AS back_region,
                       o.time_zone AS back_time_zone, o.tier AS back_tier, m.undone_by_id, m.undone_by_name,
                       p.waiting AS takes_part, NOT t.waiting AND NOT p.waiting AS idle
                FROM {customer_merges.fullname} AS m
                JOIN {customers.fullname} AS c ON c.id = m.into_id
                JOIN {customers.fullname} AS o ON o.id = m.customer_id
                CROSS JOIN LATERAL (SELECT EXISTS (
                    SELECT FROM {tickets.fullname} WHERE requester_id = m.customer_id) AS waiting) AS t
                CROSS JOIN LATERAL (SELECT EXISTS (
                    SELECT FROM {participants.fullname} WHERE customer_id = m.customer_id) AS waiting) AS p
                WHERE m.state IN ('moving', 'undoing') AND m.id <> ALL (CAST(:but AS uuid[]))
                AND (m.state = 'undoing' OR t.waiting OR p.waiting OR m.merged_at < :settled AND NOT EXISTS (
                    SELECT FROM {customer_merges.fullname} AS b
                    WHERE b.into_id = m.customer_id AND b.state = 'moving'
                    OR b.customer_id = m.customer_id AND b.state = 'undoing'))
                ORDER BY m.worked_at, m.id LIMIT 1 FOR UPDATE OF m SKIP LOCKED"""),
            {"settled": settled, "but": list(but)},
        )
        return row.one_or_none()

    async def tickets_of(self, customer_id: UUID, *, limit: int) -> Sequence[UUID]:
        """Tickets of a customer, the newest first: those are looked at."""
        query = select(tickets.c.id).where(tickets.c.requester_id == customer_id)
        newest = query.order_by(tickets.c.updated_at.desc(), tickets.c.id.desc()).limit(limit)
        return (await self.session.scalars(newest)).all()

    async def moved_tickets(self, merge_id: UUID, *, limit: int) -> Sequence[UUID]:
        """Tickets that moved with their requester, and have not moved back."""
        query = select(customer_merge_tickets.c.ticket_id).where(
            customer_merge_tickets.c.merge_id == merge_id, customer_merge_tickets.c.requester
        )
        return (await self.session.scalars(query.order_by(customer_merge_tickets.c.ticket_id).limit(limit))).all()

    async def note_tickets(self, merge_id: UUID, ticket_ids: Collection[UUID], *, moved: bool) -> None:
        """Remember of these tickets whether they moved with their requester."""
        await self.session.execute(
            text(f"""
                INSERT INTO {customer_merge_tickets.fullname} (merge_id, ticket_id, requester, took_part, aside, joint)
                SELECT :merge, t, :moved, false, false, false FROM unnest(CAST(:tickets AS uuid[])) AS t
                ON CONFLICT (merge_id, ticket_id) DO UPDATE SET requester = excluded.requester"""),
            {"merge": merge_id, "moved": moved, "tickets": sorted(ticket_ids)},
        )

    async def note_opened_since(self, merge_id: UUID, into_id: UUID, identities: Collection[Identity]) -> None:
        """Remember tickets that were opened from these addresses since the merge as if they had moved with it."""
        await self.session.execute(
            text(f"""
                INSERT INTO {customer_merge_tickets.fullname} (merge_id, ticket_id, requester, took_part, aside, joint)
                SELECT :merge, id, true, true, false, false FROM {tickets.fullname}
                WHERE requester_id = :into AND id > :merge AND requester_email = ANY (CAST(:emails AS text[]))
                ON CONFLICT DO NOTHING"""),
            {
                "merge": merge_id,
                "into": into_id,
                "emails": [identity.address for identity in identities if identity.kind == "email"],
            },
        )

    async def move_participants(self, merge_id: UUID, customer_id: UUID, into_id: UUID) -> None:
        """Let one customer take part wherever the other one did, and remember where."""
        await self.session.execute(
            text(f"""
                WITH gone AS (
                    DELETE FROM {participants.fullname} WHERE customer_id = :customer RETURNING ticket_id, aside
                ), noted AS (
                    INSERT INTO {customer_merge_tickets.fullname} AS n
                        (merge_id, ticket_id, requester, took_part, aside, joint, joint_aside)
                    SELECT :merge, g.ticket_id, false, true, g.aside, p.ticket_id IS NOT NULL, p.aside
                    FROM gone AS g LEFT JOIN {participants.fullname} AS p
                        ON p.ticket_id = g.ticket_id AND {_IS_INTO}
                    ON CONFLICT (merge_id, ticket_id) DO UPDATE
                    SET took_part = true, aside = excluded.aside,
                        joint = CASE WHEN n.took_part THEN n.joint ELSE excluded.joint END,
                        joint_aside = CASE WHEN n.took_part THEN n.joint_aside ELSE excluded.joint_aside END
                )
                INSERT INTO {participants.fullname} AS p (ticket_id, customer_id, aside)
                SELECT ticket_id, :into, aside FROM gone ORDER BY ticket_id
                ON CONFLICT (ticket_id, customer_id) DO UPDATE SET aside = p.aside AND excluded.aside"""),
            {"merge": merge_id, "customer": customer_id, "into": into_id},
        )

    async def move_participants_back(self, merge_id: UUID, customer_id: UUID, into_id: UUID) -> None:
        """Let a customer take part again where they did, unless somebody changed that since."""
        await self.session.execute(
            text(f"""
                WITH mine AS MATERIALIZED (
                    SELECT n.ticket_id, n.aside, n.joint, n.joint_aside
                    FROM {customer_merge_tickets.fullname} AS n
                    JOIN {participants.fullname} AS p ON p.ticket_id = n.ticket_id AND {_IS_INTO}
                    WHERE n.merge_id = :merge AND n.took_part
                ), gone AS (
                    DELETE FROM {participants.fullname} AS p USING mine
                    WHERE p.ticket_id = mine.ticket_id AND {_IS_INTO} AND NOT mine.joint
                ), as_before AS (
                    UPDATE {participants.fullname} AS p SET aside = mine.joint_aside FROM mine
                    WHERE p.ticket_id = mine.ticket_id AND {_IS_INTO} AND p.aside <> mine.joint_aside
                )
                INSERT INTO {participants.fullname} (ticket_id, customer_id, aside)
                SELECT ticket_id, :customer, aside FROM mine ORDER BY ticket_id
                ON CONFLICT DO NOTHING"""),
            {"merge": merge_id, "customer": customer_id, "into": into_id},
        )

    async def move_identities(self, customer_id: UUID, into_id: UUID) -> list[Identity]:
        """Give all identities of one customer to the other; returns them."""
        moved = (
            update(customer_identities)
            .where(customer_identities.c.customer_id == customer_id)
            .values(customer_id=into_id)
            .returning(customer_identities.c.kind, customer_identities.c.address)
        )
        return sorted(Identity(row.kind, row.address) for row in await self.session.execute(moved))

    async def move_identities_back(
        self, identities: Sequence[Mapping[str, str]], customer_id: UUID, into_id: UUID
    ) -> list[Identity]:
        """Give these identities back, as far as they are still there; returns those."""
        rows = await self.session.execute(
            text(f"""
                UPDATE {customer_identities.fullname} AS i SET customer_id = :customer
                FROM json_to_recordset(CAST(:identities AS json)) AS m (kind text, address text)
                WHERE i.kind = m.kind AND i.address = m.address AND i.customer_id = :into
                RETURNING i.kind, i.address"""),
            {"identities": to_json(identities).decode(), "customer": customer_id, "into": into_id},
        )
        return sorted(Identity(row.kind, row.address) for row in rows)

    async def move_facts(self, customer_id: UUID, into_id: UUID) -> list[str]:
        """Give what other systems know of one customer to the other, where nothing is known; returns the sources."""
        known = select(customer_facts.c.source).where(customer_facts.c.customer_id == into_id)
        moved = (
            update(customer_facts)
            .where(customer_facts.c.customer_id == customer_id, customer_facts.c.source.not_in(known))
            .values(customer_id=into_id)
            .returning(customer_facts.c.source)
        )
        return sorted(await self.session.scalars(moved))

    async def move_facts_back(
        self, sources: Sequence[str], customer_id: UUID, into_id: UUID, *, unless_after: datetime
    ) -> None:
        """Give facts back that nobody has told anew since."""
        moved = (
            update(customer_facts)
            .where(
                customer_facts.c.customer_id == into_id,
                customer_facts.c.source.in_(sources),
                customer_facts.c.received_at <= unless_after,
            )
            .values(customer_id=customer_id)
        )
        await self.session.execute(moved)
