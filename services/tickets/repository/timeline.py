"""What happened to a ticket and what was written in it, in one order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, Uuid, any_, cast, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.timeline import EntryKind, Position
from services.tickets.models import accounts, customers, messages, ticket_history, tickets
from services.tickets.repository.rows import AnyRow

# Changes whose values are ids of people.
_OF_ACCOUNTS = ("assignee_id", "follower")
_OF_CUSTOMERS = ("requester_id",)


@dataclass(frozen=True, slots=True)
class Happened:
    """A row of the history, that of the message it brought, and the names of people who are in its changes."""

    entry: Any
    said: Any
    names: Mapping[str, str]


class TimelineRepository:
    """Entries of the history, each with the message that it brought: there is no message without an entry."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def line(self, ticket_id: UUID) -> Sequence[AnyRow]:
        """The ticket, and after it all that were merged into it, directly or one through the other; nothing of none."""
        place = (tickets.c.id, tickets.c.number, tickets.c.subject, tickets.c.merged_into)
        line = select(*place).where(tickets.c.id == ticket_id).cte("line", recursive=True)
        before = line.alias("before")
        line = line.union(select(*place).join(before, tickets.c.merged_into == before.c.id))
        return (await self.session.execute(select(line).order_by(line.c.id != ticket_id, line.c.number))).all()

    async def page(
        self, ticket_ids: Sequence[UUID], *, kinds: Collection[EntryKind], position: Position | None, limit: int
    ) -> list[Happened]:
        """At most `limit` entries of tickets, the newest first; of some `kinds`, or of all for none.

        Those of one ticket in the order in which they happened to it, as in its history and its thread; of several
        tickets in order of time.
        """
        history = ticket_history.c
        query = select(history.id)
        if len(ticket_ids) == 1:
            order: tuple[ColumnElement[Any], ...] = (history.id,)
            query = query.where(history.ticket_id == ticket_ids[0])
        else:
            order = (history.at, history.id)
            query = query.where(history.ticket_id == any_(literal(sorted(ticket_ids), ARRAY(Uuid()))))
        if kinds:
            # That they are of the same ticket says nothing new, but how few messages there are to look at.
            same = (messages.c.id == history.message_id) & (messages.c.ticket_id == history.ticket_id)
            query = query.outerjoin(messages, same).where(_is_one_of(kinds))
        if position is not None:
            here, there = tuple_(*order), tuple_(*(getattr(position, column.key or "") for column in order))
            query = query.where(here > there if position.newer else here < there)
        towards = order if position is not None and position.newer else tuple(column.desc() for column in order)
        found = query.order_by(*towards).limit(limit).subquery()
        entries = (
            select(ticket_history, messages, _NAMES)
            .join_from(found, ticket_history, history.id == found.c.id)
            .outerjoin(messages, messages.c.id == history.message_id)
            .order_by(*(column.desc() for column in order))
        )
        return [_happened(tuple(row)) for row in await self.session.execute(entries)]


def _happened(values: tuple[Any, ...]) -> Happened:
    whole = len(ticket_history.c)
    entry = SimpleNamespace(**dict(zip(ticket_history.c.keys(), values, strict=False)))
    said = SimpleNamespace(**dict(zip(messages.c.keys(), values[whole:], strict=False)))
    return Happened(entry, said if entry.message_id is not None else None, values[-1])


def _is_one_of(kinds: Collection[EntryKind]) -> ColumnElement[bool]:
    said = messages.c.kind.in_(sorted(set(kinds) - {EntryKind.CHANGE}))
    return or_(said, ticket_history.c.changes != {}) if EntryKind.CHANGE in kinds else said


def _names(people: Any, fields: Collection[str]) -> ColumnElement[Any]:
    """The names of those people who are in these fields of an entry, before or after, by their ids."""
    changes = ticket_history.c.changes
    ids = [cast(changes[(field, side)].astext, Uuid) for field in fields for side in ("before", "after")]
    named = select(func.jsonb_object_agg(cast(people.c.id, Text), people.c.name)).where(people.c.id.in_(ids))
    return func.coalesce(named.correlate(ticket_history).scalar_subquery(), literal({}, JSONB))


_NAMES = _names(accounts, _OF_ACCOUNTS).op("||", return_type=JSONB())(_names(customers, _OF_CUSTOMERS))
