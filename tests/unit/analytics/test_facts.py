"""Facts of a ticket: what its events say, whatever the order in which two services' events arrive."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.domain.archive import ArchivedEvent, archived
from services.analytics.domain.facts import Span, TicketFacts, fold
from shared.events import Event, EventData
from shared.events.common import (
    Actor,
    ActorKind,
    Channel,
    Priority,
    Requester,
    TicketSnapshot,
    TicketStatus,
    TicketType,
)
from shared.events.messages import MessageFailed
from shared.events.routing import TicketClassified
from shared.events.sla import Clock, ClockState, SlaBreached, SlaClockChanged, SlaMet, SlaMetric, SlaWarned
from shared.events.tickets import (
    FieldChange,
    MessageKind,
    ThreadMessage,
    TicketChanged,
    TicketCreated,
    TicketMessageAdded,
)

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICKET = UUID("0195a000-0000-7000-8000-000000000001")
CUSTOMER = UUID("0195a000-0000-7000-8000-0000000000c1")
REQUESTER = Requester(customer_id=CUSTOMER, name="Jürgen Groß", email="j@example.org", language="de", region="DE")
AGENT = Actor(kind=ActorKind.AGENT, id=str(uuid4()), name="Asha Rao")


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def snapshot(status: TicketStatus = TicketStatus.NEW, **values: object) -> TicketSnapshot:
    fields: dict[str, object] = {
        "id": TICKET,
        "number": 7,
        "version": 1,
        "subject": "Where is my parcel?",
        "status": status,
        "priority": Priority.NORMAL,
        "type": TicketType.QUESTION,
        "channel": Channel.EMAIL,
        "requester": Requester(
            customer_id=CUSTOMER, name="Jürgen Groß", email="j@example.org", language="de", region="DE"
        ),
        "created_at": START,
        "updated_at": START,
    }
    return TicketSnapshot.model_validate(fields | values)


def archive(*data: EventData, source: str = "tickets", first: int = 1) -> list[ArchivedEvent]:
    return [
        archived(
            Event(
                id=uuid4(),
                source=source,
                aggregate_id=str(TICKET),
                aggregate_version=version,
                time=START,
                data=item,
                correlation_id="c",
            )
        )
        for version, item in enumerate(data, start=first)
    ]


def created(status: TicketStatus = TicketStatus.NEW, **values: object) -> TicketCreated:
    first = ThreadMessage(
        id=uuid4(),
        kind=MessageKind.CUSTOMER,
        channel=Channel.EMAIL,
        author=Actor(kind=ActorKind.CUSTOMER, id=str(CUSTOMER)),
        text="My parcel …",
        added_at=START,
    )
    return TicketCreated(ticket=snapshot(status, **values), message=first, actor=AGENT)


def changed(status: TicketStatus, minutes: float, **values: object) -> TicketChanged:
    return TicketChanged(
        ticket=snapshot(status, **values),
        changes={"status": FieldChange(before="open", after=status)},
        actor=AGENT,
        cause="agent",
        changed_at=after(minutes),
    )


def message(kind: MessageKind, minutes: float, *, first_reply: bool = False, **values: object) -> TicketMessageAdded:
    added = ThreadMessage(
        id=uuid4(),
        kind=kind,
        channel=Channel.EMAIL,
        author=AGENT,
        text="It is on its way.",
        added_at=after(minutes),
        first_reply=first_reply,
    )
    return TicketMessageAdded(ticket=snapshot(TicketStatus.OPEN, **values), message=added)


def clock(state: ClockState, *, breached: float | None = None, stopped: float | None = None, start: float = 0) -> Clock:
    return Clock(
        metric=SlaMetric.FIRST_RESPONSE,
        state=state,
        policy="default",
        target_seconds=3600,
        started_at=after(start),
        due_at=after(60),
        breached_at=None if breached is None else after(breached),
        stopped_at=None if stopped is None else after(stopped),
        generation=1,
    )


BREACHED = SlaBreached(ticket_id=TICKET, clock=clock(ClockState.BREACHED, breached=60), next_due_at=None, at=after(60))


def facts_of(events: Iterable[ArchivedEvent]) -> TicketFacts:
    return fold({}, events)[TICKET]


def test_a_ticket_keeps_what_figures_are_split_by() -> None:
    facts = facts_of(archive(created(group="billing", assignee_id=CUSTOMER)))
    assert (facts.channel, facts.language, facts.region, facts.priority, facts.group) == (
        "email",
        "de",
        "DE",
        "normal",
        "billing",
    )
    assert facts.created_at == START
    assert facts.assignee_id == CUSTOMER


def test_the_tickets_own_language_goes_before_the_requesters() -> None:
    assert facts_of(archive(created(), changed(TicketStatus.OPEN, 1, language="tr"))).language == "tr"


def classified(language: str | None) -> TicketClassified:
    return TicketClassified(ticket_id=TICKET, language=language, language_confidence=0.9, classified_at=after(1))


def test_a_detected_language_counts_before_the_requesters_and_behind_the_tickets() -> None:
    """A ticket that nobody takes has no further event of its own: its language was counted as the requester's."""
    detected, abstained = archive(classified("fr"), source="routing"), archive(classified(None), source="routing")
    opened, corrected = archive(created()), archive(changed(TicketStatus.OPEN, 2, language="tr"), first=2)
    for order in permutations((opened, detected)):
        assert facts_of([event for events in order for event in events]).language == "fr"
    for order in permutations((opened + corrected, detected)):
        assert facts_of([event for events in order for event in events]).language == "tr"
    assert facts_of([*opened, *abstained]).language == "de"


def test_first_reply_is_the_first_that_was_released() -> None:
    facts = facts_of(
        archive(
            created(),
            message(MessageKind.CUSTOMER, 1),
            message(MessageKind.NOTE, 3),
            message(MessageKind.REPLY, 12, first_reply=True),
            message(MessageKind.REPLY, 30),
        )
    )
    assert facts.first_reply_at == after(12)
    assert (facts.customer_messages, facts.replies) == (2, 2)


def test_a_ticket_that_begins_with_a_reply_is_answered() -> None:
    reply = message(MessageKind.REPLY, 0, first_reply=True).message
    facts = facts_of(archive(created().model_copy(update={"message": reply})))
    assert facts.first_reply_at == START
    assert (facts.customer_messages, facts.replies) == (0, 1)


def test_backlog_spans_follow_solving_and_reopening() -> None:
    facts = facts_of(
        archive(
            created(),
            changed(TicketStatus.SOLVED, 30, solved_at=after(29)),
            changed(TicketStatus.OPEN, 90),
            changed(TicketStatus.SOLVED, 120, solved_at=after(120)),
            changed(TicketStatus.CLOSED, 9000, solved_at=after(120)),
        )
    )
    assert facts.spans == (Span(START, after(29)), Span(after(90), after(120)))
    assert facts.reopened_count == 1
    assert facts.solved_at == after(120)


def test_a_reopened_ticket_is_not_solved() -> None:
    facts = facts_of(archive(created(), changed(TicketStatus.SOLVED, 30), changed(TicketStatus.PENDING, 40)))
    assert facts.solved_at is None
    assert facts.spans[-1] == Span(after(40))


def test_changes_within_the_backlog_do_not_split_its_span() -> None:
    facts = facts_of(archive(created(), changed(TicketStatus.OPEN, 1), changed(TicketStatus.ON_HOLD, 2)))
    assert facts.spans == (Span(START),)


def test_a_clock_stopped_in_time_is_judged_at_its_stop() -> None:
    event = SlaMet(ticket_id=TICKET, clock=clock(ClockState.MET, stopped=20), next_due_at=None, at=after(20))
    (found,) = facts_of(archive(event, source="sla")).clocks
    assert (found.judged_at, found.breached_at) == (after(20), None)


def test_a_clock_met_late_stays_breached_and_is_judged_once() -> None:
    late = clock(ClockState.MET, breached=60, stopped=75)
    facts = facts_of(
        archive(
            SlaWarned(ticket_id=TICKET, clock=clock(ClockState.RUNNING), next_due_at=None, at=after(45)),
            SlaBreached(
                ticket_id=TICKET, clock=clock(ClockState.BREACHED, breached=60), next_due_at=None, at=after(60)
            ),
            SlaMet(ticket_id=TICKET, clock=late, next_due_at=None, at=after(75)),
            source="sla",
        )
    )
    (found,) = facts.clocks
    assert (found.judged_at, found.breached_at, found.warned) == (after(60), after(60), True)


def test_a_late_fact_withdraws_a_breach() -> None:
    facts = facts_of(
        archive(
            SlaBreached(
                ticket_id=TICKET, clock=clock(ClockState.BREACHED, breached=60), next_due_at=None, at=after(60)
            ),
            SlaClockChanged(
                ticket_id=TICKET, clocks=(clock(ClockState.MET, stopped=59),), next_due_at=None, changed_at=after(61)
            ),
            source="sla",
        )
    )
    assert [(found.judged_at, found.breached_at) for found in facts.clocks] == [(after(59), None)]


def test_cancelled_and_running_clocks_are_not_judged_and_not_kept() -> None:
    for state in (ClockState.CANCELLED, ClockState.RUNNING, ClockState.PAUSED):
        event = SlaClockChanged(ticket_id=TICKET, clocks=(clock(state),), next_due_at=None, changed_at=START)
        assert facts_of(archive(event, source="sla")).clocks == ()


def test_a_withdrawn_breach_of_a_clock_that_runs_on_leaves_nothing() -> None:
    running = SlaClockChanged(
        ticket_id=TICKET, clocks=(clock(ClockState.RUNNING),), next_due_at=None, changed_at=after(61)
    )
    assert facts_of(archive(BREACHED, running, source="sla")).clocks == ()


def test_a_clock_that_was_warned_of_stays_so() -> None:
    warned = SlaWarned(ticket_id=TICKET, clock=clock(ClockState.RUNNING), next_due_at=None, at=after(45))
    paused = SlaClockChanged(
        ticket_id=TICKET, clocks=(clock(ClockState.PAUSED),), next_due_at=None, changed_at=after(46)
    )
    (found,) = facts_of(archive(warned, paused, source="sla")).clocks
    assert (found.warned, found.judged_at) == (True, None)


def test_a_clock_started_anew_is_another_clock() -> None:
    both = (clock(ClockState.MET, stopped=5), clock(ClockState.MET, start=90, stopped=95))
    event = SlaClockChanged(ticket_id=TICKET, clocks=both, next_due_at=None, changed_at=START)
    assert len(facts_of(archive(event, source="sla")).clocks) == 2


def test_folding_leaves_what_was_known_as_it_was() -> None:
    opened, solved = archive(created(), changed(TicketStatus.SOLVED, 30))
    known = fold({}, [opened])
    assert fold(known, [solved])[TICKET].solved_at == after(30)
    assert known[TICKET].solved_at is None


def test_delivery_results_are_archived_and_change_no_facts() -> None:
    failed = MessageFailed(
        message_id=uuid4(),
        ticket_id=TICKET,
        conversation_id=uuid4(),
        failed_at=START,
        reason="550 no j@x.org",
        attempts=3,
    )
    (event,) = archive(failed, source="ingestion")
    assert facts_of([event]) == TicketFacts(TICKET)


TICKET_STREAM = archive(
    created(),
    message(MessageKind.CUSTOMER, 0),
    message(MessageKind.REPLY, 10, first_reply=True),
    changed(TicketStatus.SOLVED, 30, solved_at=after(30)),
    changed(TicketStatus.OPEN, 70),
)
SLA_STREAM = archive(
    SlaClockChanged(ticket_id=TICKET, clocks=(clock(ClockState.RUNNING),), next_due_at=after(60), changed_at=START),
    SlaWarned(ticket_id=TICKET, clock=clock(ClockState.RUNNING), next_due_at=None, at=after(5)),
    SlaMet(ticket_id=TICKET, clock=clock(ClockState.MET, stopped=10), next_due_at=None, at=after(10)),
    source="sla",
)


def interleaved(choices: Sequence[bool]) -> list[ArchivedEvent]:
    tickets, sla = list(TICKET_STREAM), list(SLA_STREAM)
    merged = []
    for from_sla in choices:
        if from_sla and sla:
            merged.append(sla.pop(0))
        elif tickets:
            merged.append(tickets.pop(0))
    return [*merged, *sla, *tickets]


@given(st.lists(st.booleans(), max_size=10))
def test_facts_do_not_depend_on_how_two_services_events_interleave(choices: list[bool]) -> None:
    assert facts_of(interleaved(choices)) == facts_of([*TICKET_STREAM, *SLA_STREAM])


@given(st.lists(st.booleans(), max_size=10), st.integers(0, 8))
def test_folding_in_two_batches_is_folding_in_one(choices: list[bool], cut: int) -> None:
    events = interleaved(choices)
    first = fold({}, events[:cut])
    assert first | fold(first, events[cut:]) == fold({}, events)
