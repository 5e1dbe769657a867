"""What tickets are to each other."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.links import Ends, LinkKind
from services.tickets.models import customers, ticket_links, tickets
from services.tickets.repository.rows import AnyRow
from shared.events.common import Actor
from shared.ids import uuid7

# How many unsolved incidents a ticket tells of: each is looked up whenever somebody reads it.
_MOST_TOLD = 1_000

_incident = tickets.alias("incident")


def _unsolved(problem_id: ColumnElement[UUID]) -> Select[tuple[UUID]]:
    """Incidents of a problem that are not solved.

    Looked up one by one, never joined: for some of them PostgreSQL would walk through all tickets.
    """
    unsolved = select(_incident.c.solved_at.is_(None)).where(_incident.c.id == ticket_links.c.to_id).scalar_subquery()
    return select(ticket_links.c.to_id).where(
        ticket_links.c.kind == LinkKind.PROBLEM, ticket_links.c.from_id == problem_id, unsolved
    )


# Of the ticket that a statement is about.
OPEN_INCIDENTS = (
    select(func.count())
    .select_from(_unsolved(tickets.c.id).correlate(tickets).limit(_MOST_TOLD).subquery("unsolved"))
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is kept."""

    id: UUID
    kind: LinkKind
    from_id: UUID
    to_id: UUID
    blocks: bool
    created_at: datetime
    by_id: UUID
    by_name: str

    @classmethod
    def new(cls, ends: Ends, *, blocks: bool, actor: Actor, now: datetime) -> Self:
        """A link that an agent makes."""
        return cls(uuid7(), ends.kind, ends.from_id, ends.to_id, blocks, now, UUID(actor.id), actor.name)


class LinkRepository:
    """Links, from both sides."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def take_turn(self) -> None:
        """Wait until nobody else links: circles are looked for among more tickets than one can lock."""
        await self.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('tickets.links', 0))"))

    async def add(self, link: Link) -> bool:
        """Add a link, which names no ticket that is not there; False if there is one of its kind between the two."""
        added = insert(ticket_links).values(asdict(link)).on_conflict_do_nothing(constraint=_ONCE)
        return bool((await self.session.scalars(added.returning(ticket_links.c.id))).all())

    async def find(self, ends: Ends) -> Link | None:
        """The link of this kind between two tickets."""
        query = select(ticket_links).where(
            ticket_links.c.kind == ends.kind,
            ticket_links.c.from_id == ends.from_id,
            ticket_links.c.to_id == ends.to_id,
        )
        row = (await self.session.execute(query)).one_or_none()
        return _link(row) if row else None

    async def get(self, ticket_id: UUID, link_id: UUID) -> Link | None:
        """A link of the ticket."""
        ends = or_(ticket_links.c.from_id == ticket_id, ticket_links.c.to_id == ticket_id)
        row = (await self.session.execute(select(ticket_links).where(ticket_links.c.id == link_id, ends))).one_or_none()
        return _link(row) if row else None

    async def remove(self, link_id: UUID) -> None:
        """Remove a link."""
        await self.session.execute(delete(ticket_links).where(ticket_links.c.id == link_id))

    async def first_of(self, kind: LinkKind, ticket_id: UUID) -> UUID | None:
        """The ticket that comes before this one by a link of that kind: its parent, its problem, its original."""
        query = select(ticket_links.c.from_id).where(
            ticket_links.c.kind == kind, ticket_links.c.to_id == ticket_id, ticket_links.c.kind != LinkKind.RELATED
        )
        first: UUID | None = await self.session.scalar(query)
        return first

    async def comes_before(self, kind: LinkKind, ticket_id: UUID, other_id: UUID) -> bool:
        """Whether a ticket comes before another one, directly or over others between them."""
        above = (
            select(ticket_links.c.from_id)
            .where(ticket_links.c.kind == kind, ticket_links.c.to_id == other_id)
            .cte("above", recursive=True)
        )
        below = above.alias("below")
        above = above.union(
            select(ticket_links.c.from_id)
            .join(below, ticket_links.c.to_id == below.c.from_id)
            .where(ticket_links.c.kind == kind)
        )
        return bool(await self.session.scalar(select(literal(ticket_id).in_(select(above.c.from_id)))))

    async def count(self, kind: LinkKind, ticket_id: UUID) -> int:
        """How many links of this kind a ticket has: those that start there, or all where none comes first."""
        starts = ticket_links.c.from_id == ticket_id
        if kind is LinkKind.RELATED:
            starts = or_(starts, ticket_links.c.to_id == ticket_id)
        query = select(func.count()).select_from(ticket_links).where(ticket_links.c.kind == kind, starts)
        return await self.session.scalar(query) or 0

    async def set_blocks(self, link_id: UUID, *, blocks: bool) -> None:
        """Let a child block its parent, or not."""
        await self.session.execute(update(ticket_links).where(ticket_links.c.id == link_id).values(blocks=blocks))

    async def page(
        self, ticket_id: UUID, *, only: Collection[tuple[LinkKind, bool]] = (), before: UUID | None, limit: int
    ) -> Sequence[AnyRow]:
        """Links of a ticket, the newest first, each with the other ticket, and whether that one comes first.

        `only` narrows them to kinds, each with whether the other one comes first.
        """
        sides = (self._side(ticket_id, first, only=only, before=before, limit=limit) for first in (False, True))
        return await self._shown(union_all(*(select(side.subquery()) for side in sides)), limit)

    async def one(self, ticket_id: UUID, link_id: UUID) -> AnyRow:
        """A link of the ticket that is there, as `page` has it."""
        sides = (self._side(ticket_id, first).where(ticket_links.c.id == link_id) for first in (False, True))
        return (await self._shown(union_all(*sides), 1))[0]

    async def _shown(self, found: CompoundSelect[Any], limit: int) -> Sequence[AnyRow]:
        links = found.subquery("link")
        query = (
            select(
                links,
                tickets.c.number,
                tickets.c.subject,
                tickets.c.status,
                tickets.c.status_key,
                tickets.c.assignee_id,
                tickets.c.requester_id,
                customers.c.name.label("requester_name"),
            )
            .join(tickets, tickets.c.id == links.c.other_id)
            .join(customers, customers.c.id == tickets.c.requester_id)
            .order_by(links.c.id.desc())
            .limit(limit)
        )
        return (await self.session.execute(query)).all()

    async def incidents(self, problem_id: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
        """Incidents of a problem that are not solved, in order of id, from after that one."""
        query = _unsolved(literal(problem_id))
        if after is not None:
            query = query.where(ticket_links.c.to_id > after)
        return list(await self.session.scalars(query.order_by(ticket_links.c.to_id).limit(limit)))

    async def open_incidents(self, problem_id: UUID, *, after: UUID | None = None) -> int:
        """How many incidents of a problem are not solved; with `after`, of those with a higher id."""
        query = _unsolved(literal(problem_id))
        if after is not None:
            query = query.where(ticket_links.c.to_id > after)
        return await self.session.scalar(select(func.count()).select_from(query.subquery())) or 0

    def _side(
        self,
        ticket_id: UUID,
        other_is_first: bool,
        *,
        only: Collection[tuple[LinkKind, bool]] = (),
        before: UUID | None = None,
        limit: int = 1,
    ) -> Select[Any]:
        here, there = ticket_links.c.from_id, ticket_links.c.to_id
        if other_is_first:
            here, there = there, here
        query = select(
            ticket_links.c.id,
            ticket_links.c.kind,
            ticket_links.c.blocks,
            ticket_links.c.created_at,
            ticket_links.c.by_id,
            ticket_links.c.by_name,
            there.label("other_id"),
            literal(other_is_first).label("other_is_first"),
        ).where(here == ticket_id)
        if only:
            query = query.where(ticket_links.c.kind.in_([kind for kind, first in only if first is other_is_first]))
        if before is not None:
            query = query.where(ticket_links.c.id < before)
        return query.order_by(ticket_links.c.id.desc()).limit(limit)


_ONCE = "uq_ticket_links_kind_from_id_to_id"


def _link(row: AnyRow) -> Link:
    return Link(
        id=row.id,
        kind=LinkKind(row.kind),
        from_id=row.from_id,
        to_id=row.to_id,
        blocks=row.blocks,
        created_at=row.created_at,
        by_id=row.by_id,
        by_name=row.by_name,
    )
