"""Replies that leave later: written, moved, taken back, and released by a timer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import identity
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.scheduled import MAX_WAITING, Scheduled, ScheduledState, release_time
from services.tickets.domain.ticket import Ticket
from services.tickets.repository import (
    CustomerRepository,
    Draft,
    DraftRepository,
    FollowerRepository,
    ScheduledRepository,
    TicketRepository,
)
from services.tickets.service import uploads
from services.tickets.service.journal import Journal, locked
from services.tickets.service.settings import lifecycle_of
from services.tickets.service.threads import Seen, check_thread, copied_to, replied, sent_anyway, taking_part
from shared.events.accounts import Role
from shared.events.common import Actor, ActorKind, AttachmentRef, TicketStatus
from shared.events.tickets import FieldChange, MessageKind
from shared.ids import uuid7
from shared.telemetry import get_logger
from shared.web.problem import Conflict, NotFound, PreconditionFailed, Problem, Unprocessable

log = get_logger(__name__)

BATCH = 50
# So long can be looked up what became of one. A refused one's text is its author's only copy, if they began another.
KEPT = timedelta(days=30)

_SELF = Actor(kind=ActorKind.SYSTEM, id="tickets", name="desk")


async def schedule(
    session: AsyncSession,
    ticket_id: UUID,
    text: str,
    *,
    html: str | None = None,
    cc: Collection[str] = (),
    attachments: Sequence[AttachmentRef] = (),
    actor: Actor,
    role: Role,
    status: TicketStatus | None,
    seen: Seen,
    only_if_unanswered: bool,
    release_at: datetime,
    now: datetime,
) -> Scheduled:
    """Keep an agent's reply until it is to leave; whatever stands against it by now is told at once.

    Raises NotFound, Conflict (`stale-thread`, `invalid-transition`, `ticket-closed`, `too-many-scheduled`), Forbidden
    (`way-closed`), Unprocessable (`fields-missing`, `copies-need-mail`).
    """
    people = await copied_to(session, cc, now)
    ticket = await locked(session, ticket_id)
    forced_from = await check_thread(session, ticket, seen, kind=MessageKind.REPLY, now=now)
    lifecycle = await lifecycle_of(session)
    message, _ = replied(ticket, text, lifecycle, html=html, cc=people, actor=actor, role=role, status=status, now=now)
    repository = ScheduledRepository(session)
    if len(await repository.waiting(ticket_id)) >= MAX_WAITING:
        raise Conflict(
            f"{MAX_WAITING} replies wait on this ticket already. Take one back first.",
            slug="too-many-scheduled",
            title="Too many replies wait",
        )
    scheduled = Scheduled(
        id=uuid7(),
        ticket_id=ticket_id,
        author_id=UUID(actor.id),
        author_name=actor.name,
        text=text,
        html=html,
        cc=message.cc,
        status=status,
        thread_version=ticket.message_count,
        forced_from=forced_from,
        only_if_unanswered=only_if_unanswered,
        release_at=release_at,
        created_at=now,
        attachments=tuple(attachments),
    )
    await repository.insert(scheduled)
    journal = Journal(session)
    journal.tell(ticket, FieldChange(after=_shown(scheduled)), actor=actor, cause="reply.leaving", at=now)
    await journal.write()
    await DraftRepository(session).sent(ticket_id, scheduled.author_id, MessageKind.REPLY)
    return scheduled


async def take_back(
    session: AsyncSession, ticket_id: UUID, scheduled_id: UUID, *, actor: Actor, now: datetime
) -> Scheduled:
    """Let a reply not leave; its author finds it among the drafts again. What does not leave anyway stays as it is.

    Raises NotFound, Conflict (`already-released`).
    """
    ticket, scheduled = await _of_ticket(session, ticket_id, scheduled_id)
    if scheduled.state is ScheduledState.RELEASED:
        raise Conflict(
            "The reply has left already; the thread has it under the same id.",
            slug="already-released",
            title="Too late to take back",
            message_id=str(scheduled.id),
        )
    if scheduled.state is not ScheduledState.WAITING:
        return scheduled
    cancelled = _settled(scheduled, ScheduledState.CANCELLED, now)
    await ScheduledRepository(session).update([cancelled])
    await uploads.give_back(session, cancelled.attachments)
    await DraftRepository(session).restore([_as_draft(cancelled, now)])
    journal = Journal(session)
    remarks = {"scheduled": FieldChange(before=_told(scheduled))}
    journal.remark(ticket, actor=actor, cause="reply.taken_back", at=now, remarks=remarks)
    journal.tell(ticket, FieldChange(before=_shown(scheduled)), actor=actor, cause="reply.taken_back", at=now)
    await journal.write()
    return cancelled


async def move(
    session: AsyncSession,
    ticket_id: UUID,
    scheduled_id: UUID,
    send_at: datetime,
    *,
    actor: Actor,
    expected_version: int | None,
    now: datetime,
) -> Scheduled:
    """Let a reply leave at another time.

    Raises NotFound, PreconditionFailed, Conflict (`not-waiting`), Unprocessable.
    """
    ticket, scheduled = await _of_ticket(session, ticket_id, scheduled_id)
    if expected_version is not None and scheduled.version != expected_version:
        raise PreconditionFailed(
            f"The reply is at version {scheduled.version}, not {expected_version}. Read it again.",
            version=scheduled.version,
        )
    if scheduled.state is not ScheduledState.WAITING:
        raise Conflict(
            "Only a reply that waits can be moved.", slug="not-waiting", title="It does not wait", state=scheduled.state
        )
    release_at = checked_release_time(now, send_at=send_at, undo_seconds=0)
    if release_at is None or release_at == scheduled.release_at:
        return scheduled
    await uploads.require_kept(session, scheduled.attachments, release_at)
    moved = replace(scheduled, release_at=release_at, version=scheduled.version + 1)
    await ScheduledRepository(session).update([moved])
    journal = Journal(session)
    journal.remark(
        ticket,
        actor=actor,
        cause="reply.moved",
        at=now,
        remarks={"scheduled": FieldChange(before=_told(scheduled), after=_told(moved))},
    )
    shown = FieldChange(before=_shown(scheduled), after=_shown(moved))
    journal.tell(ticket, shown, actor=actor, cause="reply.moved", at=now)
    await journal.write()
    return moved


async def release_due(session: AsyncSession, *, now: datetime) -> int:
    """Send replies that are due, at most `BATCH`; returns how many were claimed.

    What cannot be sent any more is refused: its author finds it among the drafts again, and the history tells why.
    """
    repository = ScheduledRepository(session)
    # Before tickets are locked, as intake does it. Nearly always they are there since the reply was written; a reply
    # whose copies nobody asked for, for it became due since, leaves the next time.
    copied = await repository.due_copies(now, limit=BATCH)
    found = await copied_to(session, copied, now)
    people = {address: found[identity("email", address).address] for address in copied}
    claimed = await repository.claim_due(now, limit=BATCH)
    due = [scheduled for scheduled in claimed if people.keys() >= set(scheduled.cc)]
    if not due:
        return 0
    locked_tickets = await TicketRepository(session).lock_many({scheduled.ticket_id for scheduled in due})
    tickets = {ticket.id: ticket for ticket in locked_tickets}
    answered = await repository.answered({scheduled.id for scheduled in due if scheduled.only_if_unanswered})
    authors = {scheduled.author_id for scheduled in due}
    inactive = await CustomerRepository(session).inactive(authors)
    agents = await FollowerRepository(session).active_agents(authors)
    lifecycle = await lifecycle_of(session)
    journal = Journal(session)
    settled: list[Scheduled] = []
    joining: set[tuple[UUID, UUID]] = set()
    for scheduled in due:
        ticket = tickets[scheduled.ticket_id]
        try:
            if scheduled.id in answered:
                raise Conflict(slug="answered-meanwhile")
            if scheduled.author_id in inactive:
                raise Conflict(slug="author-inactive")
            # An account whose news have not come yet may what anybody may who works here.
            role = agents[scheduled.author_id].role if scheduled.author_id in agents else Role.AGENT
            tickets[ticket.id] = _release(journal, ticket, scheduled, lifecycle, role=role, now=now)
        except Problem as problem:
            refused = _settled(scheduled, ScheduledState.REFUSED, now, reason=problem.slug)
            remarks = {"scheduled": FieldChange(before=_told(scheduled)), "reason": FieldChange(after=problem.slug)}
            journal.remark(ticket, actor=_SELF, cause="reply.refused", at=now, remarks=remarks)
            journal.tell(ticket, FieldChange(before=_shown(scheduled)), actor=_SELF, cause="reply.refused", at=now)
            settled.append(refused)
            log.info("reply.refused", ticket_id=str(ticket.id), reason=problem.slug)
        else:
            settled.append(replace(_settled(scheduled, ScheduledState.RELEASED, now), text="", html=None))
            joining |= taking_part(ticket.id, scheduled.cc, people)
    await journal.write()
    await TicketRepository(session).add_participants(joining)
    await repository.update(settled)
    refused_ones = [scheduled for scheduled in settled if scheduled.state is ScheduledState.REFUSED]
    await uploads.give_back(session, [file for scheduled in refused_ones for file in scheduled.attachments])
    await DraftRepository(session).restore([_as_draft(scheduled, now) for scheduled in refused_ones])
    return len(due)


async def forget_settled(session: AsyncSession, *, now: datetime) -> int:
    """Forget what became of replies long ago; returns how many were forgotten, at most a batch."""
    return await ScheduledRepository(session).forget_settled(now - KEPT)


def checked_release_time(now: datetime, *, send_at: datetime | None, undo_seconds: int) -> datetime | None:
    """When a reply leaves; None for at once. Raises Unprocessable for a time that cannot be."""
    try:
        return release_time(now, send_at=send_at, undo_seconds=undo_seconds)
    except ValueError as error:
        raise Unprocessable(f"`send_at` {error}.", slug="bad-send-at") from error


def _release(
    journal: Journal, ticket: Ticket, scheduled: Scheduled, lifecycle: Lifecycle, *, role: str, now: datetime
) -> Ticket:
    author = Actor(kind=ActorKind.AGENT, id=str(scheduled.author_id), name=scheduled.author_name)
    message, after = replied(
        ticket,
        scheduled.text,
        lifecycle,
        html=scheduled.html,
        cc=scheduled.cc,
        attachments=scheduled.attachments,
        actor=author,
        role=role,
        status=scheduled.status,
        now=now,
        id_=scheduled.id,
    )
    remarks = {
        **sent_anyway(scheduled.forced_from, scheduled.thread_version),
        "scheduled": FieldChange(before=_told(scheduled)),
    }
    return journal.change(ticket, after, actor=author, cause="reply", at=now, message=message, remarks=remarks)


async def _of_ticket(session: AsyncSession, ticket_id: UUID, scheduled_id: UUID) -> tuple[Ticket, Scheduled]:
    """The ticket, locked, and one of its replies as it is under that lock."""
    ticket = await locked(session, ticket_id)
    scheduled = await ScheduledRepository(session).get(ticket_id, scheduled_id)
    if scheduled is None:
        raise NotFound("There is no such scheduled reply.")
    return ticket, scheduled


def _settled(scheduled: Scheduled, state: ScheduledState, now: datetime, *, reason: str | None = None) -> Scheduled:
    return replace(scheduled, state=state, reason=reason, settled_at=now, version=scheduled.version + 1)


def _as_draft(scheduled: Scheduled, now: datetime) -> Draft:
    return Draft(
        ticket_id=scheduled.ticket_id,
        account_id=scheduled.author_id,
        kind=MessageKind.REPLY,
        text=scheduled.text,
        html=scheduled.html,
        cc=scheduled.cc,
        thread_version=scheduled.thread_version,
        updated_at=now,
        attachment_ids=tuple(str(file.id) for file in scheduled.attachments),
    )


def _shown(scheduled: Scheduled) -> Mapping[str, Any]:
    return {
        "id": str(scheduled.id),
        "author": {"id": str(scheduled.author_id), "name": scheduled.author_name},
        "release_at": scheduled.release_at.isoformat(),
    }


def _told(scheduled: Scheduled) -> Mapping[str, Any]:
    return {
        "id": str(scheduled.id),
        "written_at": scheduled.created_at.isoformat(),
        "release_at": scheduled.release_at.isoformat(),
    }
