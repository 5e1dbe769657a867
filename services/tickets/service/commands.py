"""What people do to tickets through the API: open, edit, assign, claim. `threads` is what they write into them.

`own` is the account whose customer the ticket has to belong to, for callers who may only touch their own tickets; a
ticket of somebody else does not exist for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.edits import edited, with_fields, with_priority
from services.tickets.domain.fields import indexed, written_by_customers
from services.tickets.domain.identity import Identity, identity
from services.tickets.domain.lifecycle import Level
from services.tickets.domain.texts import subject_of
from services.tickets.domain.ticket import (
    Ticket,
    default_priority,
    with_assignee,
)
from services.tickets.repository import CustomerRepository, Profile, SettingsRepository, TicketRepository
from services.tickets.service.journal import Journal, locked
from services.tickets.service.notices import tell_assigned
from services.tickets.service.problems import rules_as_problems
from services.tickets.service.settings import lifecycle_of
from services.tickets.service.threads import as_actor, new_message
from shared.events.accounts import Role
from shared.events.common import Actor, Channel, Priority, Requester, TicketType
from shared.events.tickets import MessageKind
from shared.ids import uuid7
from shared.web.problem import Conflict, PreconditionFailed, Unavailable, Unprocessable


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What opens a ticket. The requester is a known customer, or an identity; neither for customers themselves."""

    text: str
    subject: str = ""
    customer_id: UUID | None = None
    identity: Identity | None = None
    profile: Profile = field(default_factory=Profile)
    priority: Priority | None = None
    urgency: Level | None = None
    impact: Level | None = None
    type: TicketType = TicketType.QUESTION
    # Decides over the type, where it is given.
    type_key: str | None = None
    group: str | None = None
    tags: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    brand: str = "default"


async def open_ticket(
    session: AsyncSession, new: NewTicket, *, actor: Actor, own: UUID | None, now: datetime
) -> Ticket:
    """Open a ticket with the customer's first message.

    Raises Unprocessable for a customer that is not there (`unknown-customer`), `unknown-type` and `fields-invalid`.
    """
    lifecycle = await lifecycle_of(session, held=bool(new.fields or new.type_key))
    with rules_as_problems():
        type_ = lifecycle.chosen_type(new.type_key).category if new.type_key is not None else new.type
    requester = await _requester(session, new, own=own, now=now)
    author = as_actor(requester)
    ticket = Ticket(
        id=uuid7(),
        subject=subject_of(new.subject, new.text),
        channel=_channel(requester, by_customer=own is not None),
        requester=requester,
        conversation_id=uuid7(),
        created_at=now,
        updated_at=now,
        priority=default_priority(new.priority, type_),
        priority_by_hand=new.priority is not None,
        urgency=new.urgency,
        impact=new.impact,
        type=type_,
        type_key=new.type_key,
        group=new.group,
        tags=new.tags,
        brand=new.brand,
    )
    ticket = with_priority(ticket, lifecycle)
    offered = lifecycle if own is None else replace(lifecycle, fields=written_by_customers(lifecycle.fields))
    with rules_as_problems():
        ticket = with_fields(ticket, new.fields, offered, before=None, now=now)
    message = new_message(ticket, MessageKind.CUSTOMER, author, new.text, now)
    journal = Journal(session)
    journal.create(ticket, message, actor=author if own else actor, cause="api")
    written = await journal.write()
    repository = TicketRepository(session)
    await repository.set_conversations({ticket.conversation_id: ticket.id})
    await repository.add_participants({(ticket.id, requester.customer_id)})
    if ticket.fields:
        values = indexed(lifecycle.fields, ticket.fields)
        await SettingsRepository(session).index_values(ticket.id, values, new=True)
    return written[ticket.id]


async def edit(
    session: AsyncSession,
    ticket_id: UUID,
    fields: Mapping[str, Any],
    *,
    actor: Actor,
    role: Role,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Set fields of a ticket as the lifecycle lets somebody of this role.

    Raises NotFound, PreconditionFailed, Conflict (`invalid-transition`, `ticket-closed`), Forbidden (`way-closed`),
    Unprocessable (`fields-missing`, `fields-invalid`, `unknown-status`,
    `unknown-type`).
    """
    ticket = await locked(session, ticket_id)
    require_version(ticket, expected_version)
    # What somebody is about to choose by its key must not vanish meanwhile, and a field not be another one.
    lifecycle = await lifecycle_of(session, held=bool(fields.keys() & {"status_key", "type_key", "fields"}))
    with rules_as_problems():
        after = edited(ticket, fields, lifecycle, role=role, now=now)
    await _change(session, ticket, after, actor=actor, cause="edit", now=now)
    if after.fields != ticket.fields:
        await SettingsRepository(session).index_values(ticket_id, indexed(lifecycle.fields, after.fields))


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
    ticket = await locked(session, ticket_id)
    require_version(ticket, expected_version)
    if assignee_id is not None:
        account = await CustomerRepository(session).account(assignee_id)
        if account is None or not account.active or account.role == Role.CUSTOMER:
            raise Unprocessable("The assignee has to be an active agent.", slug="not-an-agent")
    with rules_as_problems():
        after = with_assignee(ticket, assignee_id)
    await _change(session, ticket, after, actor=actor, cause="assign", now=now)
    if after.assignee_id != ticket.assignee_id:
        await tell_assigned(session, after, actor, now)


async def claim(session: AsyncSession, ticket_id: UUID, *, actor: Actor, account_id: UUID, now: datetime) -> None:
    """Take a ticket that nobody has; claiming one's own again is no change.

    Of several who claim at once the first gets it. Raises NotFound, Conflict (`already-assigned`, `ticket-closed`).
    """
    ticket = await locked(session, ticket_id)
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


async def _change(
    session: AsyncSession, before: Ticket, after: Ticket, *, actor: Actor, cause: str, now: datetime
) -> None:
    journal = Journal(session)
    journal.change(before, after, actor=actor, cause=cause, at=now)
    await journal.write()


async def _requester(session: AsyncSession, new: NewTicket, *, own: UUID | None, now: datetime) -> Requester:
    customers = CustomerRepository(session)
    if own is not None:
        account = await customers.account(own)
        if account is None:
            raise Unavailable("Your account is not known here yet. Try again.", retry_after=2)
        key, profile = identity("email", account.email), Profile(name=account.name)
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


def require_version(ticket: Ticket, expected: int | None) -> None:
    """Raises PreconditionFailed if the ticket is at another version than the one that was seen."""
    if expected is not None and ticket.version != expected:
        raise PreconditionFailed(
            f"The ticket is at version {ticket.version}, not {expected}. Read it again.", version=ticket.version
        )
