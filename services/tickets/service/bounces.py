"""Replies that left and did not arrive."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.texts import storable
from services.tickets.repository import Delivery, MessageRepository, TicketRepository
from services.tickets.service.journal import Journal
from shared.events import Event
from shared.events.common import Actor, ActorKind
from shared.events.messages import MessageBounced
from shared.events.tickets import FieldChange

_MAIL = Actor(kind=ActorKind.SYSTEM, id="mail", name="mail")


async def keep_bounced(session: AsyncSession, events: Sequence[Event[MessageBounced]]) -> None:
    """Note at which recipients replies did not arrive, and tell those who watch their tickets.

    A ticket that was merged since is not changed any more: there the reply tells it alone.
    """
    messages = MessageRepository(session)
    tickets = {ticket.id: ticket for ticket in await TicketRepository(session).lock_many(_tickets_of(events))}
    journal = Journal(session)
    for event in events:
        data = event.data
        detail = storable(": ".join(filter(None, (data.recipient, data.reason or data.status))))
        if not await messages.set_bounced(Delivery(data.message_id, "bounced", detail, None, data.bounced_at)):
            continue
        ticket = tickets.get(data.ticket_id)
        if ticket is not None and ticket.merged_into is None:
            told = {
                "message_id": str(data.message_id),
                "recipient": storable(data.recipient),
                "reason": storable(data.reason),
                "status": data.status,
                "is_permanent": data.is_permanent,
            }
            journal.remark(
                ticket,
                actor=_MAIL,
                cause="message.bounced",
                at=data.bounced_at,
                remarks={"bounced": FieldChange(before=None, after=told)},
                trigger=event,
            )
    await journal.write()


def _tickets_of(events: Sequence[Event[MessageBounced]]) -> set[UUID]:
    return {event.data.ticket_id for event in events}
