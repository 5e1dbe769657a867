"""The status machine against an independent model, by random walks."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.tickets.domain.errors import InvalidTransitionError, TicketClosedError
from services.tickets.domain.status import TRANSITIONS, after_assignment, after_customer_message, transition
from services.tickets.domain.ticket import (
    Message,
    Ticket,
    differences,
    moved,
    with_assignee,
    with_customer_message,
    with_message,
    with_reply,
    with_status,
)
from shared.events.common import Actor, ActorKind, Channel, Requester, TicketStatus
from shared.events.tickets import MessageKind

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CUSTOMER = Actor(kind=ActorKind.CUSTOMER, id="c")
AGENT = Actor(kind=ActorKind.AGENT, id="a")


def a_ticket(status: TicketStatus = TicketStatus.NEW) -> Ticket:
    solved = status in {TicketStatus.SOLVED, TicketStatus.CLOSED}
    return Ticket(
        id=uuid4(),
        subject="Printer on fire",
        channel=Channel.EMAIL,
        requester=Requester(customer_id=uuid4(), name="Ana"),
        conversation_id=uuid4(),
        created_at=START,
        updated_at=START,
        status=status,
        solved_at=START if solved else None,
    )


def a_message(ticket: Ticket, kind: MessageKind, at: datetime = START, *, first_reply: bool = False) -> Message:
    return Message(
        id=uuid4(),
        ticket_id=ticket.id,
        kind=kind,
        author=CUSTOMER if kind is MessageKind.CUSTOMER else AGENT,
        text="text",
        channel=Channel.EMAIL,
        added_at=at,
        external_id=f"<{uuid4()}@example.com>" if kind is MessageKind.CUSTOMER else None,
        first_reply=first_reply,
    )


# Written out by hand rather than derived, so that a slip in the table shows.
MODEL = {
    "new": {"open", "pending", "on_hold", "solved"},
    "open": {"pending", "on_hold", "solved"},
    "pending": {"open", "on_hold", "solved"},
    "on_hold": {"open", "pending", "solved"},
    "solved": {"open", "pending", "on_hold", "closed"},
    "closed": set(),
}


class TicketLife(RuleBasedStateMachine):
    """Random lives of one ticket, compared with a model that knows only strings and counters."""

    @initialize()
    def create(self) -> None:
        self.ticket = a_ticket()
        self.status = "new"
        self.now = START
        self.messages = self.public = 0
        self.version = 1
        self.first_reply_at: datetime | None = None

    def _become(self, after: Ticket) -> None:
        changed = differences(self.ticket, after)
        self.version += bool(changed)
        self.ticket = moved(self.ticket, after, set(changed), self.now)

    def _tick(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(asked=st.sampled_from(TicketStatus), minutes=st.integers(-5, 60))
    def change_status(self, asked: TicketStatus, minutes: int) -> None:
        self._tick(minutes)
        if asked.value == self.status or asked.value in MODEL[self.status]:
            self._become(with_status(self.ticket, asked, self.now))
            self.status = asked.value
        else:
            with pytest.raises(InvalidTransitionError) as refused:
                with_status(self.ticket, asked, self.now)
            assert {status.value for status in refused.value.allowed} == MODEL[self.status]

    @rule(minutes=st.integers(-5, 60))
    def customer_writes(self, minutes: int) -> None:
        self._tick(minutes)
        message = a_message(self.ticket, MessageKind.CUSTOMER, self.now)
        if self.status == "closed":
            with pytest.raises(TicketClosedError):
                with_customer_message(self.ticket, message)
            return
        self._become(with_customer_message(self.ticket, message))
        self.status = "new" if self.status == "new" else "open"
        self.messages += 1
        self.public += 1
        assert self.ticket.last_customer_external_id == message.external_id

    @rule(asked=st.none() | st.sampled_from(TicketStatus), minutes=st.integers(-5, 60))
    def agent_replies(self, asked: TicketStatus | None, minutes: int) -> None:
        self._tick(minutes)
        message = a_message(self.ticket, MessageKind.REPLY, self.now, first_reply=self.ticket.first_reply_at is None)
        target = asked.value if asked else ("solved" if self.status == "solved" else "pending")
        if self.status == "closed" or (target != self.status and target not in MODEL[self.status]):
            with pytest.raises((TicketClosedError, InvalidTransitionError)):
                with_reply(self.ticket, message, asked)
            return
        self._become(with_reply(self.ticket, message, asked))
        self.status = target
        self.messages += 1
        self.public += 1
        self.first_reply_at = self.first_reply_at or self.now

    @rule()
    def note(self) -> None:
        self._become(with_message(self.ticket, a_message(self.ticket, MessageKind.NOTE, self.now)))
        self.messages += 1

    @rule(to_nobody=st.booleans())
    def assign(self, *, to_nobody: bool) -> None:
        assignee = None if to_nobody else uuid4()
        if self.status == "closed":
            with pytest.raises(TicketClosedError):
                with_assignee(self.ticket, assignee)
            return
        self._become(with_assignee(self.ticket, assignee))
        if self.status == "new" and assignee:
            self.status = "open"

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.ticket.status.value == self.status
        assert (self.ticket.solved_at is not None) == (self.status in {"solved", "closed"})
        assert (self.ticket.message_count, self.ticket.public_message_count) == (self.messages, self.public)
        assert self.ticket.version == self.version
        assert self.ticket.routing_version <= self.ticket.version
        assert self.ticket.first_reply_at == self.first_reply_at

    @invariant()
    def time_never_runs_backwards(self) -> None:
        latest = getattr(self, "latest", START)
        assert self.ticket.updated_at >= latest
        self.latest = self.ticket.updated_at


TicketLife.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestTicketLife = TicketLife.TestCase


def test_closed_is_final_and_new_never_comes_back() -> None:
    assert TRANSITIONS[TicketStatus.CLOSED] == frozenset()
    assert all(TicketStatus.NEW not in after for after in TRANSITIONS.values())


def test_every_refusal_lists_what_would_be_allowed_in_order() -> None:
    with pytest.raises(InvalidTransitionError) as refused:
        transition(TicketStatus.SOLVED, TicketStatus.NEW)
    assert refused.value.allowed == (
        TicketStatus.OPEN,
        TicketStatus.PENDING,
        TicketStatus.ON_HOLD,
        TicketStatus.CLOSED,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (TicketStatus.NEW, TicketStatus.NEW),
        (TicketStatus.OPEN, TicketStatus.OPEN),
        (TicketStatus.PENDING, TicketStatus.OPEN),
        (TicketStatus.ON_HOLD, TicketStatus.OPEN),
        (TicketStatus.SOLVED, TicketStatus.OPEN),
        (TicketStatus.CLOSED, None),
    ],
)
def test_what_a_customers_word_does(before: TicketStatus, after: TicketStatus | None) -> None:
    assert after_customer_message(before) == after


def test_a_new_ticket_opens_when_somebody_has_it_and_others_keep_their_status() -> None:
    assert after_assignment(TicketStatus.NEW) is TicketStatus.OPEN
    assert after_assignment(TicketStatus.PENDING) is TicketStatus.PENDING
