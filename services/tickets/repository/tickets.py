"""Tickets, their conversations and participants, and what people did to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, any_, bindparam, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import BigInteger, Uuid

from services.tickets.domain.ticket import Ticket
from services.tickets.models import conversations, customers, participants, ticket_history, ticket_number, tickets
from services.tickets.repository.lists import badge, is_own
from services.tickets.repository.rows import AnyRow, insert_rows, update_rows
from shared.events.common import Channel, Priority, Requester, TicketStatus, TicketType

_REQUESTER = (customers.c.name, customers.c.language, customers.c.region, customers.c.time_zone, customers.c.tier)
_TICKET = select(tickets, *(column.label(f"requester_{column.name}") for column in _REQUESTER)).join_from(
    tickets, customers
)


class TicketRepository:
    """Tickets as values: locked and read, inserted and updated in batches."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, ticket_id: UUID, *, account_id: UUID | None = None) -> Ticket | None:
        """The ticket; with `account_id`, only if it is a ticket of that account's customer."""
        query = _TICKET.where(tickets.c.id == ticket_id)
        if account_id is not None:
            query = query.where(is_own(account_id))
        row = (await self.session.execute(query)).one_or_none()
        return _ticket(row) if row else None

    async def lock(self, ticket_id: UUID, *, account_id: UUID | None = None) -> Ticket | None:
        """Like `get`, and nobody else changes the ticket until this transaction ends."""
        query = _TICKET.where(tickets.c.id == ticket_id)
        if account_id is not None:
            query = query.where(is_own(account_id))
        row = (await self.session.execute(query.with_for_update(key_share=True, of=tickets))).one_or_none()
        return _ticket(row) if row else None

    async def lock_many(self, ids: Iterable[UUID]) -> list[Ticket]:
        """Lock, in order of id, all tickets with these ids."""
        return await self._lock(_is_any(tickets.c.id, ids))

    async def lock_lines(
        self, ids: Iterable[UUID], *, numbers: Iterable[int], diverted_from: Iterable[UUID]
    ) -> list[Ticket]:
        """Lock, in order of id, all tickets with these ids or numbers, or diverted from these conversations, and
        all that follow one of them up, directly or one after the other.

        One statement for all: two would lock in two orders, and meet another batch halfway.
        """
        wanted: list[ColumnElement[bool]] = [_is_any(tickets.c.id, ids)]
        if numbers := set(numbers):
            wanted.append(_is_any(tickets.c.number, numbers, BigInteger()))
        if diverted_from := set(diverted_from):
            wanted.append(_is_any(tickets.c.diverted_from, diverted_from))
        line = select(tickets.c.id).where(or_(*wanted)).cte("line", recursive=True)
        before = line.alias("before")
        line = line.union(select(tickets.c.id).join(before, tickets.c.follow_up_of == before.c.id))
        return await self._lock(tickets.c.id.in_(select(line.c.id)))

    async def _lock(self, wanted: ColumnElement[bool]) -> list[Ticket]:
        query = _TICKET.where(wanted).order_by(tickets.c.id).with_for_update(key_share=True, of=tickets)
        return [_ticket(row) for row in await self.session.execute(query)]

    async def reserve_numbers(self, count: int) -> list[int]:
        """As many new ticket numbers, ascending. A transaction that fails leaves a hole."""
        series = func.generate_series(1, count).table_valued("n")
        numbers = await self.session.scalars(select(ticket_number.next_value()).select_from(series))
        return sorted(numbers)

    async def insert(self, new: Sequence[Ticket]) -> None:
        """Insert tickets."""
        await insert_rows(self.session, tickets, [_row(ticket) for ticket in new])

    async def update(self, changed: Sequence[Ticket]) -> None:
        """Write the tickets as they are; all are locked by this transaction."""
        await update_rows(self.session, tickets, [_row(ticket) for ticket in changed])

    async def claim_conversations(
        self, own: Collection[UUID], others: Collection[UUID] = ()
    ) -> dict[UUID, UUID | None]:
        """Lock the conversations in order of id, those of `own` being made if they are new.

        Returns the ticket of each that exists; None for one that this transaction made.
        """
        made = insert(conversations).from_select(
            ["id"], select(func.unnest(bindparam("own", sorted(own), type_=ARRAY(Uuid())))).order_by(literal(1))
        )
        await self.session.execute(made.on_conflict_do_nothing())
        query = (
            select(conversations.c.id, conversations.c.ticket_id)
            .where(_is_any(conversations.c.id, {*own, *others}))
            .order_by(conversations.c.id)
            .with_for_update(key_share=True)
        )
        return {row.id: row.ticket_id for row in await self.session.execute(query)}

    async def set_conversations(self, ticket_by_conversation: Mapping[UUID, UUID]) -> None:
        """Let each conversation continue a ticket; it is new, or locked by this transaction."""
        if not ticket_by_conversation:
            return
        pairs = sorted(ticket_by_conversation.items())
        await self.session.execute(
            text(
                f"INSERT INTO {conversations.fullname} AS c (id, ticket_id) "
                "SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:tickets AS uuid[])) "
                "ON CONFLICT (id) DO UPDATE SET ticket_id = excluded.ticket_id"
            ),
            {"ids": [pair[0] for pair in pairs], "tickets": [pair[1] for pair in pairs]},
        )

    async def participants(self, ticket_ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
        """All (ticket, customer) pairs of these tickets."""
        if not ticket_ids:
            return set()
        query = select(participants.c.ticket_id, participants.c.customer_id).where(
            _is_any(participants.c.ticket_id, ticket_ids)
        )
        return {(row.ticket_id, row.customer_id) for row in await self.session.execute(query)}

    async def add_participants(self, pairs: Collection[tuple[UUID, UUID]]) -> None:
        """Let customers take part in tickets; those who do already stay."""
        rows = [{"ticket_id": ticket_id, "customer_id": customer_id} for ticket_id, customer_id in sorted(pairs)]
        await insert_rows(self.session, participants, rows, skip_existing=True)

    async def add_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append to the tickets' histories, in this order."""
        await insert_rows(self.session, ticket_history, rows)

    async def history(self, ticket_id: UUID, *, before_id: int | None, limit: int) -> Sequence[AnyRow]:
        """What happened to a ticket, newest first, from before the entry `before_id`."""
        query = select(ticket_history).where(ticket_history.c.ticket_id == ticket_id)
        if before_id is not None:
            query = query.where(ticket_history.c.id < before_id)
        return (await self.session.execute(query.order_by(ticket_history.c.id.desc()).limit(limit))).all()


def _is_any(column: ColumnElement[Any], values: Iterable[Any], type_: Any = None) -> ColumnElement[bool]:
    """`column = ANY(array)`: one parameter and one prepared statement for any number of values."""
    return column == any_(literal(sorted(values), ARRAY(type_ or Uuid())))


def _ticket(row: AnyRow) -> Ticket:
    return Ticket(
        id=row.id,
        number=row.number,
        version=row.version,
        routing_version=row.routing_version,
        subject=row.subject,
        status=TicketStatus(row.status),
        priority=Priority(row.priority),
        type=TicketType(row.type),
        channel=Channel(row.channel),
        requester=Requester(
            customer_id=row.requester_id,
            name=row.requester_name,
            email=row.requester_email,
            language=row.requester_language,
            region=row.requester_region,
            time_zone=row.requester_time_zone,
            tier=row.requester_tier,
        ),
        assignee_id=row.assignee_id,
        group=row.group,
        language=row.language,
        tags=tuple(row.tags),
        brand=row.brand,
        conversation_id=row.conversation_id,
        follow_up_of=row.follow_up_of,
        diverted_from=row.diverted_from,
        created_at=row.created_at,
        updated_at=row.updated_at,
        solved_at=row.solved_at,
        last_message_at=row.last_message_at,
        first_reply_at=row.first_reply_at,
        message_count=row.message_count,
        public_message_count=row.public_message_count,
        last_customer_external_id=row.last_customer_external_id,
        sla=badge(row),
    )


def _row(ticket: Ticket) -> dict[str, Any]:
    return {
        "id": ticket.id,
        "number": ticket.number,
        "version": ticket.version,
        "routing_version": ticket.routing_version,
        "subject": ticket.subject,
        "status": ticket.status,
        "priority": ticket.priority,
        "type": ticket.type,
        "channel": ticket.channel,
        "requester_id": ticket.requester.customer_id,
        "requester_email": ticket.requester.email,
        "assignee_id": ticket.assignee_id,
        "group": ticket.group,
        "language": ticket.language,
        "tags": ticket.tags,
        "brand": ticket.brand,
        "conversation_id": ticket.conversation_id,
        "follow_up_of": ticket.follow_up_of,
        "diverted_from": ticket.diverted_from,
        "created_at": ticket.created_at,
        "updated_at": ticket.updated_at,
        "solved_at": ticket.solved_at,
        "last_message_at": ticket.last_message_at,
        "first_reply_at": ticket.first_reply_at,
        "message_count": ticket.message_count,
        "public_message_count": ticket.public_message_count,
        "last_customer_external_id": ticket.last_customer_external_id,
        "sla_next_due_at": ticket.sla.next_due_at,
        "sla_state": ticket.sla.state,
        "sla_metric": ticket.sla.metric,
        "sla_event_version": ticket.sla.event_version,
    }
