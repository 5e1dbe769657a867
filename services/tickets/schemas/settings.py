"""Shapes of settings: how the organisation works its tickets."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from services.tickets.domain.lifecycle import (
    DEFAULT,
    ITIL,
    Level,
    Lifecycle,
    Reopening,
    Requirement,
    Status,
    Type,
)
from services.tickets.schemas.values import MAX_TYPES, Closed, Group, Language, Name, StatusKey, TypeKey
from shared.events.accounts import Role
from shared.events.common import Priority, TicketStatus, TicketType

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$", examples=["group"])]
Labels = Annotated[
    dict[Language, Annotated[Name, Field(min_length=1)]],
    Field(min_length=1, max_length=50, examples=[{"en": "Waiting for parts"}]),
]


def _nested(priorities: Mapping[tuple[Level, Level], Priority]) -> dict[Level, dict[Level, Priority]]:
    return {
        urgency: {impact: priority for (of, impact), priority in priorities.items() if of is urgency}
        for urgency in Level
    }


class StatusBody(Closed):
    """A status of the organisation's own, inside one of the six categories. The first of a category is its default."""

    key: StatusKey
    category: TicketStatus
    labels: Labels
    active: bool = True


class TypeBody(Closed):
    """A type of the organisation's own, inside one of the five categories. The first of a category is its default."""

    key: TypeKey
    category: TicketType
    labels: Labels
    active: bool = True


class WayBody(Closed):
    """A way from one category to another."""

    from_: TicketStatus = Field(alias="from")
    to: TicketStatus


class RequirementBody(Closed):
    """What has to be filled in before a ticket gets to `to`; for these types, for all if none is named.

    A type is named by its own key, or by a category for all in it.
    """

    to: TicketStatus
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=50)]
    types: list[TypeKey] = Field(default=[], max_length=MAX_TYPES)


class ReopeningBody(Closed):
    """Whether a customer's message opens a solved ticket again; if not, it opens a follow-up."""

    policy: Literal["always", "never", "within"] = "always"
    days: Annotated[int, Field(ge=1, le=3650, strict=True)] | None = None

    @model_validator(mode="after")
    def _days_where_they_count(self) -> Self:
        if (self.policy == "within") != (self.days is not None):
            raise ValueError("give days with `within`, and with nothing else")
        return self

    def to_domain(self) -> Reopening:
        """The domain's policy."""
        if self.policy == "within":
            return Reopening(timedelta(days=self.days or 0))
        return Reopening(None if self.policy == "always" else timedelta(0))


class LifecycleBody(Closed):
    """How tickets are worked: one document, changed as a whole.

    `forbidden` closes ways between categories to roles. `priorities` gives, by urgency and then by impact, the priority
    of a ticket that nobody set by hand. Tickets close by themselves that were solved for `close_after_days`, without it
    they do not; what a customer writes then opens a follow-up.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "statuses": [
                        {"key": "new", "category": "new", "labels": {"en": "New", "de": "Neu"}},
                        {"key": "open", "category": "open", "labels": {"en": "Open", "de": "Offen"}},
                        {"key": "pending", "category": "pending", "labels": {"en": "Waiting for customer"}},
                        {"key": "on_hold", "category": "on_hold", "labels": {"en": "On hold"}},
                        {"key": "waiting_for_parts", "category": "on_hold", "labels": {"en": "Waiting for parts"}},
                        {"key": "solved", "category": "solved", "labels": {"en": "Solved"}},
                        {"key": "closed", "category": "closed", "labels": {"en": "Closed"}},
                    ],
                    "types": [
                        {"key": "question", "category": "question", "labels": {"en": "Question"}},
                        {"key": "technical", "category": "technical", "labels": {"en": "Technical"}},
                        {"key": "billing", "category": "billing", "labels": {"en": "Billing"}},
                        {"key": "refund", "category": "billing", "labels": {"en": "Refund", "de": "Erstattung"}},
                        {"key": "feature_request", "category": "feature_request", "labels": {"en": "Wish"}},
                        {"key": "incident", "category": "incident", "labels": {"en": "Incident"}},
                    ],
                    "forbidden": {"agent": [{"from": "solved", "to": "closed"}]},
                    "requirements": [{"to": "solved", "fields": ["group", "tags"], "types": ["incident"]}],
                    "reopening": {"policy": "within", "days": 14},
                    "reopening_of": {"billing": {"policy": "never"}},
                    "close_after_days": 28,
                }
            ]
        },
    )

    statuses: Annotated[list[StatusBody], Field(min_length=1, max_length=60)]
    types: list[TypeBody] = Field(
        default=[TypeBody(key=each.key, category=each.category, labels=dict(each.labels)) for each in DEFAULT.types],
        min_length=1,
        max_length=MAX_TYPES,
    )
    forbidden: dict[
        Literal[Role.AGENT, Role.SUPERVISOR, Role.ADMIN], Annotated[list[WayBody], Field(max_length=40)]
    ] = Field(default={})
    requirements: list[RequirementBody] = Field(default=[], max_length=100)
    reopening: ReopeningBody = ReopeningBody()
    reopening_of: dict[Group, ReopeningBody] = Field(default={}, max_length=500)
    close_after_days: Annotated[int, Field(ge=1, le=3650, strict=True)] | None = None
    priorities: dict[Level, dict[Level, Priority]] = _nested(ITIL)

    def to_domain(self) -> Lifecycle:
        """The lifecycle, not checked yet."""
        return Lifecycle(
            statuses=tuple(Status(each.key, each.category, each.labels, each.active) for each in self.statuses),
            types=tuple(Type(each.key, each.category, each.labels, each.active) for each in self.types),
            forbidden={role: frozenset((way.from_, way.to) for way in ways) for role, ways in self.forbidden.items()},
            requirements=tuple(
                Requirement(each.to, tuple(each.fields), tuple(each.types)) for each in self.requirements
            ),
            reopening=self.reopening.to_domain(),
            reopening_of={group: each.to_domain() for group, each in self.reopening_of.items()},
            close_after=None if self.close_after_days is None else timedelta(days=self.close_after_days),
            priorities={
                (urgency, impact): priority
                for urgency, by_impact in self.priorities.items()
                for impact, priority in by_impact.items()
            },
        )


_UNCHANGED = LifecycleBody(
    statuses=[StatusBody(key=each.key, category=each.category, labels=dict(each.labels)) for each in DEFAULT.statuses]
)


class LifecycleView(LifecycleBody):
    """The lifecycle as it is. `version` is its ETag; nobody changed it yet where `changed_at` is null."""

    version: int
    changed_at: datetime | None
    changed_by: UUID | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of settings."""
        document = row.document if row.document is not None else _UNCHANGED.model_dump(by_alias=True)
        about = {"version": row.version, "changed_at": row.changed_at, "changed_by": row.changed_by}
        return cls.model_validate({**document, **about}, extra="ignore")


def from_document(document: Mapping[str, Any]) -> Lifecycle:
    """The lifecycle of a kept document. What a newer version of the desk has put into it is left alone."""
    return LifecycleBody.model_validate(document, extra="ignore").to_domain()
