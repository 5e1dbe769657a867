"""Messages from outside: whole batches become tickets and threads in a bounded number of statements."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.edits import is_over
from services.tickets.domain.fields import indexed
from services.tickets.domain.identity import Identity
from services.tickets.domain.lifecycle import DEFAULT, Lifecycle
from services.tickets.domain.merges import merged_into
from services.tickets.domain.subjects import has_drifted
from services.tickets.domain.texts import storable, subject_of
from services.tickets.domain.threads import Candidate, Decision, Evidence, Hold, Join, OpenNew, decide
from services.tickets.domain.ticket import (
    Message,
    Ticket,
    with_customer_message,
    with_message,
)
from services.tickets.repository import (
    CustomerRepository,
    Delivery,
    MessageRepository,
    Profile,
    SettingsRepository,
    TicketRepository,
)
from services.tickets.repository.rows import AnyRow
from services.tickets.service.agents_by_mail import agents_writing, answered, may_answer, may_forward
from services.tickets.service.forms import filled
from services.tickets.service.incoming import (
    copied,
    forwarded_from,
    identity_of,
    identity_of_sender,
    link_has_ended,
    message_of,
    profile_of,
    ticket_of,
)
from services.tickets.service.journal import Journal
from services.tickets.service.settings import lifecycle_of
from services.tickets.service.threads import as_actor
from shared.events import Event
from shared.events.common import Actor, ActorKind, Channel, Requester, TicketStatus
from shared.events.messages import MessageDelivered, MessageFailed, MessageReceived
from shared.events.tickets import MessageKind
from shared.ids import uuid7

_SELF = Actor(kind=ActorKind.SYSTEM, id="tickets", name="desk")
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
            Delivery(data.message_id, "delivered", _refusals(data), data.external_id, data.delivered_at)
            for data in (event.data for event in events)
        ]
    )


def _refusals(data: MessageDelivered) -> str | None:
    """For agents: who did not get a copy, and why."""
    told = "; ".join(f"{address}: {reason}" for address, reason in data.refused.items())
    return storable(told) or None


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
    lifecycle: Lifecycle
    # Those who work here, by the addresses they write from; asked for only where a message may be one of theirs.
    agents: Mapping[Identity, AnyRow]
    requesters: dict[Identity, Requester]
    conversations: dict[UUID, UUID | None]
    tickets: dict[UUID, Ticket]
    participants: dict[tuple[UUID, UUID], bool]
    new_participants: set[tuple[UUID, UUID]]
    new_conversations: dict[UUID, UUID]
    # What lists are filtered by of what visitors filled in.
    filled: dict[UUID, list[tuple[str, str | None, Decimal | None]]]

    @classmethod
    async def prepare(cls, session: AsyncSession, events: Sequence[Event[MessageReceived]]) -> "_Intake":
        """Resolve the senders, lock the conversations and the tickets that the messages may belong to."""
        data = [event.data for event in events]
        agents = await agents_writing(session, data)
        profiles: dict[Identity, Profile] = {}
        for message in data:
            agent = agents.get(identity_of(message))
            if may_answer(agent, message):
                continue
            if message.forwarded_from and may_forward(agent, message):
                profiles.setdefault(identity_of_sender(message.forwarded_from), profile_of(message.forwarded_from))
            profiles.setdefault(identity_of(message), profile_of(message.sender))
            for address in copied(message):
                if address not in agents:
                    profiles.setdefault(address, Profile())
        requesters = await CustomerRepository(session).resolve(profiles, min(message.received_at for message in data))

        repository = TicketRepository(session)
        own = {message.conversation_id for message in data}
        conversations = await repository.claim_conversations(own, _present(_evidence_conversations(data)))
        numbers = {
            number for message in data if (number := message.evidence.ticket_number) and 0 < number < _MAX_NUMBER
        }
        of_agents = {message.evidence.agent.ticket_id for message in data if message.evidence.agent}
        locked = await repository.lock_lines(
            _present(conversations.values()) | of_agents,
            numbers=numbers,
            diverted_from=own,
            customers={requester.customer_id for requester in requesters.values()},
        )
        tickets = {ticket.id: ticket for ticket in locked}
        # It matters to agents, and to what is solved, and that is rarely written to.
        ruled = bool(of_agents) or any(ticket.status is TicketStatus.SOLVED for ticket in locked)
        ruled = ruled or any(message.form for message in data)
        return cls(
            session=session,
            journal=Journal(session),
            lifecycle=await lifecycle_of(session) if ruled else DEFAULT,
            agents=agents,
            requesters=requesters,
            conversations=conversations,
            tickets=tickets,
            participants=await repository.participants(tickets.keys()),
            new_participants=set(),
            new_conversations={},
            filled={},
        )

    def take(self, event: Event[MessageReceived]) -> None:
        """Decide where one message goes, and note it."""
        data = event.data
        agent = self.agents.get(identity_of(data))
        if agent is not None and may_answer(agent, data):
            self._answer(agent, event)
            return
        requester = self.requesters[identity_of(data)]
        decision = decide(self._evidence(data, requester.customer_id), auto_submitted=data.auto_submitted)
        match decision:
            case Join(ticket_id, across):
                before = self.tickets[ticket_id]
                across = across and requester.customer_id != before.requester.customer_id
                aside = across or self.participants.get((ticket_id, requester.customer_id), False)
                # What came with the ticket of another customer is no business of this one's requester.
                kind = MessageKind.SYSTEM if aside else MessageKind.CUSTOMER
                if _is_for_colleagues(data, agent):
                    kind = MessageKind.NOTE
                copies = {} if aside else self._copies(data, before)
                message = replace(message_of(data, ticket_id, as_actor(requester), kind), cc=tuple(copies))
                self._add(before, with_customer_message(before, message), message, event)
                self._take_part(ticket_id, requester.customer_id, aside=aside)
                self._let_in(ticket_id, copies)
            case Hold(ticket_id):
                # Whoever sent it, a machine answered: that makes nobody a participant.
                before = self.tickets[ticket_id]
                message = message_of(data, ticket_id, as_actor(requester), MessageKind.SYSTEM)
                self._add(before, with_message(before, message), message, event)
            case OpenNew():
                self._open(data, requester, agent, decision, event)

    async def write(self) -> None:
        """Write what was decided."""
        await self.journal.write()
        repository = TicketRepository(self.session)
        await repository.set_conversations(self.new_conversations)
        aside = {pair for pair in self.new_participants if self.participants[pair]}
        await repository.add_participants(self.new_participants, aside=aside)
        await SettingsRepository(self.session).index_all(self.filled, new=True)

    def _add(
        self,
        before: Ticket,
        after: Ticket,
        message: Message,
        event: Event[MessageReceived],
        cause: str = "message.received",
    ) -> None:
        self.tickets[before.id] = self.journal.change(
            before,
            after,
            actor=message.author,
            cause=cause,
            at=message.added_at,
            message=message,
            trigger=event,
        )
        if self.conversations.get(event.data.conversation_id) is None:
            self._continue(event.data.conversation_id, before.id)

    def _answer(self, agent: AnyRow, event: Event[MessageReceived]) -> None:
        """What an agent answered from their own mail program, as they would have in the desk."""
        data = event.data
        assert data.evidence.agent is not None
        before = self._last(self.tickets[data.evidence.agent.ticket_id])
        author = Actor(kind=ActorKind.AGENT, id=str(agent.id), name=agent.name)
        written = message_of(data, before.id, author, MessageKind.NOTE)
        message, after, refused = answered(
            before, written, self.lifecycle, role=agent.role, as_note=data.evidence.agent.as_note
        )
        self._add(before, after, message, event, cause="reply" if message.kind is MessageKind.REPLY else "note")
        if refused:
            note = f"This answer came by mail and was not sent: {refused}"
            self.tickets[before.id] = self._annotate(self.tickets[before.id], note, event)

    def _open(
        self,
        data: MessageReceived,
        sender: Requester,
        agent: AnyRow | None,
        decision: OpenNew,
        event: Event[MessageReceived],
    ) -> None:
        actor, requester, offered = as_actor(sender), sender, data.forwarded_from
        kind = MessageKind.NOTE if _is_for_colleagues(data, agent) else MessageKind.CUSTOMER
        if offered and decision.review is None and may_forward(agent, data):
            # An agent vouches for whom it is from, and is no customer.
            assert agent is not None
            actor = Actor(kind=ActorKind.AGENT, id=str(agent.id), name=agent.name)
            requester, offered = self.requesters[identity_of_sender(offered)], None
        diverted = not self._may_take_over(data.conversation_id, requester.customer_id, decision)
        ticket = ticket_of(data, requester, decision)
        if kind is MessageKind.NOTE:
            ticket = replace(ticket, subject=subject_of(data.subject, ""))
        if offered:
            ticket = replace(ticket, forwarded_from=forwarded_from(offered))
        if data.form is not None:
            ticket = filled(ticket, data.form, self.lifecycle, data.received_at)
        if diverted:
            ticket = replace(ticket, conversation_id=uuid7(), diverted_from=data.conversation_id)
        copies = {} if decision.review else self._copies(data, ticket)
        message = replace(message_of(data, ticket.id, actor, kind), cc=tuple(copies))
        ticket = self.journal.create(ticket, message, actor=actor, cause="message.received", trigger=event)
        if decision.note:
            ticket = self._annotate(ticket, decision.note, event)
        self.tickets[ticket.id] = ticket
        if ticket.fields:
            self.filled[ticket.id] = list(indexed(self.lifecycle.fields, ticket.fields))
        self._take_part(ticket.id, requester.customer_id, aside=False)
        self._let_in(ticket.id, copies)
        self._continue(ticket.conversation_id, ticket.id)

    def _copies(self, data: MessageReceived, ticket: Ticket) -> dict[str, UUID]:
        """Customers who got a copy of a mail whose sender is certain, by address, but for the requester.

        Who works here is no customer: what comes in under an agent's name without a token would join by that.
        """
        people = {each.address: self.requesters[each].customer_id for each in copied(data) if each not in self.agents}
        return {address: id_ for address, id_ in people.items() if id_ != ticket.requester.customer_id}

    def _let_in(self, ticket_id: UUID, copies: Mapping[str, UUID]) -> None:
        for customer_id in copies.values():
            self._take_part(ticket_id, customer_id, aside=False)

    def _annotate(self, ticket: Ticket, text: str, event: Event[MessageReceived]) -> Ticket:
        note = Message(
            id=uuid7(),
            ticket_id=ticket.id,
            kind=MessageKind.NOTE,
            author=_SELF,
            text=text,
            channel=ticket.channel,
            added_at=event.data.received_at,
        )
        return self.journal.change(
            ticket,
            with_message(ticket, note),
            actor=_SELF,
            cause="threading",
            at=note.added_at,
            message=note,
            trigger=event,
        )

    def _may_take_over(self, conversation_id: UUID, customer_id: UUID, decision: Decision) -> bool:
        """Whether the conversation continues in the new ticket.

        A conversation that belongs to a ticket of others stays there: the replies of those who are in it would land in
        the newcomer's ticket otherwise. The newcomer gets a conversation of their own.
        """
        current = self._ticket_of(conversation_id)
        if current is None:
            return True
        last = self._last(current)
        return (
            isinstance(decision, OpenNew)
            and decision.follow_up_of == last.id
            and (last.id, customer_id) in self.participants
        )

    def _continue(self, conversation_id: UUID, ticket_id: UUID) -> None:
        self.conversations[conversation_id] = ticket_id
        self.new_conversations[conversation_id] = ticket_id

    def _take_part(self, ticket_id: UUID, customer_id: UUID, *, aside: bool) -> None:
        pair = (ticket_id, customer_id)
        if pair not in self.participants:
            self.participants[pair] = aside
            self.new_participants.add(pair)

    def _evidence(self, data: MessageReceived, customer_id: UUID) -> Evidence:
        stated = data.evidence
        current = self._ticket_of(data.conversation_id)
        named = self._ticket_of(stated.token_conversation_id)

        def candidate(ticket: Ticket | None) -> Candidate | None:
            return self._candidate(ticket, customer_id, data) if ticket else None

        token = candidate(named)
        reference = candidate(self._ticket_of(stated.reference_conversation_id))
        ended = bool(named and token and link_has_ended(data, named, token.ticket_id))
        if data.channel is Channel.EMAIL and identity_of(data) in self.agents and not data.auto_submitted:
            # Colleagues get copies of replies: that makes them no customers, nor whoever writes under their names.
            token, reference = None, token or reference
        return Evidence(
            token=token,
            reference=reference,
            conversation=candidate(current),
            # Only a conversation that is somebody's can have turned the sender away.
            own=candidate(self._diverted(data.conversation_id, customer_id)) if current else None,
            numbered=candidate(self._numbered(stated.ticket_number)),
            agent=candidate(self.tickets.get(stated.agent.ticket_id)) if stated.agent else None,
            authentication=stated.authentication,
            ended=ended,
        )

    def _diverted(self, conversation_id: UUID, customer_id: UUID) -> Ticket | None:
        """The newest ticket the customer got when the conversation did not let them in."""
        diverted = (
            ticket
            for ticket in self.tickets.values()
            if ticket.diverted_from == conversation_id and (ticket.id, customer_id) in self.participants
        )
        return max(diverted, key=lambda ticket: ticket.created_at, default=None)

    def _numbered(self, number: int | None) -> Ticket | None:
        return next((ticket for ticket in self.tickets.values() if ticket.number == number), None) if number else None

    def _ticket_of(self, conversation_id: UUID | None) -> Ticket | None:
        ticket_id = self.conversations.get(conversation_id) if conversation_id else None
        return self.tickets[ticket_id] if ticket_id else None

    def _last(self, ticket: Ticket) -> Ticket:
        """Where a ticket goes on: in the one it was merged into, or in itself."""
        return self.tickets[merged_into(ticket.id, self.tickets)]

    def _is_over(self, ticket: Ticket, now: datetime) -> bool:
        return is_over(ticket, self.lifecycle, now)

    def _followed(self, ticket: Ticket, customer_id: UUID, now: datetime) -> Ticket:
        """The customer's newest follow-up of a ticket that is over, and is not over itself; or the ticket itself."""
        if not self._is_over(ticket, now):
            return ticket
        follow_ups: list[Ticket] = []
        line = {ticket.id}
        for other in sorted(self.tickets.values(), key=lambda other: other.created_at):
            if other.follow_up_of in line:
                line.add(other.id)
                last = self._last(other)
                if not self._is_over(last, now) and (last.id, customer_id) in self.participants:
                    follow_ups.append(last)
        return follow_ups[-1] if follow_ups else ticket

    def _candidate(self, named: Ticket, customer_id: UUID, data: MessageReceived) -> Candidate:
        now = data.received_at
        last = self._last(named)
        ticket = self._followed(last, customer_id, now)
        return Candidate(
            ticket_id=ticket.id,
            number=ticket.number,
            over=self._is_over(ticket, now),
            takes_part=(ticket.id, customer_id) in self.participants,
            across=named.requester.customer_id != last.requester.customer_id,
            drifted=ticket.status is TicketStatus.SOLVED
            and data.channel is Channel.EMAIL
            # Whoever left its number there, and agents who gave it another subject, still mean the ticket.
            and data.evidence.ticket_number != ticket.number
            and has_drifted(ticket.subject, data.subject),
        )


def _is_for_colleagues(data: MessageReceived, agent: AnyRow | None) -> bool:
    """Whether it is a forward under an agent's name: what they wrote above it is not for the customer.

    Nothing proves where that ends. Nor is it for the customer where it is not certain that an agent wrote it.
    """
    return data.forwarded_from is not None and agent is not None


def _evidence_conversations(messages: Iterable[MessageReceived]) -> Iterator[UUID | None]:
    for message in messages:
        yield message.evidence.token_conversation_id
        yield message.evidence.reference_conversation_id


def _present(values: Iterable[UUID | None]) -> set[UUID]:
    return {value for value in values if value is not None}
