"""Shapes of changes of many tickets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator

from services.tickets.domain.bulk import MAX_TAGS, MAX_TICKETS, Actions, JobState, Result
from services.tickets.domain.query import MAX_CHARACTERS
from services.tickets.schemas.people import PersonView
from services.tickets.schemas.tickets import TicketPatch
from services.tickets.schemas.values import Closed, Tag, Zone

Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]


class SelectionBody(Closed):
    """Which tickets: these, or all that a search (`q`) finds or a condition, as views have it, holds for; up to 10,000.

    They are looked up once, when the job is made; what fits later is not changed. Days begin in `zone`. A search knows
    what was just written a moment later, a condition at once; and what it finds only by guessing at words that nobody
    wrote is not changed.
    """

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_TICKETS)] | None = None
    q: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)] | None = None
    condition: Annotated[dict[str, JsonValue], Field(max_length=2)] | None = None
    zone: Zone = "UTC"

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(value is not None for value in (self.ids, self.q, self.condition)) != 1:
            raise ValueError("give exactly one of ids, q and condition")
        return self


class ActionsBody(Closed):
    """What is done to each ticket, in this order: assigned (null: to nobody), edited, put off (null: woken).

    `set` means what it means for a single ticket, `status` and `fields` of the organisation's own included. `add_tags`
    and `remove_tags` leave the other tags alone; a list of `tags` in `set` replaces them.
    """

    assignee_id: UUID | None = None
    set: TicketPatch = TicketPatch()
    add_tags: Tags = Field(default=[])
    remove_tags: Tags = Field(default=[])
    snooze_until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _something_and_not_twice(self) -> Self:
        if not self.to_domain().needs:
            raise ValueError("say what is to be done")
        if both := sorted({*self.add_tags} & {*self.remove_tags}):
            raise ValueError(f"{', '.join(both)} cannot be added and removed at once")
        if "tags" in self.set.model_fields_set and (self.add_tags or self.remove_tags):
            raise ValueError("set tags, or add and remove some")
        return self

    def to_domain(self) -> Actions:
        """What is to be done."""
        return Actions(
            assigns="assignee_id" in self.model_fields_set,
            assignee_id=self.assignee_id,
            fields=self.set.changes(),
            add_tags=tuple(self.add_tags),
            remove_tags=tuple(self.remove_tags),
            snoozes="snooze_until" in self.model_fields_set,
            snooze_until=self.snooze_until,
        )

    def document(self) -> dict[str, Any]:
        """What was asked, as it is kept: what is null says something, what is missing does not."""
        return self.model_dump(mode="json", exclude_unset=True)


def actions_from(document: Mapping[str, Any]) -> Actions:
    """What a kept document asks for."""
    return ActionsBody.model_validate(document).to_domain()


class BulkBody(Closed):
    """A change of many tickets. With `dry_run` nothing is changed yet: the answer tells what would be, and the job
    waits, a day at most, for its start, which changes exactly these tickets.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "selection": {"q": "status:open tags:outage created>2026-01-01"},
                    "actions": {"set": {"status": "solved"}, "add_tags": ["outage-over"]},
                    "dry_run": True,
                },
                {
                    "selection": {"ids": ["0198c6f0-5b1c-7c3e-9d6a-2f4a1b7c8d9e"]},
                    "actions": {"assignee_id": None, "snooze_until": "2026-12-01T08:00:00Z"},
                },
            ]
        }
    )

    selection: SelectionBody
    actions: ActionsBody
    dry_run: bool = False


class RefusalView(BaseModel):
    """A reason for which tickets were, or would be, refused, and how many."""

    type: str
    count: int


class PreviewView(BaseModel):
    """What a job would do, as far as was looked: at `checked` tickets, all of them unless that took too long."""

    checked: int
    would_change: int
    unchanged: int
    refused: int
    refusals: list[RefusalView]


class ProgressView(BaseModel):
    """How many tickets a job has, and what became of them."""

    total: int
    changed: int
    unchanged: int
    refused: int
    waiting: int
    skipped: int


class JobView(BaseModel):
    """A change of many tickets, or (`undo`) one that puts back what another one (`undo_of`) did.

    `reason` tells why the desk itself cancelled it: `author-inactive`, whoever asked for it works here no more.
    """

    id: UUID
    kind: Literal["change", "undo"]
    undo_of: UUID | None
    state: JobState
    reason: str | None
    actions: dict[str, JsonValue]
    progress: ProgressView
    preview: PreviewView | None
    created_by: PersonView
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of a job."""
        left = row.total - row.changed - row.unchanged - row.refused
        skips = row.state == JobState.CANCELLED
        return cls(
            id=row.id,
            kind=row.kind,
            undo_of=row.undo_of,
            state=row.state,
            reason=row.reason,
            actions=row.actions,
            progress=ProgressView(
                total=row.total,
                changed=row.changed,
                unchanged=row.unchanged,
                refused=row.refused,
                waiting=0 if skips else left,
                skipped=left if skips else 0,
            ),
            preview=row.preview and PreviewView.model_validate(row.preview),
            created_by=PersonView(id=row.account_id, name=row.name),
            created_at=row.created_at,
            finished_at=row.finished_at,
        )


class ItemProblem(BaseModel):
    """Why a ticket was refused: the problem that changing it by itself would have met."""

    type: str
    detail: str


class ItemView(BaseModel):
    """What became of one ticket. `number` is null for one that is not there."""

    position: int
    ticket_id: UUID
    number: int | None
    result: Result
    problem: ItemProblem | None
    version_before: int | None
    version_after: int | None

    @classmethod
    def of(cls, row: Any, *, state: str) -> Self:
        """The shape of a row of a job's tickets; `state` is the job's."""
        waits = Result.SKIPPED if state == JobState.CANCELLED else Result.WAITING
        return cls(
            position=row.position,
            ticket_id=row.ticket_id,
            number=row.number,
            result=row.result or waits,
            problem=ItemProblem(type=f"/problems/{row.slug}", detail=row.detail) if row.slug else None,
            version_before=row.version_before,
            version_after=row.version_after,
        )
