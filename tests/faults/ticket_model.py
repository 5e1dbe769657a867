"""What the ticket API has to do, written down a second time: strings, sets and tables by hand, nothing of the service.

Every act returns the problem that it has to be refused with, as (status, slug), or None; then it has had its effect.
"""

from dataclasses import dataclass, field, replace
from typing import Any

CATEGORIES = ("new", "open", "pending", "on_hold", "solved", "closed")
WAYS = {
    "new": {"open", "pending", "on_hold", "solved"},
    "open": {"pending", "on_hold", "solved"},
    "pending": {"open", "on_hold", "solved"},
    "on_hold": {"open", "pending", "solved"},
    "solved": {"open", "pending", "on_hold", "closed"},
    "closed": set(),
}
LEVELS = ("low", "medium", "high")
# By the sum of urgency and impact, each 0 to 2.
PRIORITY = ("low", "low", "normal", "high", "urgent")

Problem = tuple[int, str] | None

CLOSED = (409, "ticket-closed")


@dataclass(frozen=True)
class OwnStatus:
    """A status that an organisation has."""

    key: str
    category: str
    active: bool = True


@dataclass(frozen=True)
class Organisation:
    """What admins have set. `reopening` is by group, in days: None for ever, 0 never; "" for all other groups."""

    statuses: tuple[OwnStatus, ...] = tuple(OwnStatus(each, each) for each in CATEGORIES)
    forbidden: frozenset[tuple[str, str, str]] = frozenset()
    required: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    reopening: tuple[tuple[str, int | None], ...] = (("", None),)

    def ways(self, role: str, start: str) -> list[str]:
        """The categories that are open to a role, in order."""
        return [to for to in CATEGORIES if to in WAYS[start] and (role, start, to) not in self.forbidden]

    def shown(self, category: str, key: str | None) -> str:
        """The key of a ticket's status."""
        return key or next(each.key for each in self.statuses if each.category == category and each.active)

    def document(self) -> dict[str, Any]:
        """As the API takes it."""

        def policy(days: int | None) -> dict[str, Any]:
            if days is None:
                return {"policy": "always"}
            return {"policy": "within", "days": days} if days else {"policy": "never"}

        by_group = dict(self.reopening)
        return {
            "statuses": [
                {"key": each.key, "category": each.category, "labels": {"en": each.key}, "active": each.active}
                for each in self.statuses
            ],
            "forbidden": {
                role: [{"from": start, "to": to} for who, start, to in sorted(self.forbidden) if who == role]
                for role in {role for role, _, _ in self.forbidden}
            },
            "requirements": [
                {"to": to, "fields": list(fields), "types": list(types)} for to, fields, types in self.required
            ],
            "reopening": policy(by_group.pop("")),
            "reopening_of": {group: policy(days) for group, days in by_group.items()},
        }


@dataclass
class ModelTicket:
    """One ticket. `solved_on` is the day it was solved, None if it is not; `created_on` the day its first message came.

    `stood` is its status, the key and the day it was solved before it was merged; `split` what was split off.
    """

    requester: str
    conversation: str
    created_on: int = 0
    follow_up_of: int | None = None
    status: str = "new"
    key: str | None = None
    type: str = "question"
    priority: str = "normal"
    by_hand: bool = False
    urgency: str | None = None
    impact: str | None = None
    group: str | None = None
    tags: tuple[str, ...] = ()
    assignee: str | None = None
    solved_on: int | None = None
    # Which putting off holds; each is another moment.
    snoozed: int | None = None
    merged_into: int | None = None
    stood: tuple[str, str | None, int | None, int | None] | None = None
    split: int | None = None
    version: int = 1
    messages: int = 1


@dataclass
class Waiting:
    """A reply that leaves later."""

    ticket: int
    role: str
    status: str | None
    state: str = "waiting"


def _edited(function: Any) -> Any:
    """A change of anything but the number of messages moves the version by one; what is refused changes nothing."""

    def act(self: "Model", ticket: int, *arguments: Any, **named: Any) -> Problem:
        before = self.tickets[ticket]
        self.tickets[ticket] = replace(before)
        problem: Problem = function(self, self.tickets[ticket], *arguments, **named)
        if problem is not None:
            self.tickets[ticket] = before
        elif replace(self.tickets[ticket], messages=0, split=None) != replace(before, messages=0, split=None):
            self.tickets[ticket].version += 1
        return problem

    return act


@dataclass
class Model:
    """A desk with some tickets. `day` is today; `current` is the ticket that each conversation is at.

    Every customer has a conversation of their name, and every ticket that was split off one of its own. `drafts` are
    kinds and texts by ticket and role.
    """

    organisation: Organisation = Organisation()
    tickets: list[ModelTicket] = field(default_factory=list)
    current: dict[str, int] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    drafts: dict[tuple[int, str], tuple[str, str]] = field(default_factory=dict)

    def organise(self, organisation: Organisation) -> Problem:
        """Work by another document."""
        held = {ticket.key for ticket in self.tickets} - {None}
        if {each.category for each in organisation.statuses if each.active} != set(CATEGORIES):
            return 422, "unworkable-lifecycle"
        stay = {(each.key, each.category) for each in organisation.statuses}
        if any(each.key in held and (each.key, each.category) not in stay for each in self.organisation.statuses):
            return 409, "status-in-use"
        self.organisation = organisation
        return None

    def message(self, customer: str, days: int) -> int:
        """A customer writes a mail, some days after all that was solved; returns the ticket that it gets into."""
        at = self.current.get(customer)
        if at is not None:
            at = self.last(at)
            if (heard := self._going_on(at, days)) is not None:
                self._hear(heard)
                return heard
        self.tickets.append(ModelTicket(customer, customer, created_on=days, follow_up_of=at))
        self.current[customer] = len(self.tickets) - 1
        return self.current[customer]

    def last(self, ticket: int) -> int:
        """Where a ticket goes on that was merged, and what that was merged into."""
        while (into := self.tickets[ticket].merged_into) is not None:
            ticket = into
        return ticket

    def _going_on(self, ticket: int, days: int) -> int | None:
        """The ticket, or the newest of those that follow it up, where what is over is not heard."""
        if not self._is_over(self.tickets[ticket], days):
            return ticket
        line = self._line({ticket}, merged=False) - {ticket}
        ends = [self.last(each) for each in self._by_age(line)]
        return next((end for end in reversed(ends) if not self._is_over(self.tickets[end], days)), None)

    def _line(self, start: set[int], *, merged: bool) -> set[int]:
        """These tickets, what follows them up, and `merged` what of that went into which."""
        line = set(start)
        for _ in self.tickets:
            for number, each in enumerate(self.tickets):
                if each.follow_up_of in line:
                    line.add(number)
                if merged and number in line and each.merged_into is not None:
                    line.add(each.merged_into)
        return line

    def _by_age(self, tickets: set[int]) -> list[int]:
        return sorted(tickets, key=lambda number: (self.tickets[number].created_on, number))

    @_edited
    def _hear(self, ticket: ModelTicket) -> Problem:
        ticket.messages += 1
        ticket.snoozed = None
        if ticket.status != "new":
            self._move(ticket, "open")
        return None

    def customers_reply(self, ticket: int) -> int:
        """The customer writes where they read; returns the ticket that it gets into."""
        customer = self.tickets[ticket].requester
        if not self._is_over(self.tickets[ticket], 0):
            self._hear(ticket)
            return ticket
        old = self.tickets[ticket]
        line = self._line({ticket, self.current[old.conversation]}, merged=True)
        going_on = [number for number in self._by_age(line) if not self._is_over(self.tickets[number], 0)]
        if going_on:
            self._hear(going_on[-1])
            return going_on[-1]
        # It is of the same type, and as urgent as a new one of that.
        priority = "high" if old.type == "incident" else "normal"
        follow_up = ModelTicket(customer, old.conversation, follow_up_of=ticket, type=old.type, priority=priority)
        self.tickets.append(follow_up)
        self.current[old.conversation] = len(self.tickets) - 1
        return self.current[old.conversation]

    def merge(self, target: int, source: int) -> Problem:
        """An agent merges a ticket into another one."""
        if target == source:
            return 422, "merged-into-itself"
        here, there = self.tickets[target], self.tickets[source]
        if here.merged_into is not None or there.merged_into is not None:
            return 409, "already-merged"
        if here.status == "closed":
            return CLOSED
        if here.requester != there.requester:
            return 409, "other-customer"
        waits = there.status in {"new", "open"}
        self._go_into(source, target)
        self._take_in(target, waits)
        return None

    def undo_merge(self, target: int, source: int) -> Problem:
        """An agent takes a merge back."""
        if self.tickets[source].merged_into != target or target == source:
            return 404, "not-found"
        if self.tickets[target].merged_into is not None:
            return 409, "merged-on"
        self._come_out(source)
        self.tickets[target].messages += 1
        return None

    def split(self, ticket: int) -> int:
        """An agent makes the first message of a ticket a matter of its own; returns the ticket that it is."""
        old = self.tickets[ticket]
        if old.split is None:
            old.split = len(self.tickets)
            own = f"split off {old.split}"
            self.tickets.append(ModelTicket(old.requester, own, group=old.group, messages=2))
            self.current[own] = old.split
            old.messages += 1
        return old.split

    @_edited
    def _go_into(self, ticket: ModelTicket, target: int) -> None:
        ticket.stood = ticket.status, ticket.key, ticket.solved_on, ticket.snoozed
        ticket.snoozed = None
        ticket.status, ticket.key, ticket.merged_into = "closed", None, target
        ticket.solved_on = 0 if ticket.solved_on is None else ticket.solved_on
        ticket.messages += 1

    @_edited
    def _take_in(self, ticket: ModelTicket, waits: bool) -> None:
        if waits and ticket.status in {"pending", "solved"}:
            self._move(ticket, "open")
        ticket.messages += 1

    @_edited
    def _come_out(self, ticket: ModelTicket) -> None:
        assert ticket.stood is not None
        ticket.status, key, ticket.solved_on, ticket.snoozed = ticket.stood
        known = {(each.key, each.category) for each in self.organisation.statuses}
        ticket.key = key if (key, ticket.status) in known else None
        ticket.merged_into = ticket.stood = None
        ticket.messages += 1

    def reply(self, ticket: int, role: str, asked: str | None) -> Problem:
        """An agent answers."""
        problem: Problem = self._reply(ticket, role, asked)
        if problem is None:
            self._sent(ticket, role)
        return problem

    def schedule(self, ticket: int, role: str, asked: str | None) -> Problem:
        """An agent answers, later."""
        before = self.tickets[ticket]
        problem: Problem = self._reply(ticket, role, asked)
        self.tickets[ticket] = before
        if problem is None:
            self._sent(ticket, role)
            self.waiting.append(Waiting(ticket, role, asked))
        return problem

    def take_back(self, number: int) -> Problem:
        """Somebody lets a reply not leave."""
        one = self.waiting[number]
        if one.state == "released":
            return 409, "already-released"
        if one.state == "waiting":
            one.state = "cancelled"
            self._give_back(one)
        return None

    def release(self) -> None:
        """What waits is due."""
        for one in self.waiting:
            if one.state == "waiting":
                refused = self._reply(one.ticket, one.role, one.status)
                one.state = "refused" if refused else "released"
                if refused:
                    self._give_back(one)

    def _sent(self, ticket: int, role: str) -> None:
        if self.drafts.get((ticket, role), ("", ""))[0] == "reply":
            del self.drafts[ticket, role]

    def _give_back(self, one: Waiting) -> None:
        if not self.drafts.get((one.ticket, one.role), ("", ""))[1]:
            self.drafts[one.ticket, one.role] = ("reply", "Later.")

    @_edited
    def snooze(self, ticket: ModelTicket, until: int | None) -> Problem:
        """An agent puts it off, or wakes it."""
        if ticket.status == "closed":
            return CLOSED
        ticket.snoozed = until
        return None

    def wake(self) -> None:
        """The time of all that is put off has come."""
        for number in range(len(self.tickets)):
            if self.tickets[number].snoozed is not None:
                self.snooze(number, None)

    @_edited
    def _reply(self, ticket: ModelTicket, role: str, asked: str | None) -> Problem:
        if ticket.status == "closed":
            return CLOSED
        to = asked or ("solved" if ticket.status == "solved" else "pending")
        ticket.messages += 1
        return self._ask(ticket, role, to)

    @_edited
    def edit(self, ticket: ModelTicket, role: str, fields: dict[str, Any]) -> Problem:
        """An agent sets fields."""
        if ticket.status == "closed" and fields.keys() - {"status"}:
            return CLOSED
        to = fields.get("status", ticket.status)
        key = fields.get("status_key")
        if key is not None and key != ticket.key:
            chosen = [each for each in self.organisation.statuses if each.key == key and each.active]
            if not chosen:
                return 422, "unknown-status"
            to = chosen[0].category
        for name in ("type", "group", "tags", "urgency", "impact"):
            if name in fields:
                setattr(ticket, name, fields[name])
        if fields.get("priority"):
            ticket.priority, ticket.by_hand = fields["priority"], True
        elif fields.keys() & {"priority", "urgency", "impact"}:
            ticket.by_hand = ticket.by_hand and "priority" not in fields
            if not ticket.by_hand and ticket.urgency and ticket.impact:
                ticket.priority = PRIORITY[LEVELS.index(ticket.urgency) + LEVELS.index(ticket.impact)]
        problem = self._ask(ticket, role, to)
        if "status_key" in fields:
            ticket.key = key
        return problem

    @_edited
    def assign(self, ticket: ModelTicket, agent: str | None) -> Problem:
        """Somebody gives it to an agent, or takes it away."""
        if ticket.status == "closed":
            return CLOSED
        ticket.assignee = agent
        if agent and ticket.status == "new":
            self._move(ticket, "open")
        return None

    def claim(self, ticket: int, agent: str) -> Problem:
        """An agent takes it."""
        if self.tickets[ticket].assignee not in {None, agent}:
            return 409, "already-assigned"
        problem: Problem = self.assign(ticket, agent)
        return problem

    def _ask(self, ticket: ModelTicket, role: str, to: str) -> Problem:
        if to == ticket.status:
            return None
        if to not in WAYS[ticket.status]:
            return 409, "invalid-transition"
        if (role, ticket.status, to) in self.organisation.forbidden:
            return 403, "way-closed"
        if self.missing(ticket, to):
            return 422, "fields-missing"
        self._move(ticket, to)
        return None

    def missing(self, ticket: ModelTicket, to: str) -> list[str]:
        """What has to be filled in before the ticket gets there."""
        return [
            name
            for category, fields, types in self.organisation.required
            if category == to and (not types or ticket.type in types)
            for name in fields
            if not getattr(ticket, name)
        ]

    def _move(self, ticket: ModelTicket, to: str) -> None:
        if to == ticket.status:
            return
        ticket.status, ticket.key = to, None
        if to in {"solved", "closed"}:
            ticket.snoozed = None
        if to == "solved":
            ticket.solved_on = 0
        elif to != "closed":
            ticket.solved_on = None

    def over(self) -> list[int]:
        """The tickets in which customers cannot go on."""
        return [number for number, ticket in enumerate(self.tickets) if self._is_over(ticket, 0)]

    def _is_over(self, ticket: ModelTicket, days: int) -> bool:
        by_group = dict(self.organisation.reopening)
        within = by_group.get(ticket.group or "", by_group[""])
        return ticket.status == "closed" or (ticket.status == "solved" and within is not None and days >= within)
