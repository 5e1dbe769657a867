"""Shapes of views: named conditions with an order."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from services.tickets.domain.lists import Sort
from services.tickets.schemas.lists import CountView, TicketPage
from services.tickets.schemas.values import Closed, Group, Name

Visibility = Literal["everyone", "groups", "personal"]
_Conditions = Annotated[
    dict[str, JsonValue],
    Field(
        description="A tree of `all`, `any`, `not` and tests of a field: by `is` (a list; `[]` for an empty field), "
        "`lt`, `lte`, `gt`, `gte` or `contains`. Fields are those of the search line, and the organisation's own that "
        "are marked as filterable, as `fields.KEY`.",
        examples=[{"all": [{"field": "status", "is": ["new", "open"]}, {"field": "created", "gte": "-7d"}]}],
    ),
]


class PreviewBody(Closed):
    """A condition on tickets, and their order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"conditions": {"field": "status", "is": ["open"]}, "sort": "sla_due"}]},
    )

    conditions: _Conditions
    sort: Sort = Sort.UPDATED_DESC


class ViewBody(PreviewBody):
    """A view. `visibility` is `everyone`, `groups` or `personal`. Views are shown by `position`; without one, last."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Urgent, due today",
                    "conditions": {
                        "all": [
                            {"field": "status", "is": ["new", "open", "pending", "on_hold"]},
                            {"any": [{"field": "priority", "is": ["urgent"]}, {"field": "tags", "is": ["vip"]}]},
                            {"field": "due", "lt": "+24h"},
                        ]
                    },
                    "sort": "sla_due",
                    "visibility": "groups",
                    "groups": ["billing"],
                }
            ]
        },
    )

    name: Annotated[Name, Field(pattern=r"\S")]
    visibility: Visibility = "personal"
    groups: list[Group] = Field(default=[], max_length=100)
    position: Annotated[int, Field(ge=0, le=1_000_000, strict=True)] | None = None

    @model_validator(mode="after")
    def _groups_where_they_count(self) -> Self:
        if (self.visibility == "groups") is not bool(self.groups):
            raise ValueError("groups go with the visibility groups, and only with it")
        return self


class ViewView(BaseModel):
    """A view as it is; `key` names one that was there from the start, for screens in other languages."""

    id: UUID
    key: str | None
    name: str
    conditions: Mapping[str, JsonValue]
    sort: Sort
    visibility: Visibility
    groups: list[str]
    position: int
    version: int
    changed_at: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of views."""
        shared: Visibility = "everyone" if row.groups is None else "groups"
        return cls(
            id=row.id,
            key=row.key,
            name=row.name,
            conditions=row.conditions,
            sort=row.sort,
            visibility="personal" if row.owner_id else shared,
            groups=row.groups or [],
            position=row.position,
            version=row.version,
            changed_at=row.changed_at,
        )


class ViewList(BaseModel):
    """All views of somebody, in their order."""

    items: list[ViewView]


class ViewCount(CountView):
    """How many tickets a view has, and when they were counted."""

    view_id: UUID
    counted_at: datetime


class ViewCounts(BaseModel):
    """The counts of all views of somebody, in their order."""

    items: list[ViewCount]


class PreviewPage(TicketPage):
    """A page of what a condition would show, and how many there are."""

    total: CountView
