"""Merging tickets, and taking a merge back.

A merged ticket keeps its thread, its history and its conversations, and is closed. What is written to it afterwards
goes where it was merged into (`service/intake.py`), to the last one of a chain; that is looked up, not moved, so that
undoing a merge gives the conversations back by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.merges import Standing, as_before, as_source, as_target, standing
from services.tickets.domain.ticket import Ticket, require_not_closed, with_message
from services.tickets.repository import FollowerRepository, TicketRepository
from services.tickets.repository.merges import Merge, MergeRepository
from services.tickets.service.followers import tell_followers
from services.tickets.service.journal import Journal
from services.tickets.service.problems import rules_as_problems
from services.tickets.service.settings import lifecycle_of
from services.tickets.service.threads import new_message
from shared.events.common import Actor
from shared.events.tickets import FieldChange, MessageKind
from shared.web.problem import Conflict, NotFound, Unprocessable

# With each page of a thread all that was merged into its ticket is looked up.
MAX_MERGED = 200


async def merge(
    session: AsyncSession,
    target_id: UUID,
    source_ids: Collection[UUID],
    *,
    across_customers: bool,
    actor: Actor,
    now: datetime,
) -> None:
    """Merge tickets into another one: they are closed, and their customers take part in it from now on.

    So do those who follow one of them follow it. Raises NotFound, Unprocessable (`merged-into-itself`,
    `unknown-tickets`), Conflict (`ticket-closed`, `already-merged`, `other-customer`, `too-many-merged`).
    """
    if target_id in source_ids:
        raise Unprocessable("A ticket cannot be merged into itself.", slug="merged-into-itself")
    repository = MergeRepository(session)
    tickets = {ticket.id: ticket for ticket in await TicketRepository(session).lock_many({target_id, *source_ids})}
    target = tickets.pop(target_id, None)
    if target is None:
        raise NotFound("There is no such ticket.")
    sources = list(tickets.values())
    _require_mergeable(target, sources, source_ids, across_customers=across_customers)
    if await repository.count([target_id, *tickets]) + len(sources) > MAX_MERGED:
        raise Conflict(
            f"At most {MAX_MERGED} tickets are merged into one, with those that were merged into them before.",
            slug="too-many-merged",
            title="Too many merged tickets",
        )

    journal = Journal(session)
    for source in sources:
        message = new_message(source, MessageKind.SYSTEM, actor, f"Merged into #{target.number}.", now)
        closed = with_message(as_source(source, target.id, now), message)
        journal.change(source, closed, actor=actor, cause="merge", at=now, message=message)
    numbers = ", ".join(f"#{source.number}" for source in sources)
    message = new_message(target, MessageKind.SYSTEM, actor, f"Merged in: {numbers}.", now)
    journal.change(
        target,
        with_message(as_target(target, sources, now), message),
        actor=actor,
        cause="merge",
        at=now,
        message=message,
        remarks={"merged": FieldChange(after=[_named(source) for source in sources])},
    )
    await journal.write()

    taking_part = await repository.taking_part([target.id, *tickets])
    brought, aside = _brought(target, sources, taking_part, await repository.brought(target.id))
    merges = [
        Merge(source.id, target.id, now, UUID(actor.id), actor.name, standing(source), brought[source.id])
        for source in sources
    ]
    await repository.add(merges, aside)
    if await FollowerRepository(session).bring(target.id, tickets, now):
        await tell_followers(session, target.id, now)


async def undo(session: AsyncSession, target_id: UUID, source_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Take a merge back: the ticket is on its own again, in the status it had.

    What came since stays where it came, and who came to follow the target follows both. Raises NotFound, Conflict
    (`merged-on`).
    """
    repository = MergeRepository(session)
    tickets = {ticket.id: ticket for ticket in await TicketRepository(session).lock_many({target_id, source_id})}
    before = await repository.standing(source_id, target_id)
    if before is None:
        raise NotFound("There is no such merge; or it was undone.")
    source, target = tickets[source_id], tickets[target_id]
    if target.merged_into is not None:
        raise Conflict(
            f"Ticket #{target.number} was merged on. Take that back first.",
            slug="merged-on",
            title="The target was merged on",
            merged_into=str(target.merged_into),
        )
    journal = Journal(session)
    message = new_message(source, MessageKind.SYSTEM, actor, f"No longer merged into #{target.number}.", now)
    alone = with_message(as_before(source, await _still_known(session, before)), message)
    journal.change(source, alone, actor=actor, cause="merge.undone", at=now, message=message)
    message = new_message(target, MessageKind.SYSTEM, actor, f"No longer merged in: #{source.number}.", now)
    journal.change(
        target,
        with_message(target, message),
        actor=actor,
        cause="merge.undone",
        at=now,
        message=message,
        remarks={"merged": FieldChange(before=[_named(source)])},
    )
    await journal.write()
    await repository.undo(source_id, now)


def _require_mergeable(
    target: Ticket, sources: Sequence[Ticket], asked: Collection[UUID], *, across_customers: bool
) -> None:
    if missing := sorted(set(asked) - {source.id for source in sources}):
        raise Unprocessable(
            "Some of these tickets are not there.", slug="unknown-tickets", ticket_ids=[str(id_) for id_ in missing]
        )
    if merged := [ticket for ticket in (target, *sources) if ticket.merged_into is not None]:
        raise Conflict(
            f"{', '.join(f'#{ticket.number}' for ticket in merged)} went into another ticket already. "
            "Merge that one, or take its merge back first.",
            slug="already-merged",
            title="Merged already",
            tickets=[{**_named(ticket), "merged_into": str(ticket.merged_into)} for ticket in merged],
        )
    with rules_as_problems():
        require_not_closed(target)
    others = [source for source in sources if _customer(source) != _customer(target)]
    if others and not across_customers:
        raise Conflict(
            f"{', '.join(f'#{ticket.number}' for ticket in others)} came from another customer. If it is one matter "
            "all the same, merge with `across_customers`: neither will see what the other one writes.",
            slug="other-customer",
            title="Tickets of different customers",
            tickets=[_named(ticket) for ticket in others],
        )


def _brought(
    target: Ticket,
    sources: Sequence[Ticket],
    taking_part: Mapping[tuple[UUID, UUID], bool],
    before: Collection[UUID],
) -> tuple[dict[UUID, tuple[UUID, ...]], dict[UUID, bool]]:
    """Who takes part in the target because of which source, if of several, of each; and whether aside.

    Aside are those who come with another customer's ticket, and those who were so in their own; if of several, in each.
    Those whom merges `before` brought come with another source, too: they stay until the last of them is taken back.
    """
    there = {customer for ticket_id, customer in taking_part if ticket_id == target.id} - {*before}
    there.add(_customer(target))
    brought: dict[UUID, tuple[UUID, ...]] = {}
    aside: dict[UUID, bool] = {}
    for source in sources:
        customers = {customer for ticket_id, customer in taking_part if ticket_id == source.id} | {_customer(source)}
        brought[source.id] = tuple(sorted(customers - there))
        across = _customer(source) != _customer(target)
        for id_ in brought[source.id]:
            aside[id_] = aside.get(id_, True) and (across or taking_part.get((source.id, id_), False))
    return brought, aside


async def _still_known(session: AsyncSession, before: Standing) -> Standing:
    """`before`, in the first status of its category if the organisation has no longer the one it was in."""
    if before.status_key is None:
        return before
    status = (await lifecycle_of(session, held=True)).status(before.status_key)
    known = status is not None and status.category is before.status
    return before if known else replace(before, status_key=None)


def _customer(ticket: Ticket) -> UUID:
    return ticket.requester.customer_id


def _named(ticket: Ticket) -> dict[str, object]:
    return {"ticket_id": str(ticket.id), "number": ticket.number}
