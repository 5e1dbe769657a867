"""Messages from outside: whole batches become tickets and threads in a bounded number of statements."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import Identity, identity
from services.tickets.domain.texts import MAX_TEXT_BYTES, cut, storable, subject_of
from services.tickets.domain.threads import Candidate, Decision, Evidence, Hold, Join, OpenNew, decide
from services.tickets.domain.ticket import (
    Message,
    Ticket,
    default_priority,
    with_customer_message,
    with_message,
)
from services.tickets.repository import CustomerRepository, Delivery, MessageRepository, Profile, TicketRepository
from services.tickets.service.journal import Journal
from shared.events import Event
from shared.events.common import Actor, ActorKind, Requester, TicketStatus, TicketType
from shared.events.messages import MessageDelivered, MessageFailed, MessageReceived
from shared.events.tickets import MessageKind
from shared.ids import uuid7

_SELF = Actor(kind=ActorKind.SYSTEM, id="tickets", name="desk")
_MAX_NAME_CHARS = 200
# PostgreSQL's bigint; a subject may claim any number.
_MAX_NUMBER = 2**63


async def receive_messages(session: AsyncSession, events: Sequence[Event[MessageReceived]]) -> None:
    """Put each message into the ticket it continues, or open one for it. A message that is there already is skipped."""
    known = await MessageRepository(session).known({event.data.message_id for event in events})
    fresh: dict[UUID, Event[MessageReceived]] = {}
    for event in events:
        if event.data.message_id not in known:
            fresh.setdefault(event.data.message_id, event)
    if not fresh:
        return
    intake = await _Intake.prepare(session, list(fresh.values()))
    for event in fresh.values():
        intake.take(event)
    await intake.write()


async def keep_delivered(session: AsyncSession, events: Sequence[Event[MessageDelivered]]) -> None:
    """Note that replies were accepted by the next hop."""
    await MessageRepository(session).set_deliveries(
        [
            Delivery(data.message_id, "delivered", None, data.external_id, data.delivered_at)
            for data in (event.data for event in events)
        ]
    )


async def keep_failed(session: AsyncSession, events: Sequence[Event[MessageFailed]]) -> None:
    """Note that replies could not be delivered, and why."""
    await MessageRepository(session).set_deliveries(
        [
            Delivery(data.message_id, "failed", storable(data.reason), None, data.failed_at)
            for data in (event.data for event in events)
        ]
    )


@dataclass(slots=True)
class _Intake:
    """What a batch needs to know, read and locked beforehand, and what it has decided so far.

    Later messages of the batch see what earlier ones did: `tickets`, `conversations` and `participants` are kept up
    to date while the journal collects.
    """

    session: AsyncSession
    journal: Journal
    requesters: dict[Identity, Requester]
    conversations: dict[UUID, UUID | None]
    tickets: dict[UUID, Ticket]
    participants: set[tuple[UUID, UUID]]
    new_participants: set[tuple[UUID, UUID]]
    new_conversations: dict[UUID, UUID]

    @classmethod
    async def prepare(cls, session: AsyncSession, events: Sequence[Event[MessageReceived]]) -> "_Intake":
        """Resolve the senders, lock the conversations and the tickets that the messages may belong to."""
        data = [event.data for event in events]
        profiles: dict[Identity, Profile] = {}
        for message in data:
            profiles.setdefault(_identity(message), _profile(message))
        requesters = await CustomerRepository(session).resolve(profiles, min(message.received_at for message in data))

        repository = TicketRepository(session)
        own = {message.conversation_id for message in data}
        conversations = await repository.claim_conversations(own, _present(_evidence_conversations(data)))
        numbers = {
            number for message in data if (number := message.evidence.ticket_number) and 0 < number < _MAX_NUMBER
        }
        tickets = await repository.lock_lines(_present(conversations.values()), numbers=numbers, diverted_from=own)
        return cls(
            session=session,
            journal=Journal(session),
            requesters=requesters,
            conversations=conversations,
            tickets={ticket.id: ticket for ticket in tickets},
            participants=await repository.participants({ticket.id for ticket in tickets}),
            new_participants=set(),
            new_conversations={},
        )

    def take(self, event: Event[MessageReceived]) -> None:
        """Decide where one message goes, and note it."""
        data = event.data
        requester = self.requesters[_identity(data)]
        decision = decide(self._evidence(data, requester.customer_id), auto_submitted=data.auto_submitted)
        match decision:
            case Join(ticket_id):
                before = self.tickets[ticket_id]
                message = _message(data, ticket_id, requester, MessageKind.CUSTOMER)
                self._add(before, with_customer_message(before, message), message, event)
                self._take_part(ticket_id, requester.customer_id)
            case Hold(ticket_id):
                # Whoever sent it, a machine answered: that makes nobody a participant.
                before = self.tickets[ticket_id]
                message = _message(data, ticket_id, requester, MessageKind.SYSTEM)
                self._add(before, with_message(before, message), message, event)
            case OpenNew():
                self._open(data, requester, decision, event)

    async def write(self) -> None:
        """Write what was decided."""
        await self.journal.write()
        repository = TicketRepository(self.session)
        await repository.set_conversations(self.new_conversations)
        await repository.add_participants(self.new_participants)

    def _add(self, before: Ticket, after: Ticket, message: Message, event: Event[MessageReceived]) -> None:
        self.tickets[before.id] = self.journal.change(
            before,
            after,
            actor=message.author,
            cause="message.received",
            at=message.added_at,
            message=message,
            trigger=event,
        )
        if self.conversations.get(event.data.conversation_id) is None:
            self._continue(event.data.conversation_id, before.id)

    def _open(
        self, data: MessageReceived, requester: Requester, decision: OpenNew, event: Event[MessageReceived]
    ) -> None:
        diverted = not self._may_take_over(data.conversation_id, requester.customer_id, decision)
        ticket = _new_ticket(data, requester, decision)
        if diverted:
            ticket = replace(ticket, conversation_id=uuid7(), diverted_from=data.conversation_id)
        message = _message(data, ticket.id, requester, MessageKind.CUSTOMER)
        ticket = self.journal.create(ticket, message, actor=message.author, cause="message.received", trigger=event)
        if decision.note:
            ticket = self._annotate(ticket, decision.note, event)
        self.tickets[ticket.id] = ticket
        self._take_part(ticket.id, requester.customer_id)
        self._continue(ticket.conversation_id, ticket.id)

    def _annotate(self, ticket: Ticket, text: str, event: Event[MessageReceived]) -> Ticket:
        note = Message(
            id=uuid7(),
            ticket_id=ticket.id,
            kind=MessageKind.NOTE,
            author=_SELF,
            text=text,
            channel=ticket.channel,
            added_at=ticket.created_at,
        )
        return self.journal.change(
            ticket,
            with_message(ticket, note),
            actor=_SELF,
            cause="threading",
            at=ticket.created_at,
            message=note,
            trigger=event,
        )

    def _may_take_over(self, conversation_id: UUID, customer_id: UUID, decision: Decision) -> bool:
        """Whether the conversation continues in the new ticket.

        A conversation that belongs to a ticket of others stays there: the replies of those who are in it would land in
        the newcomer's ticket otherwise. The newcomer gets a conversation of their own.
        """
        current = self.conversations.get(conversation_id)
        if current is None:
            return True
        return (
            isinstance(decision, OpenNew)
            and decision.follow_up_of == current
            and (current, customer_id) in self.participants
        )

    def _continue(self, conversation_id: UUID, ticket_id: UUID) -> None:
        self.conversations[conversation_id] = ticket_id
        self.new_conversations[conversation_id] = ticket_id

    def _take_part(self, ticket_id: UUID, customer_id: UUID) -> None:
        pair = (ticket_id, customer_id)
        if pair not in self.participants:
            self.participants.add(pair)
            self.new_participants.add(pair)

    def _evidence(self, data: MessageReceived, customer_id: UUID) -> Evidence:
        stated = data.evidence
        current = self._ticket_of(data.conversation_id)
        return Evidence(
            token=self._candidate(self._ticket_of(stated.token_conversation_id), customer_id),
            reference=self._candidate(self._ticket_of(stated.reference_conversation_id), customer_id),
            conversation=self._candidate(current, customer_id),
            # Only a conversation that is somebody's can have turned the sender away.
            own=self._candidate(self._diverted(data.conversation_id, customer_id), customer_id) if current else None,
            numbered=self._candidate(self._numbered(stated.ticket_number), customer_id),
            authentication=stated.authentication,
        )

    def _diverted(self, conversation_id: UUID, customer_id: UUID) -> Ticket | None:
        """The newest ticket the customer got when the conversation did not let them in."""
        diverted = (
            ticket
            for ticket in self.tickets.values()
            if ticket.diverted_from == conversation_id and ticket.requester.customer_id == customer_id
        )
        return max(diverted, key=lambda ticket: ticket.created_at, default=None)

    def _numbered(self, number: int | None) -> Ticket | None:
        return next((ticket for ticket in self.tickets.values() if ticket.number == number), None) if number else None

    def _ticket_of(self, conversation_id: UUID | None) -> Ticket | None:
        ticket_id = self.conversations.get(conversation_id) if conversation_id else None
        return self.tickets[ticket_id] if ticket_id else None

    def _followed(self, ticket: Ticket, customer_id: UUID) -> Ticket:
        """The customer's newest open follow-up of a closed ticket, or the ticket itself."""
        if ticket.status is not TicketStatus.CLOSED:
            return ticket
        follow_ups: list[Ticket] = []
        line = {ticket.id}
        for other in sorted(self.tickets.values(), key=lambda other: other.created_at):
            if other.follow_up_of in line:
                line.add(other.id)
                if other.status is not TicketStatus.CLOSED and (other.id, customer_id) in self.participants:
                    follow_ups.append(other)
        return follow_ups[-1] if follow_ups else ticket

    def _candidate(self, ticket: Ticket | None, customer_id: UUID) -> Candidate | None:
        if ticket is None:
            return None
        ticket = self._followed(ticket, customer_id)
        return Candidate(
            ticket_id=ticket.id,
            number=ticket.number,
            status=ticket.status,
            takes_part=(ticket.id, customer_id) in self.participants,
        )


def _identity(data: MessageReceived) -> Identity:
    return identity(data.sender.kind, storable(data.sender.address))


def _profile(data: MessageReceived) -> Profile:
    sender = data.sender
    return Profile(
        name=storable(sender.name).strip()[:_MAX_NAME_CHARS],
        language=sender.language,
        region=sender.region,
        time_zone=sender.time_zone,
        tier=sender.tier,
    )


def _message(data: MessageReceived, ticket_id: UUID, requester: Requester, kind: MessageKind) -> Message:
    text = storable(data.text)
    bounded = cut(text, MAX_TEXT_BYTES)
    return Message(
        id=data.message_id,
        ticket_id=ticket_id,
        kind=kind,
        author=Actor(kind=ActorKind.CUSTOMER, id=str(requester.customer_id), name=requester.name),
        text=bounded,
        channel=data.channel,
        added_at=data.received_at,
        external_id=storable(data.external_id) if data.external_id else None,
        attachments=tuple(one.model_copy(update={"name": storable(one.name)}) for one in data.attachments),
        text_truncated=data.text_truncated or len(bounded) < len(text),
        raw_key=data.raw_key,
    )


def _new_ticket(data: MessageReceived, requester: Requester, decision: OpenNew) -> Ticket:
    type_ = data.ticket_type or TicketType.QUESTION
    return Ticket(
        id=uuid7(),
        subject=subject_of(data.subject, data.text),
        channel=data.channel,
        requester=requester,
        conversation_id=data.conversation_id,
        created_at=data.received_at,
        updated_at=data.received_at,
        priority=default_priority(data.priority, type_),
        type=type_,
        language=data.language,
        tags=tuple(dict.fromkeys(storable(tag) for tag in data.tags)),
        brand=data.brand,
        follow_up_of=decision.follow_up_of,
    )


def _evidence_conversations(messages: Iterable[MessageReceived]) -> Iterator[UUID | None]:
    for message in messages:
        yield message.evidence.token_conversation_id
        yield message.evidence.reference_conversation_id


def _present(values: Iterable[UUID | None]) -> set[UUID]:
    return {value for value in values if value is not None}
