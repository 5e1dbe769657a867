"""Links between tickets, and solving the incidents of a problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import permutations
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.edits import edited
from services.tickets.domain.fields import indexed
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.links import Ends, LinkKind, Relation, ends, most, relation
from services.tickets.domain.ticket import Ticket
from services.tickets.repository import SettingsRepository, TicketRepository
from services.tickets.repository.links import Link, LinkRepository
from services.tickets.service.journal import Journal
from services.tickets.service.problems import rules_as_problems
from services.tickets.service.settings import lifecycle_of
from services.tickets.service.threads import replied
from shared.events.accounts import Role
from shared.events.common import Actor, TicketStatus
from shared.events.tickets import FieldChange
from shared.web.problem import Conflict, NotFound, Problem, Unprocessable

# How many incidents one call solves: each may get a reply.
CHUNK = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """A ticket that was left as it is, and why."""

    ticket_id: UUID
    number: int
    slug: str
    detail: str


@dataclass(frozen=True, slots=True)
class Solved:
    """What became of some incidents. `last` is the last one that was looked at, None if there was none left."""

    solved: int
    refused: Sequence[Refusal]
    last: UUID | None
    remaining: int


async def link(
    session: AsyncSession,
    ticket_id: UUID,
    relation_: Relation,
    other_id: UUID,
    *,
    blocks: bool,
    actor: Actor,
    now: datetime,
) -> tuple[Link, bool]:
    """Make another ticket what `relation_` says to this one; returns the link, and whether it is new.

    Raises NotFound, Unprocessable (`linked-to-itself`, `unknown-tickets`, `made-by-splitting`, `only-children-block`),
    Conflict (`link-taken`, `link-circle`, `too-many-links`).
    """
    if other_id == ticket_id:
        raise Unprocessable("A ticket is not linked to itself.", slug="linked-to-itself")
    wanted = ends(ticket_id, relation_, other_id)
    if wanted.kind is LinkKind.SPLIT:
        raise Unprocessable("Such a link is made by splitting a message off.", slug="made-by-splitting")
    if blocks and wanted.kind is not LinkKind.PARENT:
        raise Unprocessable("Only a child blocks, its parent.", slug="only-children-block")
    repository = LinkRepository(session)
    await repository.take_turn()
    tickets = await _locked(session, ticket_id, other_id)
    there = await repository.find(wanted)
    if there is not None:
        if there.blocks is not blocks:
            await repository.set_blocks(there.id, blocks=blocks)
            await _remark(session, tickets, before=there, after=replace(there, blocks=blocks), actor=actor, now=now)
        return there, False
    await _require_room(repository, wanted)
    made = Link.new(wanted, blocks=blocks, actor=actor, now=now)
    await repository.add(made)
    await _remark(session, tickets, after=made, actor=actor, now=now)
    return made, True


async def unlink(session: AsyncSession, ticket_id: UUID, link_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Remove a link, from either side. Raises NotFound."""
    repository = LinkRepository(session)
    await repository.take_turn()
    found = await repository.get(ticket_id, link_id)
    if found is None:
        raise NotFound("The ticket has no such link.")
    tickets = await _locked(session, found.from_id, found.to_id)
    await repository.remove(link_id)
    await _remark(session, tickets, before=found, actor=actor, now=now)


async def solve_incidents(
    session: AsyncSession,
    problem_id: UUID,
    *,
    reply: str | None,
    after: UUID | None,
    actor: Actor,
    role: Role,
    now: datetime,
) -> Solved:
    """Solve the next incidents of a problem, at most `CHUNK`, each with a reply if there is one.

    What the lifecycle refuses is left as it is and told. Raises NotFound.
    """
    if await TicketRepository(session).get(problem_id) is None:
        raise NotFound("There is no such ticket.")
    repository = LinkRepository(session)
    ids = await repository.incidents(problem_id, after=after, limit=CHUNK)
    if not ids:
        return Solved(0, (), None, 0)
    lifecycle = await lifecycle_of(session)
    journal = Journal(session)
    solved, refused = 0, list[Refusal]()
    values = {}
    for incident in await TicketRepository(session).lock_many(ids):
        # Somebody else may have solved it since it was looked up.
        if incident.solved_at is not None:
            continue
        try:
            after_ = _solved(journal, incident, lifecycle, reply=reply, actor=actor, role=role, now=now)
        except Problem as problem:
            refused.append(Refusal(incident.id, incident.number, problem.slug, problem.detail or problem.title))
            continue
        solved += 1
        if after_.fields != incident.fields:
            values[incident.id] = indexed(lifecycle.fields, after_.fields)
    await journal.write()
    for id_, told in values.items():
        await SettingsRepository(session).index_values(id_, told)
    return Solved(solved, refused, ids[-1], await repository.open_incidents(problem_id, after=ids[-1]))


def _solved(
    journal: Journal,
    incident: Ticket,
    lifecycle: Lifecycle,
    *,
    reply: str | None,
    actor: Actor,
    role: Role,
    now: datetime,
) -> Ticket:
    status, message = TicketStatus.SOLVED, None
    if reply is not None:
        message, after = replied(incident, reply, lifecycle, html=None, actor=actor, role=role, status=status, now=now)
    else:
        with rules_as_problems():
            after = edited(incident, {"status": status}, lifecycle, role=role, now=now)
    return journal.change(incident, after, actor=actor, cause="problem.solved", at=now, message=message)


async def _locked(session: AsyncSession, ticket_id: UUID, other_id: UUID) -> dict[UUID, Ticket]:
    tickets = {ticket.id: ticket for ticket in await TicketRepository(session).lock_many({ticket_id, other_id})}
    if ticket_id not in tickets:
        raise NotFound("There is no such ticket.")
    if other_id not in tickets:
        raise Unprocessable("The other ticket is not there.", slug="unknown-tickets", ticket_ids=[str(other_id)])
    return tickets


async def _require_room(repository: LinkRepository, wanted: Ends) -> None:
    """Raises Conflict where the link would be one too many, or close a circle."""
    kind = wanted.kind
    if kind is not LinkKind.RELATED:
        first = await repository.first_of(kind, wanted.to_id)
        if first is not None:
            raise Conflict(
                f"The ticket has a ticket before it of this kind ({kind}). Remove that link first.",
                slug="link-taken",
                title="There is one already",
                ticket_id=str(first),
            )
        if await repository.comes_before(kind, wanted.to_id, wanted.from_id):
            raise Conflict(
                f"By links of this kind ({kind}) the one comes before the other already: this would close a circle.",
                slug="link-circle",
                title="No circles",
            )
    ends_ = (wanted.from_id, wanted.to_id) if kind is LinkKind.RELATED else (wanted.from_id,)
    for id_ in ends_:
        if await repository.count(kind, id_) >= most(kind):
            raise Conflict(
                f"A ticket has at most {most(kind)} links of this kind ({kind}).",
                slug="too-many-links",
                title="Too many links",
                ticket_id=str(id_),
            )


async def _remark(
    session: AsyncSession,
    tickets: Mapping[UUID, Ticket],
    *,
    before: Link | None = None,
    after: Link | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """The histories of both tickets tell what became of the link."""
    journal = Journal(session)
    for ticket, other in permutations(tickets.values()):
        told = FieldChange(before=_told(before, other), after=_told(after, other))
        cause = "link" if after else "unlink"
        journal.remark(ticket, actor=actor, cause=cause, at=now, remarks={"link": told})
    await journal.write()


def _told(link_: Link | None, other: Ticket) -> dict[str, object] | None:
    if link_ is None:
        return None
    return {
        "relation": relation(link_.kind, other_is_first=other.id == link_.from_id),
        "ticket_id": str(other.id),
        "number": other.number,
        "blocks": link_.blocks,
    }
