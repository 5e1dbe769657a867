"""What people do to tickets through the API: open, reply, note, edit, assign, claim.

`own` is the account whose customer the ticket has to belong to, for callers who may only touch their own tickets; a
ticket of somebody else does not exist for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import Identity
from services.tickets.domain.texts import subject_of
from services.tickets.domain.ticket import (
    Message,
    Ticket,
    default_priority,
    reply_channel,
    require_not_closed,
    with_assignee,
    with_customer_message,
    with_message,
    with_reply,
    with_status,
)
from services.tickets.repository import CustomerRepository, MessageRepository, Profile, TicketRepository
from services.tickets.service.journal import Journal
from services.tickets.service.problems import rules_as_problems
from shared.events.accounts import Role
from shared.events.common import Actor, ActorKind, Channel, Priority, Requester, TicketStatus, TicketType
from shared.events.tickets import MessageKind
from shared.ids import uuid7
from shared.web.problem import Conflict, NotFound, PreconditionFailed, Unavailable, Unprocessable

# How many of the messages that a late reply missed are told; the thread has them all.
_TOLD_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What opens a ticket. The requester is a known customer, or an identity; neither for customers themselves."""

    text: str
    subject: str = ""
    customer_id: UUID | None = None
    identity: Identity | None = None
    profile: Profile = field(default_factory=Profile)
    priority: Priority | None = None
    type: TicketType = TicketType.QUESTION
    group: str | None = None
    tags: tuple[str, ...] = ()
    brand: str = "default"


async def open_ticket(
    session: AsyncSession, new: NewTicket, *, actor: Actor, own: UUID | None, now: datetime
) -> Ticket:
    """Open a ticket with the customer's first message. Raises Unprocessable for a customer that is not there."""
    requester = await _requester(session, new, own=own, now=now)
    author = _customer(requester)
    ticket = Ticket(
        id=uuid7(),
        subject=subject_of(new.subject, new.text),
        channel=_channel(requester, by_customer=own is not None),
        requester=requester,
        conversation_id=uuid7(),
        created_at=now,
        updated_at=now,
        priority=default_priority(new.priority, new.type),
        type=new.type,
        group=new.group,
        tags=new.tags,
        brand=new.brand,
    )
    message = _message(ticket, MessageKind.CUSTOMER, author, new.text, now)
    journal = Journal(session)
    journal.create(ticket, message, actor=author if own else actor, cause="api")
    written = await journal.write()
    repository = TicketRepository(session)
    await repository.set_conversations({ticket.conversation_id: ticket.id})
    await repository.add_participants({(ticket.id, requester.customer_id)})
    return written[ticket.id]


async def reply(
    session: AsyncSession,
    ticket_id: UUID,
    text: str,
    *,
    actor: Actor,
    own: UUID | None,
    status: TicketStatus | None,
    expected_thread_version: int | None,
    now: datetime,
) -> UUID:
    """Add a public message: an agent's reply, or the customer's own next message. Returns the message's id.

    Raises NotFound, Conflict (`stale-thread`, `invalid-transition`, `ticket-closed`), Unprocessable.
    """
    ticket = await _locked(session, ticket_id, own=own)
    await _require_thread(session, ticket, expected_thread_version, public_only=own is not None)
    if own is not None:
        if status is not None:
            raise Unprocessable("Customers do not set a status.", slug="status-not-allowed")
        message = _message(ticket, MessageKind.CUSTOMER, _customer(ticket.requester), text, now, channel=Channel.FORM)
        with rules_as_problems():
            after = with_customer_message(ticket, message)
    else:
        channel = reply_channel(ticket)
        message = replace(
            _message(ticket, MessageKind.REPLY, actor, text, now, channel=channel),
            first_reply=ticket.first_reply_at is None,
            delivery_state="queued" if channel is Channel.EMAIL else "available",
        )
        with rules_as_problems():
            after = with_reply(ticket, message, status)
    await _change(session, ticket, after, actor=message.author, cause="reply", now=now, message=message)
    return message.id


async def add_note(
    session: AsyncSession,
    ticket_id: UUID,
    text: str,
    *,
    actor: Actor,
    expected_thread_version: int | None,
    now: datetime,
) -> UUID:
    """Add an internal note; it changes nothing else and never leaves the desk. Returns the message's id."""
    ticket = await _locked(session, ticket_id)
    await _require_thread(session, ticket, expected_thread_version, public_only=False)
    message = _message(ticket, MessageKind.NOTE, actor, text, now)
    await _change(session, ticket, with_message(ticket, message), actor=actor, cause="note", now=now, message=message)
    return message.id


async def edit(
    session: AsyncSession,
    ticket_id: UUID,
    fields: Mapping[str, Any],
    *,
    actor: Actor,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Set fields of a ticket, `status` by the rules of the status machine.

    Raises NotFound, PreconditionFailed, Conflict (`invalid-transition`, `ticket-closed`).
    """
    ticket = await _locked(session, ticket_id)
    _require_version(ticket, expected_version)
    plain = {name: value for name, value in fields.items() if name != "status"}
    with rules_as_problems():
        after = with_status(ticket, fields["status"], now) if "status" in fields else ticket
        if plain:
            require_not_closed(ticket)
    await _change(session, ticket, replace(after, **plain), actor=actor, cause="edit", now=now)


async def assign(
    session: AsyncSession,
    ticket_id: UUID,
    assignee_id: UUID | None,
    *,
    actor: Actor,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Give a ticket to an agent, or to nobody. Raises NotFound, PreconditionFailed, Conflict, Unprocessable."""
    ticket = await _locked(session, ticket_id)
    _require_version(ticket, expected_version)
    if assignee_id is not None:
        account = await CustomerRepository(session).account(assignee_id)
        if account is None or not account.active or account.role == Role.CUSTOMER:
            raise Unprocessable("The assignee has to be an active agent.", slug="not-an-agent")
    with rules_as_problems():
        after = with_assignee(ticket, assignee_id)
    await _change(session, ticket, after, actor=actor, cause="assign", now=now)


async def claim(session: AsyncSession, ticket_id: UUID, *, actor: Actor, account_id: UUID, now: datetime) -> None:
    """Take a ticket that nobody has; claiming one's own again is no change.

    Of several who claim at once the first gets it. Raises NotFound, Conflict (`already-assigned`, `ticket-closed`).
    """
    ticket = await _locked(session, ticket_id)
    if ticket.assignee_id not in {None, account_id}:
        raise Conflict(
            "Somebody else has this ticket.",
            slug="already-assigned",
            title="Already assigned",
            assignee_id=str(ticket.assignee_id),
        )
    with rules_as_problems():
        after = with_assignee(ticket, account_id)
    await _change(session, ticket, after, actor=actor, cause="claim", now=now)


async def _locked(session: AsyncSession, ticket_id: UUID, *, own: UUID | None = None) -> Ticket:
    ticket = await TicketRepository(session).lock(ticket_id, account_id=own)
    if ticket is None:
        raise NotFound("There is no such ticket.")
    return ticket


async def _change(
    session: AsyncSession,
    before: Ticket,
    after: Ticket,
    *,
    actor: Actor,
    cause: str,
    now: datetime,
    message: Message | None = None,
) -> None:
    journal = Journal(session)
    journal.change(before, after, actor=actor, cause=cause, at=now, message=message)
    await journal.write()


async def _requester(session: AsyncSession, new: NewTicket, *, own: UUID | None, now: datetime) -> Requester:
    customers = CustomerRepository(session)
    if own is not None:
        account = await customers.account(own)
        if account is None:
            raise Unavailable("Your account is not known here yet. Try again.", retry_after=2)
        key, profile = Identity("email", account.email), Profile(name=account.name)
        return (await customers.resolve({key: profile}, now))[key]
    if new.identity is not None:
        return (await customers.resolve({new.identity: new.profile}, now))[new.identity]
    requester = await customers.requester(new.customer_id) if new.customer_id else None
    if requester is None:
        raise Unprocessable("There is no such customer.", slug="unknown-customer")
    return requester


def _channel(requester: Requester, *, by_customer: bool) -> Channel:
    """How the request reached the desk: by the portal's form, or in words to an agent who types them in."""
    if by_customer:
        return Channel.FORM
    return Channel.EMAIL if requester.email else Channel.PHONE


def _require_version(ticket: Ticket, expected: int | None) -> None:
    if expected is not None and ticket.version != expected:
        raise PreconditionFailed(
            f"The ticket is at version {ticket.version}, not {expected}. Read it again.", version=ticket.version
        )


async def _require_thread(session: AsyncSession, ticket: Ticket, expected: int | None, *, public_only: bool) -> None:
    """Raises Conflict if the thread has messages that the writer has not seen."""
    current = ticket.public_message_count if public_only else ticket.message_count
    if expected is None or expected == current:
        return
    if expected > current:
        raise Unprocessable(f"The thread has {current} messages, not {expected}.", slug="unknown-thread-version")
    missed = min(current - expected, _TOLD_MESSAGES)
    rows = await MessageRepository(session).latest(ticket.id, missed, public_only=public_only)
    raise Conflict(
        "The thread has moved on since you read it.",
        slug="stale-thread",
        title="New messages in the thread",
        thread_version=current,
        messages=[
            {
                "id": str(row.id),
                "kind": row.kind,
                "author": {"kind": row.author_kind, "name": row.author_name},
                "added_at": row.added_at.isoformat(),
                "text": row.text,
            }
            for row in rows
        ],
    )


def _customer(requester: Requester) -> Actor:
    return Actor(kind=ActorKind.CUSTOMER, id=str(requester.customer_id), name=requester.name)


def _message(
    ticket: Ticket, kind: MessageKind, author: Actor, text: str, now: datetime, *, channel: Channel | None = None
) -> Message:
    return Message(
        id=uuid7(),
        ticket_id=ticket.id,
        kind=kind,
        author=author,
        text=text,
        channel=channel or ticket.channel,
        added_at=now,
    )
