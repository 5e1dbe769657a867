"""Two profiles of one person become one, and two again.

A merge is short, however much there is: under the locks of both profiles, taken in order of id, the addresses move, and
with them who takes part where, so that intake finds the one customer from the next message on. Tickets follow a chunk
at a time by a timer, each chunk in a transaction of its own: none of them waits for five thousand others. A message
that was read before the merge and written after it may still open a ticket for who went; so the timer looks for such
tickets until every transaction of that time is over.

Undoing moves back what the merge moved, as far as it is still where the merge put it, and the tickets that were opened
since from the addresses that go back: who answers those talks to who has the address. What else came since stays.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.customers import BLANKS, emptied, filled
from services.tickets.repository import TicketRepository
from services.tickets.repository.customer_merges import CustomerMergeRepository
from services.tickets.repository.profiles import ProfileRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.service.customers import record, require_unmerged, shown
from services.tickets.service.journal import Journal
from services.tickets.service.pace import Pace
from shared.events.common import Actor, ActorKind, Requester
from shared.events.tickets import FieldChange
from shared.ids import uuid7
from shared.web.problem import Conflict, NotFound, Unprocessable

# Tickets that one transaction takes along.
CHUNK = 200
# Statements end after half a minute, and transactions that do nothing after seconds: none is open for so long.
SETTLED_AFTER = timedelta(minutes=5)


async def merge(session: AsyncSession, customer_id: UUID, other_id: UUID, *, actor: Actor, now: datetime) -> UUID:
    """Let `other_id` become part of `customer_id`; returns the merge, also one that was made before.

    Raises NotFound, Conflict (`customer-merged`), Unprocessable (`same-customer`).
    """
    if customer_id == other_id:
        raise Unprocessable("These are one customer already.", slug="same-customer")
    profiles, merges = ProfileRepository(session), CustomerMergeRepository(session)
    rows = await profiles.lock(customer_id, other_id)
    if len(rows) < len({customer_id, other_id}):
        raise NotFound("There is no such customer.")
    into, other = rows[customer_id], rows[other_id]
    if other.merged_into == customer_id and (standing := await merges.standing(other_id)) is not None:
        return standing
    require_unmerged(other)
    require_unmerged(into)

    merge_id = uuid7()
    identities = await merges.move_identities(other_id, customer_id)
    filling = filled(_blanks(into), _blanks(other))
    await merges.insert(
        {
            "id": merge_id,
            "customer_id": other_id,
            "into_id": customer_id,
            "state": "moving",
            "merged_at": now,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "identities": [shown(identity) for identity in identities],
            "filled": to_jsonable_python(filling),
            "facts": await merges.move_facts(other_id, customer_id),
            "worked_at": now,
        }
    )
    await merges.move_participants(merge_id, other_id, customer_id)
    changes = {
        "merged": FieldChange(after={"id": str(other_id), "name": other.name}),
        **_told(filling, before=BLANKS),
        **({"identities": FieldChange(after=[shown(one) for one in identities])} if identities else {}),
    }
    version = await profiles.update(customer_id, filling)
    await record(session, customer_id, version, changes, actor=actor, cause="customer.merged", now=now)
    version = await profiles.update(other_id, {"merged_into": customer_id})
    gone = {"merged_into": FieldChange(after=str(customer_id))}
    await record(session, other_id, version, gone, actor=actor, cause="customer.merged", now=now)
    return merge_id


async def undo(session: AsyncSession, merge_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Make two customers of one again; a merge that is undone stays so.

    Raises NotFound, Conflict (`merged-further`, `still-moving`).
    """
    profiles, merges = ProfileRepository(session), CustomerMergeRepository(session)
    done = await require(session, merge_id)
    rows = await profiles.lock(done.customer_id, done.into_id)
    # It may have been undone until the customers were locked.
    done = await require(session, merge_id, lock=True)
    if done.undone_at is not None:
        return
    into, other = rows[done.into_id], rows[done.customer_id]
    if into.merged_into is not None:
        raise Conflict(
            "The customer became part of a further one since. Undo that merge first.",
            slug="merged-further",
            title="The customer was merged further",
            merged_into=str(into.merged_into),
        )
    if await merges.is_moving_back(into.id):
        raise Conflict(
            "A later merge is being undone, and tickets are still on their way back. Try again in a moment.",
            slug="still-moving",
            title="Tickets are still moving",
        )
    identities = await merges.move_identities_back(done.identities, other.id, into.id)
    await merges.note_opened_since(merge_id, into.id, identities)
    await merges.move_participants_back(merge_id, other.id, into.id)
    await merges.move_facts_back(done.facts, other.id, into.id, unless_after=done.merged_at)
    filling = {**done.filled, **_ids(done.filled)}
    emptying = emptied(_blanks(into), filling)
    changes = {
        "merged": FieldChange(before={"id": str(other.id), "name": other.name}),
        **_told(emptying, before=filling),
        **({"identities": FieldChange(before=[shown(one) for one in identities])} if identities else {}),
    }
    version = await profiles.update(into.id, emptying)
    await record(session, into.id, version, changes, actor=actor, cause="customer.unmerged", now=now)
    version = await profiles.update(other.id, {"merged_into": None})
    back = {"merged_into": FieldChange(before=str(into.id))}
    await record(session, other.id, version, back, actor=actor, cause="customer.unmerged", now=now)
    await merges.update(merge_id, state="undoing", undone_at=now, undone_by_id=actor.id, undone_by_name=actor.name)


async def require(
    session: AsyncSession, merge_id: UUID, customer_id: UUID | None = None, *, lock: bool = False
) -> AnyRow:
    """The merge, one of this customer if that is given. Raises NotFound."""
    row = await CustomerMergeRepository(session).get(merge_id, lock=lock)
    if row is None or customer_id not in {None, row.customer_id, row.into_id}:
        raise NotFound("There is no such merge.")
    return row


class Mover:
    """Lets tickets follow their customers. One per process; several processes work at different merges.

    A merge of which a chunk failed rests, and comes again with half of it: so it keeps no other one waiting.
    """

    def __init__(self, *, settled_after: timedelta = SETTLED_AFTER) -> None:
        self._pace = Pace()
        self._settled_after = settled_after

    async def run(self, session: AsyncSession, now: datetime) -> int:
        """Let the next tickets follow a merge, or go back; returns 0 if no merge has anything to do."""
        await self._pace.pause()
        merges = CustomerMergeRepository(session)
        found = await merges.claim(settled=now - self._settled_after, but=self._pace.resting(now))
        if found is None or await self._pace.is_ahead(session):
            return 0
        with self._pace.chunk(found.id, CHUNK, now) as size:
            state = await _step(session, found, max(1, size), now=now)
            await merges.update(found.id, state=state, worked_at=now)
        return 1


async def _step(session: AsyncSession, found: AnyRow, size: int, *, now: datetime) -> str:
    """Move the next tickets of a merge; returns its state then."""
    merges = CustomerMergeRepository(session)
    if found.state == "undoing":
        ids = await merges.moved_tickets(found.id, limit=size)
        await _move(session, found, ids, now=now)
        await merges.note_tickets(found.id, ids, moved=False)
        return "undone" if len(ids) < size else "undoing"
    if found.idle:
        return "done"
    ids = await merges.tickets_of(found.customer_id, limit=size)
    moved = await _move(session, found, ids, now=now)
    await merges.note_tickets(found.id, moved, moved=True)
    if found.takes_part:
        # Nearly never: they moved with the merge.
        await merges.move_participants(found.id, found.customer_id, found.into_id)
    return "moving"


async def _move(session: AsyncSession, found: AnyRow, ids: Collection[UUID], *, now: datetime) -> set[UUID]:
    """Move tickets on, or back; returns which. Another merge may have been faster with some, and those stay."""
    back = found.state == "undoing"
    here = found.into_id if back else found.customer_id
    cause = "customer.unmerged" if back else "customer.merged"
    who = (found.undone_by_id, found.undone_by_name) if back else (found.actor_id, found.actor_name)
    actor = Actor(kind=ActorKind.AGENT, id=who[0], name=who[1])
    journal = Journal(session)
    moved = set()
    for ticket in await TicketRepository(session).lock_many(ids):
        if ticket.requester.customer_id == here:
            after = replace(ticket, requester=_requester(found, ticket.requester.email, back=back))
            journal.change(ticket, after, actor=actor, cause=cause, at=now)
            moved.add(ticket.id)
    await journal.write()
    return moved


def _requester(found: AnyRow, email: str | None, *, back: bool) -> Requester:
    """The customer a ticket moves to; it goes on talking to the address that it talks to."""
    prefix = "back_" if back else ""
    known: dict[str, Any] = {
        name: getattr(found, f"{prefix}{name}") for name in ("name", "language", "region", "time_zone", "tier")
    }
    return Requester(customer_id=found.customer_id if back else found.into_id, email=email, **known)


def _blanks(row: AnyRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in BLANKS}


def _ids(document: Mapping[str, Any]) -> dict[str, UUID]:
    """Values of a stored document that are ids."""
    return {name: UUID(value) for name, value in document.items() if name == "organisation_id"}


def _told(after: Mapping[str, Any], *, before: Mapping[str, Any]) -> dict[str, FieldChange]:
    return {
        name: FieldChange(before=to_jsonable_python(before[name]), after=to_jsonable_python(value))
        for name, value in after.items()
    }
