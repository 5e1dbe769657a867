"""A ticket's facts: what all its events say, folded. The only way from events to figures.

Each source fills fields of its own (tickets: the ticket and its spans; sla: the clocks), and keeps its own order; the
language, of which two sources speak, goes by who is believed more. So facts do not depend on how the streams of two
sources interleave, and reading the archive again gives the same facts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import IntEnum
from operator import attrgetter
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from services.analytics.domain.archive import ArchivedEvent
from shared.events.routing import TicketClassified
from shared.events.sla import ClockState, SlaBreached, SlaClockChanged, SlaMet, SlaWarned
from shared.events.tickets import MessageKind, TicketChanged, TicketCreated, TicketMessageAdded

UNSOLVED = frozenset({"new", "open", "pending", "on_hold"})
UNDETERMINED_LANGUAGE = "und"  # BCP 47, for a ticket whose language nobody knows yet


class LanguageFrom(IntEnum):
    """Who told a ticket's language; the higher is believed."""

    REQUESTER = 1  # what they usually write
    DETECTOR = 2
    TICKET = 3


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a ticket was in the backlog. `ended_at` is None while it still is."""

    started_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """One SLA clock of a ticket, known by metric and start. A clock that was stopped late has both times."""

    metric: str
    started_at: datetime
    policy: str
    target_seconds: int
    state: str
    warned: bool = False
    breached_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def judged_at(self) -> datetime | None:
        """When it was decided whether the target was kept: at the breach, or at the stop in time."""
        if self.state == ClockState.CANCELLED:
            return None
        return self.breached_at or (self.stopped_at if self.state == ClockState.MET else None)


@dataclass(slots=True)
class TicketFacts:
    """What analytics knows of one ticket. Fields of the ticket are None until its own events arrive.

    Only `fold` changes facts, and only copies of its own. Of clocks it has those that were judged or warned of: others
    have nothing to tell yet.
    """

    ticket_id: UUID
    number: int | None = None
    channel: str | None = None
    language: str | None = None
    language_from: int = LanguageFrom.REQUESTER
    priority: str | None = None
    ticket_type: str | None = None
    region: str | None = None
    tier: str | None = None
    brand: str | None = None
    group: str | None = None
    status: str | None = None
    assignee_id: UUID | None = None
    created_at: datetime | None = None
    first_reply_at: datetime | None = None
    solved_at: datetime | None = None
    customer_messages: int = 0
    replies: int = 0
    spans: tuple[Span, ...] = ()
    clocks: tuple[ClockFacts, ...] = ()

    @property
    def reopened_count(self) -> int:
        """How often the ticket came back after it was solved."""
        return max(0, len(self.spans) - 1)


_values = attrgetter(*(field.name for field in fields(TicketFacts)))


def fold(known: Mapping[UUID, TicketFacts], events: Iterable[ArchivedEvent]) -> dict[UUID, TicketFacts]:
    """Apply events to their tickets' facts, starting with what is `known`; returns the tickets that had events.

    Events that say nothing about facts change nothing. Events of one source must come in the order of their versions;
    between sources any order gives the same result.
    """
    folded: dict[UUID, TicketFacts] = {}
    for event in events:
        ticket_id = event.ticket_id
        facts = folded.get(ticket_id)
        if facts is None:
            before = known.get(ticket_id)
            facts = folded[ticket_id] = TicketFacts(*_values(before)) if before else TicketFacts(ticket_id)
        if rule := _RULES.get(event.type):
            rule(facts, from_json(event.data))
    return folded


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _changed(facts: TicketFacts, data: Mapping[str, Any]) -> None:
    _ticket(facts, data["ticket"], data["changed_at"])


def _message_added(facts: TicketFacts, data: Mapping[str, Any]) -> None:
    message = data["message"]
    _ticket(facts, data["ticket"], message["added_at"])
    facts.customer_messages += message["kind"] == MessageKind.CUSTOMER
    facts.replies += message["kind"] == MessageKind.REPLY
    if message["first_reply"] and facts.first_reply_at is None:
        facts.first_reply_at = _time(message["added_at"])


def _ticket(facts: TicketFacts, ticket: Mapping[str, Any], moment: str) -> None:
    requester = ticket["requester"]
    facts.number = ticket["number"]
    facts.channel = ticket["channel"]
    facts.priority = ticket["priority"]
    facts.ticket_type = ticket["type"]
    facts.region = requester["region"]
    facts.tier = requester["tier"]
    facts.brand = ticket["brand"]
    facts.group = ticket["group"]
    facts.status = ticket["status"]
    facts.assignee_id = UUID(ticket["assignee_id"]) if ticket["assignee_id"] else None
    facts.created_at = datetime.fromisoformat(ticket["created_at"])
    if ticket["language"]:
        _language(facts, ticket["language"], LanguageFrom.TICKET)
    else:
        _language(facts, requester["language"], LanguageFrom.REQUESTER)
    _backlog(facts, ticket, facts.created_at, moment)


def _classified(facts: TicketFacts, data: Mapping[str, Any]) -> None:
    _language(facts, data["language"], LanguageFrom.DETECTOR)


def _language(facts: TicketFacts, told: str | None, by: LanguageFrom) -> None:
    if told is not None and by >= facts.language_from:
        facts.language, facts.language_from = told, int(by)


def _backlog(facts: TicketFacts, ticket: Mapping[str, Any], created_at: datetime, moment: str) -> None:
    """Spans in the backlog and the last solution: a span ends with the solution, and a reopening starts the next."""
    spans = facts.spans or (Span(created_at),)
    in_backlog = spans[-1].ended_at is None
    if ticket["status"] in UNSOLVED:
        facts.spans = spans if in_backlog else (*spans, Span(datetime.fromisoformat(moment)))
        facts.solved_at = None
    elif in_backlog:
        facts.solved_at = datetime.fromisoformat(ticket["solved_at"] or moment)
        facts.spans = (*spans[:-1], replace(spans[-1], ended_at=facts.solved_at))


def _clocks_changed(facts: TicketFacts, data: Mapping[str, Any]) -> None:
    for clock in data["clocks"]:
        _clock(facts, clock)


def _clock_event(facts: TicketFacts, data: Mapping[str, Any]) -> None:
    _clock(facts, data["clock"])


def _clock_warned(facts: TicketFacts, data: Mapping[str, Any]) -> None:
    _clock(facts, data["clock"], warned=True)


def _clock(facts: TicketFacts, clock: Mapping[str, Any], *, warned: bool = False) -> None:
    """Take over a clock's newest state. That may withdraw a breach, where a late fact proved it wrong."""
    started_at = datetime.fromisoformat(clock["started_at"])
    key = (clock["metric"], started_at)
    same = [known for known in facts.clocks if (known.metric, known.started_at) == key]
    newest = ClockFacts(
        metric=clock["metric"],
        started_at=started_at,
        policy=clock["policy"],
        target_seconds=clock["target_seconds"],
        state=clock["state"],
        warned=warned or any(known.warned for known in same),
        breached_at=_time(clock["breached_at"]),
        stopped_at=_time(clock["stopped_at"]),
    )
    told = [newest] if newest.warned or newest.judged_at else []
    if same or told:
        others = [known for known in facts.clocks if known not in same]
        facts.clocks = tuple(sorted([*others, *told], key=lambda known: (known.metric, known.started_at)))


_RULES: Mapping[str, Callable[[TicketFacts, Mapping[str, Any]], None]] = {
    TicketCreated.type: _message_added,
    TicketChanged.type: _changed,
    TicketMessageAdded.type: _message_added,
    TicketClassified.type: _classified,
    SlaClockChanged.type: _clocks_changed,
    SlaBreached.type: _clock_event,
    SlaMet.type: _clock_event,
    SlaWarned.type: _clock_warned,
}
