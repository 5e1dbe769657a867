"""Changes of many tickets as jobs.

Which tickets a job has is settled when it is made. A timer then takes them a chunk at a time, each in a transaction of
its own with a fixed number of statements, job by job in turn. Whoever works at a job holds its row: so no ticket is
done twice, and a process that is killed has done either a whole chunk, counts and results with it, or nothing of it.
"""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.bulk import (
    MAX_TICKETS,
    Actions,
    JobState,
    MovedSinceError,
    Result,
    TooManyTagsError,
    acted,
    put_back,
)
from services.tickets.domain.conditions import Condition
from services.tickets.domain.fields import indexed
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.snooze import MAX_AHEAD
from services.tickets.domain.ticket import Ticket, differences
from services.tickets.domain.via import Via
from services.tickets.repository import CustomerRepository, SettingsRepository, TicketRepository
from services.tickets.repository.bulk import BulkRepository
from services.tickets.repository.conditions import Asker
from services.tickets.repository.rows import AnyRow
from services.tickets.schemas.bulk import actions_from
from services.tickets.service.journal import Journal
from services.tickets.service.macros import check_values
from services.tickets.service.pace import Pace
from services.tickets.service.problems import rules_as_problems
from services.tickets.service.search import Order, find
from services.tickets.service.settings import lifecycle_of
from shared.events.accounts import Role
from shared.events.common import Actor, ActorKind
from shared.events.tickets import FieldChange
from shared.ids import uuid7
from shared.telemetry import get_logger
from shared.web.problem import Conflict, NotFound, Problem, Unprocessable

log = get_logger(__name__)

# What one transaction holds, for some tens of milliseconds: nobody notices who waits for one of them.
CHUNK = 50
KEPT = timedelta(days=30)
PREVIEW_KEPT = timedelta(days=1)
# At once, of one account.
MAX_RUNNING = 10
# Who tries one selection after the other gives the first ones up.
MAX_PREVIEWS = 10
_PREVIEW_SLICE = 500
_PREVIEW_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Work:
    """How the tickets of a job are tried; of an undo, which has no `actions`, each item tells what it takes back."""

    actions: Actions | None
    lifecycle: Lifecycle
    role: str
    inactive: Collection[UUID]
    now: datetime

    def tried(self, ticket: Ticket | None, changes: Mapping[str, Any] | None) -> Ticket | Problem:
        """The ticket after it, or why not."""
        try:
            if ticket is None:
                raise NotFound("There is no such ticket.")
            with rules_as_problems():
                after = self._after(ticket, changes or {})
            if after.assignee_id != ticket.assignee_id and after.assignee_id in self.inactive:
                raise Unprocessable("The assignee has to be an active agent.", slug="not-an-agent")
        except Problem as problem:
            return problem
        return after

    def _after(self, ticket: Ticket, changes: Mapping[str, Any]) -> Ticket:
        try:
            if self.actions is not None:
                return acted(ticket, self.actions, self.lifecycle, role=self.role, now=self.now)
            told = {name: FieldChange.model_validate(change) for name, change in changes.items()}
            return put_back(ticket, told, self.lifecycle)
        except MovedSinceError as error:
            raise Conflict(str(error), slug="moved-since") from error
        except TooManyTagsError as error:
            raise Unprocessable(str(error), slug="too-many-tags") from error
        except ValueError as error:
            raise Unprocessable(f"`snooze_until` {error}.", slug="bad-until") from error


async def searched(session: AsyncSession, condition: Condition, asker: Asker, *, most: int) -> list[UUID]:
    """The tickets that a search finds, but none that it finds by guessing what was meant.

    Raises Unprocessable (`too-many-tickets`) for more than `most`.
    """
    found = await find(session, condition, asker, order=Order.NEWEST, after=None, limit=most + 1)
    return [] if found.corrected else require_few([hit.place[1] for hit in found.hits], most=most)


async def fitting(session: AsyncSession, condition: Condition, asker: Asker, *, most: int) -> list[UUID]:
    """The tickets for which a condition holds, the oldest first. Raises Unprocessable (`too-many-tickets`)."""
    return sorted(require_few(await BulkRepository(session).fitting(condition, asker, limit=most + 1), most=most))


def require_few(ticket_ids: list[UUID], *, most: int) -> list[UUID]:
    """Raises Unprocessable (`too-many-tickets`) for more than `most`."""
    if len(ticket_ids) > most:
        raise Unprocessable(
            f"You may change at most {most} tickets at once. Choose fewer.", slug="too-many-tickets", most=most
        )
    return ticket_ids


async def create(
    session: AsyncSession,
    document: Mapping[str, Any],
    ticket_ids: Sequence[UUID],
    *,
    actor: Actor,
    role: Role,
    dry_run: bool,
    now: datetime,
) -> UUID:
    """Make a job for these tickets, whose `document` tells what is to be done; a dry run waits for its start.

    Raises Unprocessable (`nothing-selected`, `not-an-agent`, `bad-until`, `fields-invalid`), Conflict
    (`too-many-jobs`).
    """
    actions = actions_from(document)
    ids = list(dict.fromkeys(ticket_ids))
    assert len(ids) <= MAX_TICKETS
    if not ids:
        raise Unprocessable("No ticket was selected.", slug="nothing-selected")
    if actions.assignee_id is not None:
        account = await CustomerRepository(session).account(actions.assignee_id)
        if account is None or not account.active or account.role == Role.CUSTOMER:
            raise Unprocessable("The assignee has to be an active agent.", slug="not-an-agent")
    if values := actions.fields.get("fields"):
        with rules_as_problems():
            check_values((await lifecycle_of(session)).fields, values)
    if actions.snooze_until is not None and not now < actions.snooze_until <= now + MAX_AHEAD:
        raise Unprocessable(f"`snooze_until` lies ahead, at most {MAX_AHEAD.days} days.", slug="bad-until")
    repository = BulkRepository(session)
    if not dry_run:
        await _require_room(repository, UUID(actor.id))
    job = _new("change", document, JobState.PREVIEWED if dry_run else JobState.RUNNING, actor, role, now)
    preview = await _preview(session, actions, ids, role=role, now=now) if dry_run else None
    if dry_run:
        await repository.take_turn(UUID(actor.id))
        await repository.forget_previews(UUID(actor.id), but=MAX_PREVIEWS - 1)
    await repository.insert({**job, "total": len(ids), "preview": preview})
    await repository.add(job["id"], ids)
    return UUID(str(job["id"]))


async def start(session: AsyncSession, job_id: UUID, *, own: UUID | None, now: datetime) -> None:
    """Let a job that was previewed run; one that does or did already stays as it is.

    Raises NotFound, Conflict (`bulk-cancelled`, `too-many-jobs`).
    """
    job = await _locked(session, job_id, own)
    if job.state == JobState.CANCELLED:
        raise Conflict("The job was cancelled. Make another one.", slug="bulk-cancelled")
    if job.state == JobState.PREVIEWED:
        repository = BulkRepository(session)
        await _require_room(repository, job.account_id)
        await repository.update(job_id, state=JobState.RUNNING, worked_at=now)


async def cancel(session: AsyncSession, job_id: UUID, *, own: UUID | None, now: datetime) -> None:
    """Let a job go no further than the chunk it is at. Raises NotFound, Conflict (`bulk-done`)."""
    job = await _locked(session, job_id, own)
    if job.state == JobState.DONE:
        raise Conflict("The job is done. Undo it instead.", slug="bulk-done")
    if job.state != JobState.CANCELLED:
        await BulkRepository(session).update(job_id, state=JobState.CANCELLED, finished_at=now)


async def undo(
    session: AsyncSession, job_id: UUID, *, actor: Actor, role: Role, own: UUID | None, now: datetime
) -> UUID:
    """Make a job that puts back what another one changed.

    Raises NotFound, Conflict (`bulk-not-finished`, `nothing-to-undo`, `already-undone`, `too-many-jobs`).
    """
    job = await _locked(session, job_id, own)
    repository = BulkRepository(session)
    if job.finished_at is None:
        raise Conflict("The job is not finished. Cancel it first.", slug="bulk-not-finished")
    if not job.changed:
        raise Conflict("The job changed nothing.", slug="nothing-to-undo")
    if undone_by := await repository.undone_by(job_id):
        raise Conflict("Another job undoes it already.", slug="already-undone", undone_by=str(undone_by))
    await _require_room(repository, UUID(actor.id))
    new = _new("undo", job.actions, JobState.RUNNING, actor, role, now)
    await repository.insert({**new, "undo_of": job_id, "total": job.changed})
    added = await repository.add_changed(new["id"], job_id)
    assert added == job.changed
    return UUID(str(new["id"]))


class Runner:
    """Works at jobs. One per process; several processes work at different jobs.

    A job whose chunk failed rests, and comes again with half of it, until the one ticket is found that fails by itself:
    that one is given up. So nothing stands in the way of other jobs for long, nor of the rest of its own.
    """

    def __init__(self) -> None:
        self._pace = Pace()

    async def run(self, session: AsyncSession, now: datetime) -> int:
        """Do the next chunk of the job whose turn it is; returns how many tickets it had, 0 where there is none."""
        await self._pace.pause()
        job = await BulkRepository(session).claim(but=self._pace.resting(now))
        if job is None or await self._pace.is_ahead(session):
            return 0
        with self._pace.chunk(job.id, CHUNK, now) as size:
            return await _chunk(session, job, size, now)


async def forget_old(session: AsyncSession, *, now: datetime) -> int:
    """Forget a job that was made long ago, or previewed and never started; returns how many were forgotten."""
    return await BulkRepository(session).forget(made_before=now - KEPT, previewed_before=now - PREVIEW_KEPT)


async def _chunk(session: AsyncSession, job: AnyRow, size: int, now: datetime) -> int:
    """The next tickets of a job that this transaction has locked; of size 0, one that is given up.

    What whoever asked may do by now, counts.
    """
    repository = BulkRepository(session)
    account = await CustomerRepository(session).account(job.account_id)
    if account is not None and (not account.active or account.role == Role.CUSTOMER):
        await repository.update(job.id, state=JobState.CANCELLED, reason="author-inactive", finished_at=now)
        log.info("bulk.stopped", job_id=str(job.id), reason="author-inactive")
        return 1
    items = await repository.next_items(job, size or 1)
    if size:
        settled = await _changed(session, job, items, role=account.role if account else job.role, now=now)
    else:
        log.error("bulk.given_up", job_id=str(job.id), ticket_id=str(items[0].ticket_id))
        settled = [_settled(item, None, Problem("It failed several times, and was left as it is.")) for item in items]
    await repository.settle(job.id, settled)
    counts = Counter(each["result"] for each in settled)
    sums = {result.value: getattr(job, result.value) + counts[result] for result in _SETTLED}
    over = {"state": JobState.DONE, "finished_at": now} if sum(sums.values()) == job.total else {}
    await repository.update(job.id, worked_at=now, **sums, **over)
    return len(items)


async def _changed(
    session: AsyncSession, job: AnyRow, items: Sequence[AnyRow], *, role: str, now: datetime
) -> list[dict[str, Any]]:
    """Change tickets of a job; returns what became of them."""
    locked = await TicketRepository(session).lock_many({item.ticket_id for item in items})
    tickets = {ticket.id: ticket for ticket in locked}
    actions = actions_from(job.actions) if job.kind == "change" else None
    work = _Work(
        actions=actions,
        lifecycle=await lifecycle_of(session, held=True),
        role=role,
        inactive=await CustomerRepository(session).inactive(_assignees(actions, items)),
        now=now,
    )
    journal, values = Journal(session, via=Via.BULK), {}
    actor = Actor(kind=ActorKind.AGENT, id=str(job.account_id), name=job.name)
    cause = "bulk" if actions is not None else "bulk.undo"
    remarks = {"bulk": FieldChange(after=str(job.id))}
    settled: list[dict[str, Any]] = []
    for item in items:
        before = tickets.get(item.ticket_id)
        after = work.tried(before, item.changes)
        if before is not None and not isinstance(after, Problem):
            after = journal.change(before, after, actor=actor, cause=cause, at=now, remarks=remarks)
            if after.fields != before.fields:
                values[after.id] = indexed(work.lifecycle.fields, after.fields)
        settled.append(_settled(item, before, after))
    await journal.write()
    await SettingsRepository(session).index_all(values)
    return settled


_SETTLED = (Result.CHANGED, Result.UNCHANGED, Result.REFUSED)


def _settled(item: AnyRow, before: Ticket | None, after: Ticket | Problem) -> dict[str, Any]:
    """What became of a ticket, as it is kept."""
    row = {
        "position": item.position,
        "slug": None,
        "detail": None,
        "version_before": before and before.version,
        "version_after": None,
        "changes": None,
    }
    if before is None or isinstance(after, Problem):
        assert isinstance(after, Problem)
        return {**row, "result": Result.REFUSED, "slug": after.slug, "detail": after.detail}
    if after is before:
        return {**row, "result": Result.UNCHANGED}
    changes = differences(before, after)
    return {**row, "result": Result.CHANGED, "version_after": after.version, "changes": changes}


async def _preview(
    session: AsyncSession, actions: Actions, ids: Sequence[UUID], *, role: Role, now: datetime
) -> dict[str, Any]:
    """What the actions would do, without locks; the tickets are looked at for a bounded time."""
    work = _Work(actions, await lifecycle_of(session), role, (), now)
    results: Counter[Result] = Counter()
    refusals: Counter[str] = Counter()
    until = time.monotonic() + _PREVIEW_SECONDS
    for place in range(0, len(ids), _PREVIEW_SLICE):
        if time.monotonic() > until:
            break
        some = ids[place : place + _PREVIEW_SLICE]
        tickets = {ticket.id: ticket for ticket in await TicketRepository(session).some(some)}
        for ticket_id in some:
            before = tickets.get(ticket_id)
            after = work.tried(before, None)
            if before is None or isinstance(after, Problem):
                assert isinstance(after, Problem)
                results[Result.REFUSED] += 1
                refusals[after.slug] += 1
            else:
                results[Result.CHANGED if differences(before, after) else Result.UNCHANGED] += 1
    return {
        "checked": results.total(),
        "would_change": results[Result.CHANGED],
        "unchanged": results[Result.UNCHANGED],
        "refused": results[Result.REFUSED],
        "refusals": [{"type": f"/problems/{slug}", "count": count} for slug, count in refusals.most_common()],
    }


def _new(
    kind: str, document: Mapping[str, Any], state: JobState, actor: Actor, role: Role, now: datetime
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "kind": kind,
        "actions": document,
        "account_id": UUID(actor.id),
        "name": actor.name,
        "role": role,
        "state": state,
        "created_at": now,
        "worked_at": now,
    }


async def _locked(session: AsyncSession, job_id: UUID, own: UUID | None) -> AnyRow:
    job = await BulkRepository(session).get(job_id, account_id=own, locked=True)
    if job is None:
        raise NotFound("There is no such job.")
    return job


async def _require_room(repository: BulkRepository, account_id: UUID) -> None:
    await repository.take_turn(account_id)
    if await repository.unfinished(account_id) >= MAX_RUNNING:
        raise Conflict(f"{MAX_RUNNING} of your jobs run already. Wait for one, or cancel it.", slug="too-many-jobs")


def _assignees(actions: Actions | None, items: Sequence[AnyRow]) -> set[UUID]:
    """Whom the tickets may be given to."""
    if actions is not None:
        return {actions.assignee_id} if actions.assignee_id is not None else set()
    given = (item.changes.get("assignee_id", {}).get("before") for item in items)
    return {UUID(each) for each in given if each}
