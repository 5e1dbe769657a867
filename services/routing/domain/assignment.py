"""Who should have a ticket: a pure decision over agents and their load, with a reason for every candidate.

An agent is left out who is inactive, away, not of the ticket's group, or has no capacity left. The rest are scored by
language, skill and tier; equals are ordered by relative load, and at last by a hash, so that the same question always
has the same answer and nobody is first merely by their id. Who has let go of this ticket is left out until a cool-down
has passed; then they stand behind all others, so that it goes back to them only where it would wait for nobody.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from services.routing.domain.language import primary_subtag
from services.routing.domain.reasons import Reason, ReasonCode
from shared.events.accounts import Role
from shared.events.common import Priority, TicketStatus, TicketType

# What somebody speaks who is not known to speak anything else, and what a ticket falls back to.
FALLBACK_LANGUAGE = "en"

ASSIGNABLE_ROLES = frozenset({Role.AGENT, Role.SUPERVISOR})
# A ticket in one of these takes a place of its assignee's capacity.
LIVE_STATUSES = frozenset({TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.PENDING, TicketStatus.ON_HOLD})
# A ticket in one of these wants an assignee.
ROUTABLE_STATUSES = frozenset({TicketStatus.NEW, TicketStatus.OPEN})

_PRIORITY_RANK = {priority: rank for rank, priority in enumerate(Priority)}

LANGUAGE_SCORE = 100.0
FALLBACK_LANGUAGE_SCORE = 10.0
TYPE_SCORE = 20.0
TAG_SCORE = 5.0
_COUNTED_TAGS = 3
TIER_SCORE = 15.0

# A decision keeps this many candidates, best first, so that its size does not grow with the desk.
KEPT_CANDIDATES = 20

# Made once, not for every agent and ticket.
_NOT_AN_AGENT = Reason(ReasonCode.NOT_AN_AGENT)
_INACTIVE = Reason(ReasonCode.INACTIVE)
_AWAY = Reason(ReasonCode.AWAY)
_NOT_IN_GROUP = Reason(ReasonCode.NOT_IN_GROUP)
_SPEAKS_NEITHER = Reason(ReasonCode.SPEAKS_NEITHER, {"fallback": FALLBACK_LANGUAGE})
_AT_CAPACITY = Reason(ReasonCode.AT_CAPACITY)

GENERAL_QUEUE = "general"
_UNKNOWN_LANGUAGE = "und"


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as routing sees them. `load` counts live assigned tickets and open reservations."""

    id: UUID
    name: str
    role: Role
    active: bool
    available: bool
    languages: frozenset[str]
    skills: frozenset[str]
    groups: frozenset[str]
    capacity: int
    load: int

    @property
    def spoken(self) -> frozenset[str]:
        """Languages they answer in: what is recorded, else the fallback language."""
        return self.languages or frozenset({FALLBACK_LANGUAGE})

    @property
    def free(self) -> int:
        """How many more tickets they can be given now."""
        return max(self.capacity - self.load, 0) if self.active and self.available else 0


@dataclass(frozen=True, slots=True)
class WaitingTicket:
    """What of a ticket matters for who gets it. `released_at` is when each agent who let go of it last did so."""

    id: UUID
    version: int
    type: TicketType
    group: str | None
    language: str | None
    tier: str
    tags: tuple[str, ...] = ()
    released_at: Mapping[UUID, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One agent who was considered, with the score (higher is better) or the reason for being left out."""

    agent_id: UUID
    name: str
    score: float | None
    explained: tuple[Reason, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """`explained` in English."""
        return tuple(map(str, self.explained))


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets a ticket (None: it waits in `queue`), why, and the first `KEPT_CANDIDATES` of who was looked at."""

    ticket: WaitingTicket
    assignee_id: UUID | None
    queue: str
    explained: tuple[Reason, ...]
    candidates: tuple[Candidate, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """`explained` in English."""
        return tuple(map(str, self.explained))


def priority_rank(priority: Priority) -> int:
    """Urgency as a number, for ordering; higher goes first."""
    return _PRIORITY_RANK[priority]


def queue_of(group: str | None, language: str | None) -> str:
    """The queue where a ticket waits: its group and its language, `general` and `und` where there is none."""
    return f"{group or GENERAL_QUEUE}:{language or _UNKNOWN_LANGUAGE}"


def returns_at(ticket: WaitingTicket, agent_id: UUID, *, now: datetime, return_after: timedelta) -> datetime | None:
    """When an agent who let go of the ticket can get it again; None if they can `now`, or never let go of it."""
    released_at = ticket.released_at.get(agent_id)
    if released_at is None or now >= released_at + return_after:
        return None
    return released_at + return_after


def assign(
    tickets: Sequence[WaitingTicket], agents: Iterable[Agent], *, now: datetime, return_after: timedelta
) -> list[Decision]:
    """Decide about tickets in the order given; each assignment takes a place for those after it.

    Who let go of a ticket is left out of its candidates for `return_after`.
    """
    by_id = {agent.id: agent for agent in agents}
    decisions = []
    for ticket in tickets:
        decision = decide(ticket, by_id, now=now, return_after=return_after)
        if decision.assignee_id is not None:
            chosen = by_id[decision.assignee_id]
            by_id[chosen.id] = replace(chosen, load=chosen.load + 1)
        decisions.append(decision)
    return decisions


def decide(ticket: WaitingTicket, agents: Mapping[UUID, Agent], *, now: datetime, return_after: timedelta) -> Decision:
    """Decide about one ticket. Speakers of its language win; failing those, speakers of the fallback language."""
    scored: list[tuple[Agent, float]] = []
    left_out: list[tuple[Agent, Reason]] = []
    for agent in agents.values():
        if exclusion := _exclusion(ticket, agent, now=now, return_after=return_after):
            left_out.append((agent, exclusion))
        else:
            scored.append((agent, _score(ticket, agent)))
    scored.sort(key=lambda one: _rank(ticket, *one))
    kept = [Candidate(agent.id, agent.name, score, _why(ticket, agent)) for agent, score in scored[:KEPT_CANDIDATES]]
    best = scored[0][0] if scored else None
    if len(kept) < KEPT_CANDIDATES:
        left_out.sort(key=lambda one: (one[0].name, one[0].id))
        room = KEPT_CANDIDATES - len(kept)
        kept += [Candidate(agent.id, agent.name, None, (reason,)) for agent, reason in left_out[:room]]
    return Decision(
        ticket=ticket,
        assignee_id=best.id if best else None,
        queue=queue_of(ticket.group, ticket.language),
        explained=(*_reasons(ticket, best), *_left_out_summary(reason for _, reason in left_out)),
        candidates=tuple(kept),
    )


def _exclusion(ticket: WaitingTicket, agent: Agent, *, now: datetime, return_after: timedelta) -> Reason | None:
    reason = None
    if agent.role not in ASSIGNABLE_ROLES:
        reason = _NOT_AN_AGENT
    elif not agent.active:
        reason = _INACTIVE
    elif not agent.available:
        reason = _AWAY
    elif ticket.group is not None and ticket.group not in agent.groups:
        reason = _NOT_IN_GROUP
    elif _language_score(ticket, agent) == 0:
        reason = _SPEAKS_NEITHER
    elif returning := returns_at(ticket, agent.id, now=now, return_after=return_after):
        reason = _let_go_until(returning, now)
    elif agent.load >= agent.capacity:
        reason = _AT_CAPACITY
    return reason


def _let_go_until(returning: datetime, now: datetime) -> Reason:
    """Full minutes, rounded up so as not to promise too much; in English with the day where it is not that of `now`."""
    minute = (returning + timedelta(minutes=1, microseconds=-1)).astimezone(UTC).replace(second=0, microsecond=0)
    utc = f"{minute:%H:%M}" if minute.date() == now.astimezone(UTC).date() else f"{minute:%Y-%m-%d %H:%M}"
    return Reason(ReasonCode.LET_GO_UNTIL, {"at": minute, "utc": utc})


def _score(ticket: WaitingTicket, agent: Agent) -> float:
    return (
        _language_score(ticket, agent)
        + TYPE_SCORE * (ticket.type.value in agent.skills)
        + TAG_SCORE * len(_known_tags(ticket, agent))
        + TIER_SCORE * (ticket.tier in agent.skills)
    )


def _why(ticket: WaitingTicket, agent: Agent) -> tuple[Reason, ...]:
    """What the score is made of."""
    if ticket.language is None:
        reasons = [Reason(ReasonCode.LANGUAGE_UNKNOWN)]
    elif ticket.language in agent.spoken:
        reasons = [Reason(ReasonCode.SPEAKS, {"language": ticket.language})]
    else:
        reasons = [Reason(ReasonCode.SPEAKS_FALLBACK, {"language": ticket.language, "fallback": FALLBACK_LANGUAGE})]
    if ticket.type.value in agent.skills:
        reasons.append(Reason(ReasonCode.SKILLED, {"type": ticket.type.value}))
    if tags := _known_tags(ticket, agent):
        reasons.append(Reason(ReasonCode.KNOWS, {"tags": tuple(tags)}))
    if ticket.tier in agent.skills:
        reasons.append(Reason(ReasonCode.SERVES_TIER, {"tier": ticket.tier}))
    if agent.id in ticket.released_at:
        reasons.append(Reason(ReasonCode.LET_GO_BEFORE))
    reasons.append(Reason(ReasonCode.LOAD, {"load": agent.load, "capacity": agent.capacity}))
    return tuple(reasons)


def _known_tags(ticket: WaitingTicket, agent: Agent) -> list[str]:
    return sorted(agent.skills.intersection(ticket.tags))[:_COUNTED_TAGS]


def _language_score(ticket: WaitingTicket, agent: Agent) -> float:
    """Of a ticket whose language is unknown, the best reader is one of the fallback language; anybody will do."""
    if (ticket.language or FALLBACK_LANGUAGE) in agent.spoken:
        return LANGUAGE_SCORE
    if ticket.language is None or FALLBACK_LANGUAGE in agent.spoken:
        return FALLBACK_LANGUAGE_SCORE
    return 0.0


def _rank(ticket: WaitingTicket, agent: Agent, score: float) -> tuple[bool, float, float, bytes]:
    tie_break = blake2b(ticket.id.bytes + agent.id.bytes, digest_size=8).digest()
    return agent.id in ticket.released_at, -score, agent.load / agent.capacity, tie_break


def _reasons(ticket: WaitingTicket, best: Agent | None) -> tuple[Reason, ...]:
    if best is None:
        return (Reason(ReasonCode.NOBODY_FITS),)
    why = _why(ticket, best)
    if ticket.language is not None and ticket.language not in best.spoken:
        nobody = ReasonCode.NOBODY_ELSE_SPEAKS if ticket.released_at else ReasonCode.NOBODY_SPEAKS
        return (Reason(nobody, {"language": ticket.language, "fallback": FALLBACK_LANGUAGE}), *why)
    return why


def _left_out_summary(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    counts = sorted(Counter(reasons).items(), key=lambda one: str(one[0]))
    return tuple(Reason(ReasonCode.LEFT_OUT, {"count": count, "reason": reason}) for reason, count in counts)


def languages_of(tags: Iterable[str]) -> frozenset[str]:
    """Primary subtags of BCP 47 tags."""
    return frozenset(primary_subtag(tag) for tag in tags)
