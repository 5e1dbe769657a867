"""Shapes of SLA's HTTP requests and responses. Durations are seconds."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.sla.domain.clock import Clock
from services.sla.domain.policy import Policy, StoredPolicy, Targets
from shared.events.common import Channel, Priority
from shared.events.sla import ClockState, SlaMetric

_YEAR_SECONDS = 366 * 86_400

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
Seconds = Annotated[int, Field(ge=1, le=_YEAR_SECONDS, strict=True)]


class TargetsBody(BaseModel):
    """How long the work may take for one priority."""

    model_config = ConfigDict(extra="forbid")

    first_response_seconds: Seconds
    resolution_seconds: Seconds


class TargetsByPriority(BaseModel):
    """Targets for every priority."""

    model_config = ConfigDict(extra="forbid")

    low: TargetsBody
    normal: TargetsBody
    high: TargetsBody
    urgent: TargetsBody

    @classmethod
    def of(cls, targets: dict[Priority, Targets]) -> Self:
        """The body of domain targets."""
        return cls(
            **{
                priority.value: TargetsBody(
                    first_response_seconds=one.first_response_seconds, resolution_seconds=one.resolution_seconds
                )
                for priority, one in targets.items()
            }
        )

    def to_domain(self) -> dict[Priority, Targets]:
        """The domain's targets."""
        bodies = {
            Priority.LOW: self.low,
            Priority.NORMAL: self.normal,
            Priority.HIGH: self.high,
            Priority.URGENT: self.urgent,
        }
        return {
            priority: Targets(body.first_response_seconds, body.resolution_seconds) for priority, body in bodies.items()
        }


class PolicyBody(BaseModel):
    """The terms of a policy. Empty `tiers` or `channels` mean any; the lowest `position` that applies counts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Premium",
                    "position": 10,
                    "tiers": ["premium"],
                    "channels": [],
                    "targets": {
                        priority.value: {"first_response_seconds": 3600, "resolution_seconds": 86400}
                        for priority in Priority
                    },
                    "warn_fraction": 0.8,
                }
            ]
        },
    )

    name: Name
    position: Annotated[int, Field(ge=0, le=1_000_000, strict=True)]
    tiers: Annotated[list[Name], Field(max_length=50)]
    channels: list[Channel]
    targets: TargetsByPriority
    warn_fraction: Annotated[float, Field(ge=0.01, le=0.99)]
    calendar: Literal["24x7"] = "24x7"

    def to_domain(self, policy_id: UUID) -> Policy:
        """The policy with these terms."""
        return Policy(
            id=policy_id,
            name=self.name,
            position=self.position,
            tiers=frozenset(self.tiers),
            channels=frozenset(self.channels),
            targets=self.targets.to_domain(),
            warn_fraction=self.warn_fraction,
        )


class PolicyView(PolicyBody):
    """A policy as it is stored. `version` is its ETag."""

    id: UUID
    version: int
    updated_at: datetime

    @classmethod
    def of(cls, stored: StoredPolicy) -> Self:
        """The view of a stored policy."""
        policy = stored.policy
        return cls(
            id=policy.id,
            name=policy.name,
            position=policy.position,
            tiers=sorted(policy.tiers),
            channels=sorted(policy.channels),
            targets=TargetsByPriority.of(dict(policy.targets)),
            warn_fraction=policy.warn_fraction,
            version=stored.version,
            updated_at=stored.updated_at,
        )


class PolicyList(BaseModel):
    """All policies, in the order in which they are asked."""

    items: list[PolicyView]


class IntervalView(BaseModel):
    """A time that counted; `end` is null while it lasts."""

    start: datetime
    end: datetime | None


class ClockView(BaseModel):
    """A clock with what it counted until `TicketClocks.at`, so that its state can be checked by hand."""

    metric: SlaMetric
    state: ClockState
    policy: str
    policy_id: UUID
    target_seconds: int
    counted_seconds: float
    remaining_seconds: float
    started_at: datetime
    due_at: datetime | None
    warned_at: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None
    generation: int
    intervals: list[IntervalView]

    @classmethod
    def of(cls, clock: Clock, at: datetime) -> Self:
        """The view of a clock at a moment; a negative remainder is overdue."""
        counted = clock.counted(at)
        return cls(
            metric=clock.metric,
            state=clock.state,
            policy=clock.plan.policy,
            policy_id=clock.plan.policy_id,
            target_seconds=clock.plan.target_seconds,
            counted_seconds=counted.total_seconds(),
            remaining_seconds=(clock.plan.target - counted).total_seconds(),
            started_at=clock.started_at,
            due_at=clock.due_at,
            warned_at=clock.warned_at,
            breached_at=clock.breached_at,
            stopped_at=clock.stopped_at,
            generation=clock.generation,
            intervals=[IntervalView(start=interval.start, end=interval.end) for interval in clock.intervals],
        )


class TicketClocks(BaseModel):
    """The clocks of a ticket at a moment."""

    ticket_id: UUID
    at: datetime
    clocks: list[ClockView]
