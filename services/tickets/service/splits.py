"""Messages that are a matter of their own, split off into a ticket of their own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.links import Ends, LinkKind
from services.tickets.domain.texts import subject_of
from services.tickets.domain.ticket import Message, Ticket, with_message
from services.tickets.repository import CustomerRepository, TicketRepository
from services.tickets.repository.links import Link, LinkRepository
from services.tickets.repository.merges import MergeRepository
from services.tickets.service.journal import Journal, locked
from services.tickets.service.threads import new_message
from shared.events.common import Actor, ActorKind, AttachmentRef, Channel, Requester
from shared.events.messages import MessageSecurity
from shared.events.tickets import FieldChange, MessageKind
from shared.ids import uuid7
from shared.web.problem import NotFound, Unprocessable

# How many later messages are taken along.
MAX_FOLLOWING = 100


async def split(
    session: AsyncSession,
    ticket_id: UUID,
    message_id: UUID,
    *,
    following: bool,
    subject: str | None,
    actor: Actor,
    now: datetime,
) -> tuple[UUID, bool]:
    """Open a ticket with copies of a customer's message and, `following`, of what they wrote after it.

    A thread only ever grows: places in it, counts that writers rest on and events that others have seen stay right.
    Returns the ticket's id, and whether it was opened now: what was split off once is not split off again. Raises
    NotFound, Unprocessable (`not-a-customers-message`).
    """
    original = await locked(session, ticket_id)
    repository = MergeRepository(session)
    first = await repository.message(ticket_id, message_id)
    if first is None:
        raise NotFound("The ticket has no such message.")
    if first.author_kind != ActorKind.CUSTOMER:
        raise Unprocessable(
            "Only what a customer wrote can be split off: the ticket is theirs.", slug="not-a-customers-message"
        )
    requester = await _requester(session, original, UUID(first.author_id))
    later = await repository.later(first, requester.customer_id, limit=MAX_FOLLOWING) if following else ()
    rows = [first, *later]
    gone = await repository.split_off({row.id for row in rows})
    if first.id in gone:
        return gone[first.id], False
    rows = [row for row in rows if row.id not in gone]

    new, copies = await _open(session, original, rows, requester, subject=subject, actor=actor, now=now)
    await repository.add_splits(
        [
            {"message_id": row.id, "copy_id": copy.id, "ticket_id": new.id}
            for row, copy in zip(rows, copies, strict=True)
        ]
    )
    link = Ends(LinkKind.SPLIT, original.id, new.id)
    await LinkRepository(session).add(Link.new(link, blocks=False, actor=actor, now=now))
    await _tell(session, original, new, rows, actor=actor, now=now)
    return new.id, True


async def _open(
    session: AsyncSession,
    original: Ticket,
    rows: Sequence[Any],
    requester: Requester,
    *,
    subject: str | None,
    actor: Actor,
    now: datetime,
) -> tuple[Ticket, list[Message]]:
    ticket = Ticket(
        id=uuid7(),
        subject=subject or _subject(original, rows[0], requester),
        channel=Channel(rows[0].channel),
        requester=requester,
        conversation_id=uuid7(),
        created_at=now,
        updated_at=now,
        group=original.group,
        language=original.language,
        brand=original.brand,
    )
    copies = [_copy(row, ticket) for row in rows]
    journal = Journal(session)
    after = journal.create(ticket, copies[0], actor=actor, cause="split")
    for copy in copies[1:]:
        after = journal.change(after, with_message(after, copy), actor=copy.author, cause="split", at=now, message=copy)
    # Its number is known when it is written.
    after = (await journal.write())[ticket.id]
    note = new_message(after, MessageKind.SYSTEM, actor, f"Split off from #{original.number}.", now)
    journal.change(
        after,
        with_message(after, note),
        actor=actor,
        cause="split",
        at=now,
        message=note,
        remarks={"split_from": FieldChange(after={"ticket_id": str(original.id), "number": original.number})},
    )
    await journal.write()
    tickets = TicketRepository(session)
    await tickets.set_conversations({ticket.conversation_id: ticket.id})
    await tickets.add_participants({(ticket.id, requester.customer_id)})
    return after, copies


async def _tell(
    session: AsyncSession, original: Ticket, new: Ticket, rows: Sequence[Any], *, actor: Actor, now: datetime
) -> None:
    """The original's thread and history say what was split off."""
    note = new_message(original, MessageKind.SYSTEM, actor, f"Split off into #{new.number}.", now)
    told = {"ticket_id": str(new.id), "number": new.number, "messages": [str(row.id) for row in rows]}
    journal = Journal(session)
    journal.change(
        original,
        with_message(original, note),
        actor=actor,
        cause="split",
        at=now,
        message=note,
        remarks={"split_into": FieldChange(after=told)},
    )
    await journal.write()


def _subject(original: Ticket, first: Any, requester: Requester) -> str:
    """The original's subject for who gave it; others may never have seen it."""
    theirs = requester.customer_id == original.requester.customer_id
    return original.subject if theirs else subject_of("", "" if first.withheld else first.text)


async def _requester(session: AsyncSession, original: Ticket, customer_id: UUID) -> Requester:
    """The author, or whom they became part of, written to as the ticket does if it is theirs."""
    requester = await CustomerRepository(session).requester(customer_id)
    if requester is None:
        raise Unprocessable("The author is no customer any more.", slug="unknown-customer")
    return original.requester if requester.customer_id == original.requester.customer_id else requester


def _copy(row: Any, ticket: Ticket) -> Message:
    return Message(
        id=uuid7(),
        ticket_id=ticket.id,
        # Also what was kept from the other ticket's customer: here it is its author's own.
        kind=MessageKind.CUSTOMER,
        author=Actor(kind=ActorKind.CUSTOMER, id=str(ticket.requester.customer_id), name=row.author_name),
        text=row.text,
        channel=Channel(row.channel),
        added_at=row.added_at,
        external_id=row.external_id,
        attachments=tuple(AttachmentRef.model_validate(one) for one in row.attachments),
        security=row.security and MessageSecurity.model_validate(row.security),
        text_truncated=row.text_truncated,
        raw_key=row.raw_key,
    )
