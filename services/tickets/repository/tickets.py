"""Tickets, their conversations and participants, and what people did to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    all_,
    any_,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import BigInteger, Uuid

from services.tickets.domain.lifecycle import Level
from services.tickets.domain.reviews import Review, ReviewReason
from services.tickets.domain.ticket import ForwardedFrom, Ticket
from services.tickets.models import (
    conversations,
    customers,
    participants,
    ticket_history,
    ticket_links,
    ticket_number,
    tickets,
)
from services.tickets.repository.lists import badge, is_own
from services.tickets.repository.rows import AnyRow, insert_rows, update_rows
from shared.events.common import Channel, Priority, Requester, TicketStatus, TicketType

_REQUESTER = (customers.c.name, customers.c.language, customers.c.region, customers.c.time_zone, customers.c.tier)
_READ = select(tickets, *(column.label(f"requester_{column.name}") for column in _REQUESTER)).join_from(
    tickets, customers, tickets.c.requester_id == customers.c.id
)
_CHILD = tickets.alias("child")
_DIVERTED = tickets.alias("diverted")
_BLOCKED_BY = (
    select(func.count())
    .select_from(ticket_links.join(_CHILD, ticket_links.c.to_id == _CHILD.c.id))
    .where(ticket_links.c.from_id == tickets.c.id, ticket_links.c.blocks, _CHILD.c.solved_at.is_(None))
    .correlate(tickets)
    .scalar_subquery()
)
_TICKET = _READ.add_columns(_BLOCKED_BY.label("blocked_by"))
# For what solves nothing.
_TICKET_ALONE = _READ.add_columns(literal_column("0").label("blocked_by"))
# What a follow-up may have been made of.
_OVER = frozenset({TicketStatus.SOLVED, TicketStatus.CLOSED})


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

    async def some(self, ids: Iterable[UUID]) -> list[Ticket]:
        """All tickets with these ids, in no order."""
        return [_ticket(row) for row in await self.session.execute(_TICKET.where(_is_any(tickets.c.id, ids)))]

    async def lock_many(self, ids: Iterable[UUID]) -> list[Ticket]:
        """Lock, in order of id, all tickets with these ids."""
        return await self._lock(_is_any(tickets.c.id, ids))

    async def lock_lines(
        self,
        ids: Iterable[UUID],
        *,
        numbers: Iterable[int],
        diverted_from: Iterable[UUID],
        customers: Iterable[UUID] = (),
    ) -> list[Ticket]:
        """Lock, in order of id, all tickets with these ids or numbers, or diverted from these conversations in which
        one of these customers takes part, all that follow one of them up and all that one of them is merged into,
        directly or one after the other.

        Not all that were diverted: anybody can name a conversation, from as many addresses as they like.

        One statement for all: two would lock in two orders, and meet another batch halfway. Only where a ticket was
        merged or followed up while it was waited for, that is not among them, and it is asked for once more.
        """
        wanted: list[ColumnElement[bool]] = [_is_any(tickets.c.id, ids)]
        if numbers := set(numbers):
            wanted.append(_is_any(tickets.c.number, numbers, BigInteger()))
        if diverted_from := set(diverted_from):
            theirs = select(_DIVERTED.c.id).join(participants, participants.c.ticket_id == _DIVERTED.c.id)
            theirs = theirs.where(
                _is_any(_DIVERTED.c.diverted_from, diverted_from), _is_any(participants.c.customer_id, customers)
            )
            # As an array, which is looked up by the index as the other ids are.
            wanted.append(tickets.c.id == any_(func.array(theirs.scalar_subquery())))
        place = (tickets.c.id, tickets.c.merged_into)
        line = select(*place).where(or_(*wanted)).cte("line", recursive=True)
        before = line.alias("before")
        # Two lookups by an index: of the one condition OR the other no join can be made by one.
        after = union_all(
            select(*place).where(tickets.c.follow_up_of == before.c.id),
            select(*place).where(tickets.c.id == before.c.merged_into),
        ).lateral("after")
        line = line.union(select(after.c.id, after.c.merged_into).select_from(before.join(after, true())))
        while True:
            found = await self._lock(tickets.c.id.in_(select(line.c.id)), _TICKET_ALONE)
            is_whole = {ticket.merged_into for ticket in found} <= {None, *(ticket.id for ticket in found)}
            if is_whole and not await self._are_followed_up(found):
                return found

    async def _are_followed_up(self, found: Sequence[Ticket]) -> bool:
        """Whether a ticket that is not among these follows one of them up."""
        over = [ticket.id for ticket in found if ticket.status in _OVER]
        if not over:
            return False
        others = tickets.c.id != all_(literal(sorted(ticket.id for ticket in found), ARRAY(Uuid())))
        follow_up = select(tickets.c.id).where(_is_any(tickets.c.follow_up_of, over), others)
        return bool(await self.session.scalar(select(follow_up.exists())))

    async def claim_awake(self, now: datetime, *, limit: int) -> list[Ticket]:
        """Lock tickets that are snoozed no longer than until now, the earliest first; skips what others hold."""
        query = _TICKET_ALONE.where(tickets.c.snoozed_until <= now).order_by(tickets.c.snoozed_until, tickets.c.id)
        locking = query.limit(limit).with_for_update(key_share=True, of=tickets, skip_locked=True)
        return [_ticket(row) for row in await self.session.execute(locking)]

    async def _lock(self, wanted: ColumnElement[bool], read: Select[Any] = _TICKET) -> list[Ticket]:
        query = read.where(wanted).order_by(tickets.c.id).with_for_update(key_share=True, of=tickets)
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

    async def participants(self, ticket_ids: Collection[UUID]) -> dict[tuple[UUID, UUID], bool]:
        """All (ticket, customer) pairs of these tickets, each with whether they take part aside.

        Those who came with another customer's ticket do: the requester does not see what they write.
        """
        if not ticket_ids:
            return {}
        here = _is_any(participants.c.ticket_id, ticket_ids)
        # Who became part of another customer after their message was read takes part as that one.
        merged = participants.join(customers, customers.c.merged_into == participants.c.customer_id)
        query = (
            select(participants)
            .where(here)
            .union_all(
                select(participants.c.ticket_id, customers.c.id, participants.c.aside).select_from(merged).where(here)
            )
        )
        found: dict[tuple[UUID, UUID], bool] = {}
        for row in await self.session.execute(query):
            # Of two who became one, one who takes part in full does so as both.
            pair = row.ticket_id, row.customer_id
            found[pair] = row.aside and found.get(pair, True)
        return found

    async def add_participants(
        self, pairs: Collection[tuple[UUID, UUID]], *, aside: Collection[tuple[UUID, UUID]] = ()
    ) -> None:
        """Let customers take part in tickets, some of them aside; those who do already stay as they are."""
        rows = [{"ticket_id": pair[0], "customer_id": pair[1], "aside": pair in aside} for pair in sorted(pairs)]
        await insert_rows(self.session, participants, rows, skip_existing=True)

    async def remove_participant(self, ticket_id: UUID, customer_id: UUID) -> None:
        """Let a customer take part in a ticket no more."""
        pair = (participants.c.ticket_id == ticket_id) & (participants.c.customer_id == customer_id)
        await self.session.execute(delete(participants).where(pair))

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
        status_key=row.status_key,
        priority=Priority(row.priority),
        priority_by_hand=row.priority_by_hand,
        urgency=Level(row.urgency) if row.urgency else None,
        impact=Level(row.impact) if row.impact else None,
        type=TicketType(row.type),
        type_key=row.type_key,
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
        fields=row.fields,
        brand=row.brand,
        conversation_id=row.conversation_id,
        follow_up_of=row.follow_up_of,
        diverted_from=row.diverted_from,
        review=Review(row.review_of, ReviewReason(row.review_reason)) if row.review_reason else None,
        forwarded_from=ForwardedFrom(**row.forwarded_from) if row.forwarded_from else None,
        merged_into=row.merged_into,
        blocked_by=row.blocked_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
        solved_at=row.solved_at,
        snoozed_until=row.snoozed_until,
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
        "status_key": ticket.status_key,
        "priority": ticket.priority,
        "priority_by_hand": ticket.priority_by_hand,
        "urgency": ticket.urgency,
        "impact": ticket.impact,
        "type": ticket.type,
        "type_key": ticket.type_key,
        "channel": ticket.channel,
        "requester_id": ticket.requester.customer_id,
        "requester_email": ticket.requester.email,
        "assignee_id": ticket.assignee_id,
        "group": ticket.group,
        "language": ticket.language,
        "tags": ticket.tags,
        "fields": dict(ticket.fields),
        "brand": ticket.brand,
        "conversation_id": ticket.conversation_id,
        "follow_up_of": ticket.follow_up_of,
        "diverted_from": ticket.diverted_from,
        "review_of": ticket.review.ticket_id if ticket.review else None,
        "review_reason": ticket.review.reason if ticket.review else None,
        "forwarded_from": ticket.forwarded_from,
        "merged_into": ticket.merged_into,
        "created_at": ticket.created_at,
        "updated_at": ticket.updated_at,
        "solved_at": ticket.solved_at,
        "snoozed_until": ticket.snoozed_until,
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
