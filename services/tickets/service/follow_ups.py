"""What customers write on the portal to tickets of theirs that are over: as with mail, it opens a follow-up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.edits import is_over
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.texts import subject_of
from services.tickets.domain.ticket import Ticket, default_priority, with_customer_message
from services.tickets.repository import CustomerRepository, TicketRepository
from services.tickets.service.journal import Journal, locked
from services.tickets.service.settings import lifecycle_of
from services.tickets.service.threads import Seen, as_actor, check_thread, new_message
from shared.events.common import AttachmentRef, Channel
from shared.events.tickets import MessageKind
from shared.ids import uuid7
from shared.web.problem import NotFound


async def continued(
    session: AsyncSession,
    ticket_id: UUID,
    text: str,
    *,
    attachments: Sequence[AttachmentRef] = (),
    own: UUID,
    seen: Seen,
    now: datetime,
) -> UUID | None:
    """Put the customer's message into the newest ticket that continues one that is over, or into a new one.

    `seen` is of the thread that they answer. Returns the message's id; None, and nothing is done, for a ticket that
    goes on itself. Raises NotFound, Conflict (`stale-thread`), Unprocessable.
    """
    repository = TicketRepository(session)
    ticket = await repository.get(ticket_id, account_id=own)
    if ticket is None:
        raise NotFound("There is no such ticket.")
    lifecycle = await lifecycle_of(session)
    if not is_over(ticket, lifecycle, now):
        return None
    # As intake does it: the conversation first, then all tickets that it could go on in.
    conversations = await repository.claim_conversations({ticket.conversation_id})
    current = conversations[ticket.conversation_id]
    of_line = await repository.lock_lines({ticket_id, current or ticket_id}, numbers=(), diverted_from=())
    # It may have become somebody else's until now.
    ticket = await locked(session, ticket_id, own=own)
    await check_thread(session, ticket, seen, kind=MessageKind.CUSTOMER, now=now)
    # While tickets follow a merge of customers, some are of one profile and some of the other.
    customers = await CustomerRepository(session).currents({each.requester.customer_id for each in of_line})
    line = _Line({each.id: each for each in of_line}, customers, ticket.requester.customer_id, lifecycle, now)
    journal = Journal(session)
    if (before := line.open()) is not None:
        author = as_actor(ticket.requester)
        message = new_message(
            before, MessageKind.CUSTOMER, author, text, now, channel=Channel.FORM, attachments=attachments
        )
        after = with_customer_message(before, message)
        journal.change(before, after, actor=author, cause="reply", at=now, message=message)
        await journal.write()
        return message.id
    follow_up = Ticket(
        id=uuid7(),
        subject=subject_of(ticket.subject, text),
        channel=Channel.FORM,
        requester=ticket.requester,
        # A conversation that goes on in a ticket of somebody else stays there.
        conversation_id=ticket.conversation_id if line.theirs(current) else uuid7(),
        created_at=now,
        updated_at=now,
        priority=default_priority(None, ticket.type),
        type=ticket.type,
        type_key=ticket.type_key,
        language=ticket.language,
        brand=ticket.brand,
        follow_up_of=ticket.id,
    )
    author = as_actor(ticket.requester)
    message = new_message(follow_up, MessageKind.CUSTOMER, author, text, now, attachments=attachments)
    journal.create(follow_up, message, actor=author, cause="reply")
    await journal.write()
    await repository.set_conversations({follow_up.conversation_id: follow_up.id})
    await repository.add_participants({(follow_up.id, ticket.requester.customer_id)})
    return message.id


@dataclass(frozen=True, slots=True)
class _Line:
    """A ticket, what follows it up, and what of that was merged into what."""

    tickets: dict[UUID, Ticket]
    customers: Mapping[UUID, UUID]
    customer_id: UUID
    lifecycle: Lifecycle
    now: datetime

    def theirs(self, ticket_id: UUID | None) -> bool:
        """Whether the ticket is one of the line, and the customer's."""
        if ticket_id not in self.tickets:
            return False
        return self.customers[self.tickets[ticket_id].requester.customer_id] == self.customers[self.customer_id]

    def open(self) -> Ticket | None:
        """The customer's newest ticket that goes on."""
        going_on = (
            ticket
            for ticket in self.tickets.values()
            if self.theirs(ticket.id) and not is_over(ticket, self.lifecycle, self.now)
        )
        return max(going_on, key=lambda ticket: ticket.created_at, default=None)
