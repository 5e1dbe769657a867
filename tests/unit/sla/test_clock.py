"""The clock against a second-by-second model, with timers that fire early, late, twice and stale (R14, short)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.sla.domain.clock import (
    Clock,
    Happening,
    Plan,
    Step,
    Timer,
    TimerKind,
    cancel,
    fire,
    pause,
    replan,
    resume,
    start,
    stop,
    timers_of,
)
from shared.events.sla import ClockState, SlaMetric

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
POLICY = UUID(int=1)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def plan(target_seconds: int, warn_fraction: float = 0.8) -> Plan:
    return Plan(POLICY, "Default", target_seconds, warn_fraction)


def running(target_seconds: int = 100) -> Clock:
    return start(SlaMetric.RESOLUTION, plan(target_seconds), START).clock


def happenings(step: Step) -> list[Happening]:
    return [happening for happening, _ in step.happened]


class Model:
    """A clock that lives every second one by one. What happens at a second comes before that second counts."""

    def __init__(self, target: int) -> None:
        self.now = 0
        self.target = target
        self.counted = 0
        self.state = "running"
        self.breached_at: int | None = None

    def advance(self, seconds: int) -> None:
        for _ in range(seconds):
            if self.state == "running":
                if self.breached_at is None and self.counted >= self.target:
                    self.breached_at = self.now
                self.counted += 1
            self.now += 1

    def replan(self, target: int) -> None:
        if self.state == "met":
            return
        self.target = target
        if self.breached_at is not None and self.counted < target:
            self.breached_at = None

    @property
    def expected(self) -> ClockState:
        if self.state == "met":
            return ClockState.MET
        if self.breached_at is not None:
            return ClockState.BREACHED
        return ClockState.RUNNING if self.state == "running" else ClockState.PAUSED


class ClockMachine(RuleBasedStateMachine):
    """Facts come in order; timers of any generation fire at any time, even with a moment that is not read yet."""

    @initialize(allowed=st.integers(1, 60))
    def begin(self, allowed: int) -> None:
        self.model = Model(allowed)
        self.clock = running(allowed)
        self.armed: list[Timer] = list(timers_of(self.clock))

    def take(self, step: Step) -> None:
        if step.clock is not self.clock:
            assert step.clock.generation >= self.clock.generation
        self.clock = step.clock
        self.armed += timers_of(self.clock)

    @rule(seconds=st.integers(0, 40))
    def time_passes(self, seconds: int) -> None:
        self.model.advance(seconds)

    @rule()
    def waits_for_customer(self) -> None:
        if self.model.state == "running":
            self.model.state = "paused"
        self.take(pause(self.clock, at(self.model.now)))

    @rule()
    def is_ours_again(self) -> None:
        self.model.state = "running"
        self.take(resume(self.clock, at(self.model.now)))

    @rule()
    def is_solved(self) -> None:
        self.model.state = "met"
        self.take(stop(self.clock, at(self.model.now)))

    @rule(allowed=st.integers(1, 60))
    def priority_changes(self, allowed: int) -> None:
        self.model.replan(allowed)
        self.take(replan(self.clock, plan(allowed), at(self.model.now)))

    @precondition(lambda self: self.armed)
    @rule(data=st.data(), ahead=st.integers(0, 50))
    def a_timer_fires(self, data: st.DataObject, ahead: int) -> None:
        timer = data.draw(st.sampled_from(self.armed))
        until = at(self.model.now + ahead)
        before = self.clock
        step = fire(before, timer.kind, timer.generation, until)
        if timer.generation != before.generation:
            assert step == Step(before), "a stale generation fired"
        if step.happened:
            assert timer.due_at < until, "fired before it was due"
        assert fire(step.clock, timer.kind, timer.generation, until) == Step(step.clock), "fired twice"
        self.clock = step.clock

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "model"):
            return
        now = at(self.model.now)
        clock = fire(self.clock, TimerKind.BREACH, self.clock.generation, now).clock
        state, breached_at = clock.state, clock.breached_at
        if clock.ticking and breached_at is not None and breached_at >= now:
            # Declared ahead of time; a fact that came now would withdraw it.
            state, breached_at = ClockState.RUNNING, None
        assert state is self.model.expected
        assert breached_at == (None if self.model.breached_at is None else at(self.model.breached_at))
        assert clock.counted(now) == timedelta(seconds=self.model.counted)

    @invariant()
    def only_running_clocks_are_armed(self) -> None:
        if hasattr(self, "clock"):
            armed = timers_of(self.clock)
            assert bool(armed) == (self.clock.state is ClockState.RUNNING)
            assert {timer.generation for timer in armed} <= {self.clock.generation}


TestClockMachine = ClockMachine.TestCase
TestClockMachine.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)


def test_it_warns_then_breaches_once_each() -> None:
    clock = running(100)
    warned = fire(clock, TimerKind.WARN, clock.generation, at(81))
    assert happenings(warned) == [Happening.WARNED]
    breached = fire(warned.clock, TimerKind.BREACH, clock.generation, at(101))
    assert happenings(breached) == [Happening.BREACHED]
    assert breached.clock.breached_at == at(100)
    assert not fire(breached.clock, TimerKind.BREACH, clock.generation, at(200)).happened


def test_a_warning_that_comes_after_its_breach_is_not_told() -> None:
    clock = running(100)
    assert not fire(clock, TimerKind.WARN, clock.generation, at(101)).happened


@pytest.mark.parametrize(("replied_at", "late"), [(99, False), (100, False), (101, True)])
def test_what_happens_exactly_at_the_deadline_is_in_time(replied_at: int, *, late: bool) -> None:
    met = stop(running(100), at(replied_at))
    assert met.clock.state is ClockState.MET
    assert met.clock.breached_at == (at(100) if late else None)
    assert happenings(met) == ([Happening.BREACHED, Happening.MET] if late else [Happening.MET])


@pytest.mark.parametrize("replied_at", [90, 100])
def test_a_reply_from_before_the_breach_withdraws_it(replied_at: int) -> None:
    clock = running(100)
    breached = fire(clock, TimerKind.BREACH, clock.generation, at(150)).clock
    met = stop(breached, at(replied_at))
    assert (met.clock.state, met.clock.breached_at) == (ClockState.MET, None)
    assert Happening.CHANGED in happenings(met)


def test_reopening_goes_on_with_the_time_that_was_left() -> None:
    solved = stop(running(100), at(30)).clock
    reopened = resume(solved, at(1000)).clock
    assert (reopened.state, reopened.due_at) == (ClockState.RUNNING, at(1070))


def test_reopening_what_was_met_late_is_late_again() -> None:
    late = stop(running(100), at(130)).clock
    reopened = resume(late, at(1000)).clock
    assert (reopened.state, reopened.breached_at) == (ClockState.BREACHED, at(100))


def test_a_shorter_target_never_sets_a_deadline_in_the_past() -> None:
    clock = replan(running(100), plan(10), at(50)).clock
    assert clock.due_at == at(50)
    assert stop(clock, at(50)).clock.breached_at is None
    assert stop(clock, at(51)).clock.breached_at == at(50)


def test_a_cancelled_clock_never_comes_back() -> None:
    cancelled = cancel(running(), at(10)).clock
    assert cancelled.state is ClockState.CANCELLED
    assert resume(cancelled, at(20)).clock is cancelled
    assert not timers_of(cancelled)


def test_cancelling_leaves_a_breach_on_record() -> None:
    cancelled = cancel(running(100), at(130)).clock
    assert (cancelled.state, cancelled.breached_at, cancelled.ticking) == (ClockState.BREACHED, at(100), False)
    assert not cancel(cancelled, at(140)).happened


def test_facts_dated_by_a_clock_that_is_behind_do_not_count_backwards() -> None:
    clock = pause(running(100), at(40)).clock
    clock = resume(clock, at(39)).clock
    clock = pause(clock, at(38)).clock
    assert clock.counted(at(500)) == timedelta(seconds=40)
    assert all(interval.end is None or interval.start <= interval.end for interval in clock.intervals)
