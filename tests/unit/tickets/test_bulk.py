"""What a change of many tickets makes of each, and how it is taken back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.bulk import MAX_TAGS, Actions, MovedSinceError, TooManyTagsError, acted, put_back
from services.tickets.domain.errors import TicketClosedError, TicketRuleError
from services.tickets.domain.lifecycle import DEFAULT, Level, Lifecycle, Status, Type
from services.tickets.domain.ticket import Ticket, differences
from shared.events.common import Channel, Priority, Requester, TicketStatus, TicketType
from shared.events.tickets import FieldChange
from shared.ids import uuid7

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OWN = Status("parts", TicketStatus.ON_HOLD, {"en": "Waits for parts"})
REFUND = Type("refund", TicketType.BILLING, {"en": "Refund"})
LIFECYCLE = Lifecycle(statuses=(*DEFAULT.statuses, OWN), types=(*DEFAULT.types, REFUND))
AGENTS = [uuid7() for _ in range(2)]

tags = st.lists(st.sampled_from("abcde"), unique=True).map(tuple)
fields = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.sampled_from(Priority),
        "urgency": st.sampled_from(Level),
        "impact": st.sampled_from(Level),
        "group": st.sampled_from(["Sales", None]),
    },
)
kind = st.one_of(
    st.just({}),
    st.sampled_from(TicketType).map(lambda to: {"type": to}),
    st.sampled_from([REFUND.key, None]).map(lambda key: {"type_key": key}),
)
status = st.one_of(
    st.just({}),
    st.sampled_from(TicketStatus).map(lambda to: {"status": to}),
    st.just({"status_key": OWN.key}),
)


@st.composite
def actions(draw: st.DrawFn) -> Actions:
    add = draw(tags)
    return Actions(
        assigns=draw(st.booleans()),
        assignee_id=draw(st.sampled_from([None, *AGENTS])),
        fields=draw(fields) | draw(status) | draw(kind),
        add_tags=add,
        remove_tags=tuple(tag for tag in draw(tags) if tag not in add),
        snoozes=draw(st.booleans()),
        snooze_until=draw(st.sampled_from([None, NOW + timedelta(days=1)])),
    )


@st.composite
def tickets(draw: st.DrawFn) -> Ticket:
    """What became of a new ticket by several changes."""
    ticket = a_ticket(tags=draw(tags))
    for each in draw(st.lists(actions(), max_size=3)):
        ticket = tried(ticket, each)
    return ticket


def a_ticket(**given: Any) -> Ticket:
    return Ticket(
        id=uuid7(),
        subject="Printer on fire",
        channel=Channel.EMAIL,
        requester=Requester(customer_id=uuid7(), name="Ana"),
        conversation_id=uuid7(),
        created_at=NOW,
        updated_at=NOW,
        **given,
    )


def tried(ticket: Ticket, what: Actions) -> Ticket:
    try:
        return acted(ticket, what, LIFECYCLE, role="agent", now=NOW)
    except TicketRuleError:
        return ticket


def told(before: Ticket, after: Ticket) -> dict[str, FieldChange]:
    """The changes as they come back from where they were kept."""
    changes = differences(before, after)
    return {name: FieldChange.model_validate_json(change.model_dump_json()) for name, change in changes.items()}


def same_tags(one: Ticket, other: Ticket) -> bool:
    return set(one.tags) == set(other.tags) and replace(one, tags=()) == replace(other, tags=())


@given(tickets(), actions())
def test_what_was_done_is_put_back_whatever_it_was_unless_it_closed_the_ticket(ticket: Ticket, what: Actions) -> None:
    after = tried(ticket, what)
    if after.status is TicketStatus.CLOSED:
        with pytest.raises(TicketClosedError):
            put_back(after, told(ticket, after), LIFECYCLE)
    else:
        # Tags come back at the end: their order tells when they came.
        assert same_tags(put_back(after, told(ticket, after), LIFECYCLE), ticket)


@given(tickets(), actions(), actions())
def test_what_somebody_changed_since_stays(ticket: Ticket, what: Actions, since: Actions) -> None:
    after = tried(ticket, what)
    now = tried(after, since)
    changes = told(ticket, after)
    if now.status is TicketStatus.CLOSED:
        return
    touched = {name for name in changes if name != "tags"} & differences(after, now).keys()
    lost = {name for name in touched if getattr(now, name) != getattr(ticket, name)}
    lost |= {
        f"{name}_key"
        for name in ("status", "type")
        if name in changes and getattr(now, name) != getattr(ticket, name)
        if f"{name}_key" not in changes and getattr(now, f"{name}_key") is not None
    }
    if lost:
        with pytest.raises(MovedSinceError) as refused:
            put_back(now, changes, LIFECYCLE)
        assert set(refused.value.fields) == lost
    else:
        back = put_back(now, changes, LIFECYCLE)
        others = differences(after, now).keys() - changes.keys()
        assert all(getattr(back, name) == getattr(now, name) for name in others)


@given(tickets(), actions())
def test_what_is_done_twice_is_done_once(ticket: Ticket, what: Actions) -> None:
    after = tried(ticket, what)
    again = tried(after, what)
    assert replace(again, solved_at=None) == replace(after, solved_at=None)


def test_tags_of_others_stay() -> None:
    before = a_ticket(tags=("a", "b"))
    after = acted(before, Actions(add_tags=("c",), remove_tags=("a",)), LIFECYCLE, role="agent", now=NOW)
    assert after.tags == ("b", "c")
    later = replace(after, tags=("b", "c", "d"))
    assert put_back(later, told(before, after), LIFECYCLE).tags == ("b", "d", "a")


def test_a_ticket_takes_only_so_many_tags() -> None:
    full = a_ticket(tags=tuple(f"t{n}" for n in range(MAX_TAGS)))
    with pytest.raises(TooManyTagsError):
        acted(full, Actions(add_tags=("more",)), LIFECYCLE, role="agent", now=NOW)
    swapped = acted(full, Actions(add_tags=("more",), remove_tags=("t0",)), LIFECYCLE, role="agent", now=NOW)
    assert len(swapped.tags) == MAX_TAGS


def test_a_status_that_is_gone_comes_back_as_the_first_of_its_category() -> None:
    before = acted(a_ticket(), Actions(fields={"status_key": OWN.key}), LIFECYCLE, role="agent", now=NOW)
    after = acted(before, Actions(fields={"status": TicketStatus.SOLVED}), LIFECYCLE, role="agent", now=NOW)
    back = put_back(after, told(before, after), DEFAULT)
    assert (back.status, back.status_key, back.solved_at) == (TicketStatus.ON_HOLD, None, None)


def test_what_is_needed_is_what_is_done() -> None:
    assert Actions(fields={"priority": Priority.LOW}).needs == ("ticket.change",)
    assert Actions(assigns=True, snoozes=True).needs == ("ticket.assign", "ticket.snooze")
    assert Actions(remove_tags=("a",)).needs == ("ticket.change",)
