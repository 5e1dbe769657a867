"""The one way to change tickets: it moves versions, writes history and records events, and does nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.ticket import Message, Ticket, differences, is_withheld, moved, snapshot, with_message
from services.tickets.domain.via import Via
from services.tickets.repository import MessageRepository, TicketRepository
from shared.events import Event
from shared.events.accounts import Role
from shared.events.common import Actor
from shared.events.messages import MessageReceived
from shared.events.tickets import (
    FieldChange,
    MessageKind,
    ThreadMessage,
    TicketChanged,
    TicketCreated,
    TicketMessageAdded,
    TicketRoutingDeclined,
)
from shared.messaging import outbox
from shared.web import caller_of
from shared.web.problem import NotFound

Trigger = Event[Any] | None

_NO_REMARKS: Mapping[str, FieldChange] = {}


async def locked(session: AsyncSession, ticket_id: UUID, *, own: UUID | None = None) -> Ticket:
    """The ticket, locked until this transaction ends. Raises NotFound, also if it is not one of the account `own`."""
    ticket = await TicketRepository(session).lock(ticket_id, account_id=own)
    if ticket is None:
        raise NotFound("There is no such ticket.")
    return ticket


@dataclass(slots=True)
class _Entry:
    """One change of one ticket: what it was for, and the ticket right after it."""

    ticket: Ticket
    actor: Actor
    cause: str
    at: datetime
    trigger: Trigger
    created: bool = False
    changes: Mapping[str, FieldChange] = field(default_factory=dict)
    # For the history alone.
    remarks: Mapping[str, FieldChange] = field(default_factory=dict)
    message: Message | None = None
    declined: tuple[UUID, str] | None = None
    # For who watches alone.
    leaving: FieldChange | None = None


@dataclass(slots=True)
class Journal:
    """The changes of one transaction, in order, for one or many tickets.

    `create`, `change`, `remark`, `tell`, `note` and `decline` only collect; `write` then makes every table follow with
    one statement each, and records the events. Tickets that are changed have to be locked by this transaction.

    With `tells` off no event tells of it: what comes from another desk happened long ago, and nobody is to act on it.
    """

    session: AsyncSession
    tells: bool = True
    # Through what all of it came; None for what the transaction itself is for: a request, an event, or a timer.
    via: Via | None = None
    _entries: list[_Entry] = field(default_factory=list)
    # Tickets with facts that no entry since has taken along.
    _noted: dict[UUID, Ticket] = field(default_factory=dict)

    def create(self, ticket: Ticket, message: Message, *, actor: Actor, cause: str, trigger: Trigger = None) -> Ticket:
        """A ticket comes into being with its first message. Its number is given by `write`."""
        ticket = with_message(ticket, message)
        self._entries.append(_Entry(ticket, actor, cause, ticket.created_at, trigger, created=True, message=message))
        return ticket

    def change(
        self,
        before: Ticket,
        after: Ticket,
        *,
        actor: Actor,
        cause: str,
        at: datetime,
        message: Message | None = None,
        remarks: Mapping[str, FieldChange] = _NO_REMARKS,
        trigger: Trigger = None,
    ) -> Ticket:
        """A ticket became `after`, by a message or by other means; returns it with its versions moved.

        Nothing is collected where neither a field changed nor a message came. `remarks` stand in the history beside
        the fields that changed.
        """
        changes = differences(before, after)
        if not changes and message is None:
            return before
        ticket = moved(before, after, set(changes), at)
        self._entries.append(
            _Entry(ticket, actor, cause, at, trigger, changes=changes, remarks=remarks, message=message)
        )
        self._noted.pop(ticket.id, None)
        return ticket

    def remark(
        self,
        ticket: Ticket,
        *,
        actor: Actor,
        cause: str,
        at: datetime,
        remarks: Mapping[str, FieldChange],
        trigger: Trigger = None,
    ) -> None:
        """Something happened around a ticket, which stays as it is: the history tells, and no event.

        With a `trigger` from outside it is news, and an event tells it too.
        """
        self._entries.append(_Entry(ticket, actor, cause, at, trigger, remarks=remarks))

    def tell(self, ticket: Ticket, leaving: FieldChange, *, actor: Actor, cause: str, at: datetime) -> None:
        """A reply is to leave later, or is not any more: an event tells those who watch, and no history."""
        self._entries.append(_Entry(ticket, actor, cause, at, None, leaving=leaving))

    def note(self, before: Ticket, after: Ticket) -> Ticket:
        """A fact about a ticket that is there: it is written, but moves no version, and nothing tells of it."""
        if after != before:
            self._noted[after.id] = after
        return after

    def decline(
        self, ticket: Ticket, *, decision_id: UUID, reason: str, actor: Actor, at: datetime, trigger: Trigger
    ) -> None:
        """A routing proposal is not applied; the ticket stays as it is."""
        self._entries.append(_Entry(ticket, actor, "routing.declined", at, trigger, declined=(decision_id, reason)))

    async def write(self) -> dict[UUID, Ticket]:
        """Write all that was collected; returns the tickets that were written, by a note alone too, as they are now."""
        await self._give_numbers()
        done = [entry for entry in self._entries if entry.declined is None and entry.leaving is None]
        created = {entry.ticket.id for entry in done if entry.created}
        final = {entry.ticket.id: entry.ticket for entry in done if entry.message or entry.changes} | self._noted
        tickets = TicketRepository(self.session)
        await tickets.insert([ticket for ticket in final.values() if ticket.id in created])
        await tickets.update([ticket for ticket in final.values() if ticket.id not in created])
        await MessageRepository(self.session).insert([_message_row(entry) for entry in done if entry.message])
        await tickets.add_history([_history_row(entry, self._through(entry)) for entry in done])
        for entry in self._entries if self.tells else ():
            self._record(entry)
        self._entries, self._noted = [], {}
        return final

    def _through(self, entry: _Entry) -> Via:
        if self.via is not None:
            return self.via
        if entry.trigger is not None:
            told = entry.trigger.data
            return Via(told.channel) if isinstance(told, MessageReceived) else Via.SYSTEM
        caller = caller_of(self.session)
        if caller is None:
            return Via.TIMER
        if caller.key_id is not None:
            return Via.API
        return Via.PORTAL if caller.role is Role.CUSTOMER else Via.WEB

    async def _give_numbers(self) -> None:
        new = [entry.ticket.id for entry in self._entries if entry.created]
        if not new:
            return
        numbers = dict(zip(new, await TicketRepository(self.session).reserve_numbers(len(new)), strict=True))
        for entry in self._entries:
            if entry.ticket.id in numbers:
                entry.ticket = replace(entry.ticket, number=numbers[entry.ticket.id])

    def _record(self, entry: _Entry) -> None:
        ticket = snapshot(entry.ticket)
        if entry.declined:
            decision_id, reason = entry.declined
            self._send(entry, TicketRoutingDeclined(ticket=ticket, decision_id=decision_id, reason=reason))
            return
        if entry.message:
            message = _told(entry.message, entry.ticket)
            if entry.created:
                self._send(entry, TicketCreated(ticket=ticket, message=message, actor=entry.actor))
            else:
                mentions = tuple(mention.id for mention in entry.message.mentions)
                said = entry.message
                added = TicketMessageAdded(
                    ticket=ticket, message=message, mentions=mentions, html=said.html, cc=said.cc
                )
                self._send(entry, added)
        around = entry.remarks if entry.trigger is not None and not (entry.changes or entry.message) else {}
        if changes := {"leaving": entry.leaving} if entry.leaving else {**entry.changes, **around}:
            changed = TicketChanged(
                ticket=ticket, changes=changes, actor=entry.actor, cause=entry.cause, changed_at=entry.at
            )
            self._send(entry, changed)

    def _send(
        self, entry: _Entry, data: TicketCreated | TicketChanged | TicketMessageAdded | TicketRoutingDeclined
    ) -> None:
        outbox.record(self.session, data, aggregate_id=entry.ticket.id, cause=entry.trigger, time=entry.at)


def _told(message: Message, ticket: Ticket) -> ThreadMessage:
    return ThreadMessage(
        id=message.id,
        kind=message.kind,
        channel=message.channel,
        author=message.author,
        text=message.text,
        attachments=message.attachments,
        added_at=message.added_at,
        first_reply=message.first_reply,
        reply_to_external_id=ticket.last_customer_external_id if message.kind is MessageKind.REPLY else None,
    )


def _message_row(entry: _Entry) -> dict[str, Any]:
    message = entry.message
    assert message is not None
    return {
        "id": message.id,
        "ticket_id": entry.ticket.id,
        "position": entry.ticket.message_count,
        "kind": message.kind,
        "author_kind": message.author.kind,
        "author_id": message.author.id,
        "author_name": message.author.name,
        "text": message.text,
        "text_truncated": message.text_truncated,
        "raw_key": message.raw_key,
        "channel": message.channel,
        "external_id": message.external_id,
        "attachments": message.attachments,
        "mentions": message.mentions,
        "html": message.html,
        "cc": message.cc,
        "quoted": message.quoted,
        "security": message.security and message.security.model_dump(mode="json", exclude_none=True),
        "withheld": is_withheld(message.security),
        "added_at": message.added_at,
        "first_reply": message.first_reply,
        "delivery_state": message.delivery_state,
        "delivery_detail": message.delivery_detail,
    }


def _history_row(entry: _Entry, via: Via) -> dict[str, Any]:
    return {
        "ticket_id": entry.ticket.id,
        "version": entry.ticket.version,
        "at": entry.at,
        "actor_kind": entry.actor.kind,
        "actor_id": entry.actor.id,
        "actor_name": entry.actor.name,
        "cause": entry.cause,
        "changes": {**entry.changes, **entry.remarks},
        "message_id": entry.message.id if entry.message else None,
        "via": via,
    }
