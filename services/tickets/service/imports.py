"""Tickets of another desk: kept with their times and authors, and told to nobody.

No event is recorded: what an import brings happened long ago, so no clock starts, nobody is assigned, and nothing is
sent, whoever listens. They are found like all others, and from the first change here on they are tickets like all
others, but for clocks: SLA starts them with a ticket's creation alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.edits import with_fields, with_priority
from services.tickets.domain.fields import indexed
from services.tickets.domain.identity import Identity, identity
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.texts import MAX_TEXT_BYTES, cut, subject_of
from services.tickets.domain.ticket import Message, Ticket, default_priority, with_message, with_status
from services.tickets.domain.via import Via
from services.tickets.repository import CustomerRepository, Profile, SettingsRepository, TicketRepository
from services.tickets.repository.imports import ImportRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.schemas.imports import (
    ImportBody,
    ImportedTicket,
    ImportProblem,
    OldCustomer,
    OldMessage,
    OldTicket,
)
from services.tickets.service.journal import Journal
from services.tickets.service.problems import rules_as_problems
from services.tickets.service.settings import lifecycle_of
from shared.events.common import Actor, ActorKind, Requester, TicketStatus
from shared.events.tickets import FieldChange, MessageKind
from shared.ids import uuid7
from shared.web.problem import Conflict, Problem, Unprocessable

_CAUSE = "import"
_OVER = frozenset({TicketStatus.SOLVED, TicketStatus.CLOSED})
# No desk is older than its clocks.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY = Requester(customer_id=UUID(int=0), name="")


async def import_tickets(
    session: AsyncSession, body: ImportBody, *, actor: Actor, now: datetime
) -> list[ImportedTicket]:
    """Take tickets over; each is imported, was so before, or is refused by itself. A dry run writes nothing."""
    # Not for hundreds of milliseconds in the way of other requests, nor within the transaction.
    digests = await asyncio.to_thread(_digests, body.tickets)
    repository = ImportRepository(session)
    ids = list(digests)
    await repository.take_turns(body.source, ids)
    known = await repository.known(body.source, ids)
    arrivals = _Arrivals(
        source=body.source,
        lifecycle=await lifecycle_of(session, held=True),
        colleagues=await repository.colleagues(_emails(body.tickets)),
        now=now,
    )
    results: dict[str, ImportedTicket] = {}
    new: list[tuple[OldTicket, Ticket]] = []
    for old in body.tickets:
        try:
            if (row := known.get(old.external_id)) is not None:
                results[old.external_id] = _known(row, digests[old.external_id])
            else:
                new.append((old, arrivals.ticket(old)))
                results[old.external_id] = ImportedTicket(external_id=old.external_id, result="valid")
        except Problem as problem:
            told = ImportProblem(type=f"/problems/{problem.slug}", detail=problem.detail)
            results[old.external_id] = ImportedTicket(external_id=old.external_id, result="refused", problem=told)
    if new and not body.dry_run:
        written = await _write(session, arrivals, new, actor=actor, now=now)
        rows = [(external_id, ticket.id, digests[external_id]) for external_id, ticket in written.items()]
        await repository.keep(body.source, rows, now)
        for external_id, ticket in written.items():
            results[external_id] = _imported(external_id, ticket.id, ticket.number)
    return [results[external_id] for external_id in ids]


async def look_up(session: AsyncSession, source: str, external_ids: Sequence[str]) -> list[ImportedTicket]:
    """Those of the tickets that are here."""
    known = await ImportRepository(session).known(source, external_ids)
    rows = (known[each] for each in dict.fromkeys(external_ids) if each in known)
    return [_imported(row.external_id, row.ticket_id, row.number) for row in rows]


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """What is known here of those who appear in tickets of a source."""

    source: str
    lifecycle: Lifecycle
    colleagues: Mapping[str, AnyRow]
    now: datetime

    def ticket(self, old: OldTicket) -> Ticket:
        """The ticket as it will be, but for its requester and its messages.

        No way led to its status, and nothing was required for it: as it was there, it is here. But what was solved so
        long ago that it would be closed next, and told of then, comes closed. Raises Unprocessable
        (`unlikely-times`, `unknown-assignee`, `unknown-status`, `unknown-type`, `fields-invalid`).
        """
        times = [message.at for message in old.messages]
        created_at = old.created_at or min(times)
        updated_at = max(old.updated_at or created_at, created_at, *times)
        solved_at = (old.solved_at or updated_at) if old.status in _OVER else None
        happened = (created_at, updated_at, *times, solved_at or updated_at)
        if min(happened) < _FIRST or max(happened) > self.now or (solved_at and solved_at < created_at):
            raise Unprocessable(
                "Nothing happened before 1970 or later than now, and nothing was solved before it was created.",
                slug="unlikely-times",
            )
        ticket = Ticket(
            id=uuid7(),
            subject=subject_of(old.subject, old.messages[0].text),
            channel=old.channel,
            requester=_NOBODY,
            conversation_id=uuid7(),
            created_at=created_at,
            updated_at=updated_at,
            status=old.status,
            status_key=old.status_key,
            priority=default_priority(old.priority, old.type),
            priority_by_hand=old.priority is not None,
            urgency=old.urgency,
            impact=old.impact,
            type=old.type,
            type_key=old.type_key,
            assignee_id=self._assignee(old),
            group=old.group,
            language=old.language,
            tags=tuple(dict.fromkeys(old.tags)),
            brand=old.brand,
            solved_at=solved_at,
        )
        with rules_as_problems():
            if old.status_key is not None and self.lifecycle.chosen(old.status_key).category is not old.status:
                raise Unprocessable(f"{old.status_key} is no status of what is {old.status}.", slug="unknown-status")
            if old.type_key is not None and self.lifecycle.chosen_type(old.type_key).category is not old.type:
                raise Unprocessable(f"{old.type_key} is no type of what is {old.type}.", slug="unknown-type")
            # What the form asks for could not be known there.
            ticket = with_fields(ticket, old.fields, self.lifecycle, before=ticket, now=self.now)
            after = self.lifecycle.close_after
            if ticket.status is TicketStatus.SOLVED and after and solved_at and solved_at <= self.now - after:
                ticket = with_status(ticket, TicketStatus.CLOSED, self.now)
        return with_priority(ticket, self.lifecycle)

    def _assignee(self, old: OldTicket) -> UUID | None:
        if old.assignee is None:
            return None
        account = self.colleagues.get(_email(old.assignee))
        if account is None or not (account.active or old.status in _OVER):
            raise Unprocessable(
                f"{old.assignee} is nobody here who could have this ticket. Leave the assignee out.",
                slug="unknown-assignee",
            )
        found: UUID = account.id
        return found

    def author(self, message: OldMessage, old: OldTicket, requesters: Mapping[Identity, Requester]) -> Actor:
        """Who wrote it. An agent without an account here is a name that the other desk gave."""
        if message.kind is MessageKind.CUSTOMER:
            customer = requesters[(message.customer or old.requester).identity]
            return Actor(kind=ActorKind.CUSTOMER, id=str(customer.customer_id), name=customer.name)
        agent = message.agent
        account = self.colleagues.get(_email(agent.email)) if agent and agent.email else None
        if account is not None:
            return Actor(kind=ActorKind.AGENT, id=str(account.id), name=account.name)
        return Actor(kind=ActorKind.SYSTEM, id=self.source, name=(agent and agent.name) or self.source)


async def _write(
    session: AsyncSession,
    arrivals: _Arrivals,
    new: Sequence[tuple[OldTicket, Ticket]],
    *,
    actor: Actor,
    now: datetime,
) -> dict[str, Ticket]:
    """Write tickets with all that belongs to them; returns them by what they were called there."""
    profiles: dict[Identity, Profile] = {}
    for old, _ in new:
        for customer in _customers(old):
            profiles.setdefault(customer.identity, Profile(name=customer.name.strip(), language=customer.language))
    first = min(ticket.created_at for _, ticket in new)
    requesters = await CustomerRepository(session).resolve(profiles, first)

    journal = Journal(session, tells=False, via=Via.IMPORT)
    participants: set[tuple[UUID, UUID]] = set()
    for old, bare in new:
        ticket = replace(bare, requester=requesters[old.requester.identity])
        for message in sorted(old.messages, key=lambda message: message.at):
            author = arrivals.author(message, old, requesters)
            kept = _message(message, ticket, author)
            if ticket.message_count == 0:
                ticket = journal.create(ticket, kept, actor=author, cause=_CAUSE)
            else:
                after = with_message(ticket, kept)
                ticket = journal.change(ticket, after, actor=author, cause=_CAUSE, at=message.at, message=kept)
        whence = FieldChange(after={"source": arrivals.source, "external_id": old.external_id})
        journal.remark(ticket, actor=actor, cause=_CAUSE, at=now, remarks={"import": whence})
        participants |= {(ticket.id, requesters[customer.identity].customer_id) for customer in _customers(old)}
    written = await journal.write()

    repository = TicketRepository(session)
    await repository.set_conversations({ticket.conversation_id: ticket.id for ticket in written.values()})
    await repository.add_participants(participants)
    fields = arrivals.lifecycle.fields
    values = {ticket.id: indexed(fields, ticket.fields) for ticket in written.values()}
    await SettingsRepository(session).index_all(values, new=True)
    return {old.external_id: written[ticket.id] for old, ticket in new}


def _message(old: OldMessage, ticket: Ticket, author: Actor) -> Message:
    text = cut(old.text, MAX_TEXT_BYTES)
    return Message(
        id=uuid7(),
        ticket_id=ticket.id,
        kind=old.kind,
        author=author,
        text=text,
        text_truncated=len(text) < len(old.text),
        channel=ticket.channel,
        added_at=old.at,
        external_id=old.external_id,
        first_reply=old.kind is MessageKind.REPLY and ticket.first_reply_at is None,
    )


def _digests(tickets: Sequence[OldTicket]) -> dict[str, bytes]:
    return {old.external_id: old.digest() for old in tickets}


def _known(row: AnyRow, digest: bytes) -> ImportedTicket:
    if row.digest != digest:
        raise Conflict(
            f"It is here already, as #{row.number}, from other contents. Change that ticket instead.",
            slug="imported-differently",
        )
    return _imported(row.external_id, row.ticket_id, row.number)


def _imported(external_id: str, ticket_id: UUID, number: int) -> ImportedTicket:
    return ImportedTicket(external_id=external_id, result="imported", ticket_id=ticket_id, number=number)


def _customers(old: OldTicket) -> list[OldCustomer]:
    return [old.requester, *(message.customer for message in old.messages if message.customer)]


def _emails(tickets: Sequence[OldTicket]) -> set[str]:
    agents = (message.agent for old in tickets for message in old.messages if message.agent)
    emails = [*(agent.email for agent in agents), *(old.assignee for old in tickets)]
    return {_email(each) for each in emails if each}


def _email(address: str) -> str:
    return identity("email", address).address
