"""One SLA clock as a state machine: plain functions over a frozen value, time passed in.

A clock counts the time in its intervals. Its deadline is missed when the counted time passes the target; what happens
exactly at the deadline is in time. Facts (a reply, a change of status) come with the moment they happened, which may be
before a breach that was already declared: then the breach is withdrawn. So the state a clock ends in follows from the
facts alone, however late or early its timers fired.

Every start, pause, resume, stop and new plan moves `generation`; a timer armed under an older one no longer means
anything.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.events.sla import ClockState, SlaMetric


class TimerKind(StrEnum):
    """What a timer announces."""

    WARN = "warn"
    BREACH = "breach"


class Happening(StrEnum):
    """What a step did to a clock, as the outside is told."""

    CHANGED = "changed"
    WARNED = "warned"
    BREACHED = "breached"
    MET = "met"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy asks of one clock. The warning is due after `warn_fraction` (0 < f < 1) of the target."""

    policy_id: UUID
    policy: str
    target_seconds: int
    warn_fraction: float

    @property
    def target(self) -> timedelta:
        """The time that may be counted."""
        return timedelta(seconds=self.target_seconds)

    @property
    def warn_after(self) -> timedelta:
        """The counted time after which the warning is due."""
        return self.target * self.warn_fraction


@dataclass(frozen=True, slots=True)
class Interval:
    """A time that counts; `end` is None while it lasts."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of a ticket. `due_at` is None while paused, and stays once it is missed or met."""

    metric: SlaMetric
    state: ClockState
    plan: Plan
    started_at: datetime
    intervals: tuple[Interval, ...]
    generation: int
    due_at: datetime | None = None
    warn_due_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def ticking(self) -> bool:
        """Whether time counts now."""
        return bool(self.intervals) and self.intervals[-1].end is None

    @property
    def final(self) -> bool:
        """Whether it has been stopped. A reopened ticket starts a met clock again; closing it may be taken back."""
        return self.state in {ClockState.MET, ClockState.CANCELLED}

    def counted(self, at: datetime) -> timedelta:
        """The time counted until `at`."""
        return sum(
            (max((interval.end or at) - interval.start, timedelta()) for interval in self.intervals), timedelta()
        )


@dataclass(frozen=True, slots=True)
class Timer:
    """An armed timer of a clock."""

    kind: TimerKind
    due_at: datetime
    generation: int


@dataclass(frozen=True, slots=True)
class Step:
    """A clock after something happened to it, and what to tell of it: each happening with the clock right after."""

    clock: Clock
    happened: tuple[tuple[Happening, Clock], ...] = ()

    def then(self, following: "Step") -> "Step":
        """Both steps as one; `following` started from the clock of this one."""
        return Step(following.clock, self.happened + following.happened)


def start(metric: SlaMetric, plan: Plan, at: datetime) -> Step:
    """A clock that runs from `at`."""
    clock = Clock(metric, ClockState.PAUSED, plan, at, (), 0)
    return resume(clock, at)


def timers_of(clock: Clock) -> tuple[Timer, ...]:
    """The timers that have to be armed for a clock as it is."""
    if clock.state is not ClockState.RUNNING:
        return ()
    armed = ((TimerKind.WARN, None if clock.warned_at else clock.warn_due_at), (TimerKind.BREACH, clock.due_at))
    return tuple(Timer(kind, due, clock.generation) for kind, due in armed if due is not None)


def fire(clock: Clock, kind: TimerKind, generation: int, until: datetime) -> Step:
    """What a timer does that was armed under `generation`, when all facts before `until` are known.

    Nothing, if the clock has moved on or the deadline is not before `until`. A warning whose breach is due as well is
    not worth telling.
    """
    if generation != clock.generation or clock.state is not ClockState.RUNNING:
        return Step(clock)
    assert clock.due_at is not None
    if clock.due_at < until:
        if kind is TimerKind.WARN:
            return Step(clock)
        return _told(Happening.BREACHED, replace(clock, state=ClockState.BREACHED, breached_at=clock.due_at))
    if kind is TimerKind.WARN and clock.warned_at is None and clock.warn_due_at and clock.warn_due_at < until:
        return _told(Happening.WARNED, replace(clock, warned_at=clock.warn_due_at))
    return Step(clock)


def pause(clock: Clock, at: datetime) -> Step:
    """Stop counting at `at`. A missed clock stays missed."""
    if not clock.ticking:
        return Step(clock)
    at = max(at, _last_moment(clock))
    settled = _settle(clock, at)
    paused = _close_interval(settled.clock, at)
    if paused.state is ClockState.RUNNING:
        paused = replace(paused, state=ClockState.PAUSED, due_at=None, warn_due_at=None)
    return settled.then(_told(Happening.CHANGED, paused))


def resume(clock: Clock, at: datetime) -> Step:
    """Count again from `at`: after a pause, or because the ticket was reopened. What was counted stays counted."""
    if clock.ticking or clock.state is ClockState.CANCELLED:
        return Step(clock)
    at = max(at, _last_moment(clock))
    resumed = replace(
        clock,
        state=ClockState.RUNNING if clock.breached_at is None else ClockState.BREACHED,
        intervals=(*clock.intervals, Interval(at)),
        stopped_at=None,
        generation=clock.generation + 1,
    )
    return _told(Happening.CHANGED, _with_deadlines(resumed, at))


def stop(clock: Clock, at: datetime) -> Step:
    """What the clock waited for has happened at `at`."""
    if clock.final:
        return Step(clock)
    at = max(at, _last_moment(clock))
    settled = _settle(clock, at)
    met = replace(_close_interval(settled.clock, at), state=ClockState.MET, stopped_at=at)
    return settled.then(_told(Happening.MET, met))


def cancel(clock: Clock, at: datetime) -> Step:
    """What the clock waited for will not happen. A missed clock stays missed, and counts no longer."""
    if clock.final or (clock.state is ClockState.BREACHED and clock.stopped_at is not None):
        return Step(clock)
    at = max(at, _last_moment(clock))
    settled = _settle(clock, at)
    ended = replace(_close_interval(settled.clock, at), stopped_at=at)
    if ended.state is not ClockState.BREACHED:
        ended = replace(ended, state=ClockState.CANCELLED, due_at=None, warn_due_at=None)
    return settled.then(_told(Happening.CHANGED, ended))


def restore(clock: Clock) -> Step:
    """That it was ended is taken back: it counts as if that had never been, also what has passed since.

    Its deadline may have passed meanwhile.
    """
    if clock.stopped_at is None:
        return Step(clock)
    intervals = clock.intervals
    if intervals and intervals[-1].end == clock.stopped_at:
        intervals = (*intervals[:-1], Interval(intervals[-1].start))
    restored = replace(clock, intervals=intervals, stopped_at=None, generation=clock.generation + 1)
    if clock.breached_at is not None:
        return _told(Happening.CHANGED, replace(restored, state=ClockState.BREACHED))
    if not restored.ticking:
        paused = replace(restored, state=ClockState.PAUSED, due_at=None, warn_due_at=None)
        return _told(Happening.CHANGED, paused)
    running = replace(restored, state=ClockState.RUNNING)
    return _told(Happening.CHANGED, _with_deadlines(running, restored.intervals[-1].start))


def replan(clock: Clock, plan: Plan, at: datetime) -> Step:
    """Measure by another plan from `at` on. What was counted stays counted; no deadline lies before `at`.

    A longer target takes back a breach that it would not have made.
    """
    if clock.final or clock.plan == plan:
        return Step(clock)
    at = max(at, _last_moment(clock))
    settled = _settle(clock, at)
    planned = replace(settled.clock, plan=plan, generation=clock.generation + 1)
    if planned.state is ClockState.BREACHED and planned.counted(at) < plan.target:
        planned = replace(
            planned,
            state=ClockState.RUNNING if planned.ticking else ClockState.PAUSED,
            breached_at=None,
            due_at=None,
            warned_at=None,
        )
    if planned.warned_at is not None and planned.counted(at) < plan.warn_after:
        planned = replace(planned, warned_at=None)
    return settled.then(_told(Happening.CHANGED, _with_deadlines(planned, at)))


def _settle(clock: Clock, at: datetime) -> Step:
    """Judge the deadline in the light of a fact that happened at `at`, before the fact itself is applied.

    A breach after `at` is withdrawn; a deadline before `at` that no timer has fired for is missed now.
    """
    if clock.state is ClockState.BREACHED and clock.ticking and clock.due_at is not None and at <= clock.due_at:
        return _told(Happening.CHANGED, replace(clock, state=ClockState.RUNNING, breached_at=None))
    return fire(clock, TimerKind.BREACH, clock.generation, at)


def _close_interval(clock: Clock, at: datetime) -> Clock:
    intervals = clock.intervals
    if clock.ticking:
        intervals = (*intervals[:-1], replace(intervals[-1], end=at))
    return replace(clock, intervals=intervals, generation=clock.generation + 1)


def _with_deadlines(clock: Clock, at: datetime) -> Clock:
    """Deadlines of a running clock from `at` on, which is not before the clock's last moment."""
    if clock.state is not ClockState.RUNNING:
        return clock
    counted = clock.counted(at)
    return replace(
        clock,
        due_at=max(at + clock.plan.target - counted, at),
        warn_due_at=max(at + clock.plan.warn_after - counted, at),
    )


def _last_moment(clock: Clock) -> datetime:
    """The last change of counting. Facts come in order, but the clock of the machine that dates one may be behind."""
    if not clock.intervals:
        return clock.started_at
    last = clock.intervals[-1]
    return last.end or last.start


def _told(happening: Happening, clock: Clock) -> Step:
    return Step(clock, ((happening, clock),))
