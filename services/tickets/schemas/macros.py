"""Shapes of macros: what they do to a ticket, what they say, and what would become of it."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from services.tickets.domain.lifecycle import Level
from services.tickets.domain.macros import Because
from services.tickets.domain.rendering import MAX_CHARACTERS
from services.tickets.domain.scheduled import MAX_UNDO_SECONDS
from services.tickets.domain.snooze import MAX_AHEAD
from services.tickets.schemas.fields import Values
from services.tickets.schemas.tickets import TicketView
from services.tickets.schemas.values import (
    Closed,
    Group,
    Language,
    MessageText,
    Name,
    StatusKey,
    Tag,
    ThreadVersion,
    TypeKey,
)
from shared.events.common import Priority, TicketStatus, TicketType

_MAX_TAGS = 50
# Of all texts of a macro, as lists show them.
_MAX_TEXTS = 100_000
_OF_AN_EDIT = ("status", "status_key", "priority", "urgency", "impact", "type", "type_key", "group", "fields")

Title = Annotated[Name, Field(min_length=1), AfterValidator(str.strip), Field(min_length=1)]
Description = Annotated[MessageText | Literal[""], Field(max_length=2_000)]
Shortcut = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", examples=["thanks"])]
Position = Annotated[int, Field(ge=0, le=1_000_000)]
Template = Annotated[MessageText, Field(max_length=MAX_CHARACTERS)]


class MacroActionsBody(Closed):
    """What a macro does, beside what it says; what is null or not there stays as it is on the ticket.

    `assignee` is `me` (who applies it), `none`, or an agent. Of `fields`, which are the organisation's own, null clears
    one. `snooze_minutes` count from when it is applied.
    """

    status: TicketStatus | None = None
    status_key: StatusKey | None = None
    priority: Priority | None = None
    urgency: Level | None = None
    impact: Level | None = None
    type: TicketType | None = None
    type_key: TypeKey | None = None
    group: Group | None = None
    assignee: Literal["me", "none"] | UUID | None = None
    add_tags: list[Tag] = Field(default=[], max_length=_MAX_TAGS)
    remove_tags: list[Tag] = Field(default=[], max_length=_MAX_TAGS)
    fields: Values = Field(default={}, max_length=200)
    snooze_minutes: Annotated[int, Field(ge=1, le=MAX_AHEAD.days * 24 * 60)] | None = None
    follow: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.status is not None and self.status_key is not None:
            raise ValueError("give status or status_key, not both")
        if self.type is not None and self.type_key is not None:
            raise ValueError("give type or type_key, not both")
        if both := sorted({*self.add_tags} & {*self.remove_tags}):
            raise ValueError(f"{', '.join(both)} cannot be added and removed")
        return self

    def edits(self) -> dict[str, Any]:
        """What is to be set as an edit sets it, by the field names of the domain; tags are not among it."""
        return {name: value for name in _OF_AN_EDIT if (value := getattr(self, name))}


class MacroTextBody(Closed):
    """A text with placeholders: `text`, or `html` in the subset of replies, where values are escaped."""

    text: Template | None = None
    html: Template | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.text is None) is (self.html is None):
            raise ValueError("give either text or html: the text is made from the html")
        return self

    def source(self) -> str:
        """The template."""
        return self.text if self.text is not None else self.html or ""


class MacroBody(Closed):
    """A macro: what it does, and what it says, as a `reply` or a `note`, in each of its languages.

    One with texts alone is a canned reply. `shortcut` is what an agent types to insert it; of macros that are shared,
    and of each agent's own, one has it. `visibility` is `everyone`, `groups` or `personal`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Parcel is late",
                    "shortcut": "late",
                    "visibility": "groups",
                    "groups": ["shipping"],
                    "actions": {"status": "pending", "add_tags": ["late"], "assignee": "me", "snooze_minutes": 2880},
                    "writes": "reply",
                    "texts": {
                        "en": {"text": "Hello {{ customer.first_name | default: 'there' }},\n\nyour parcel is late."},
                        "de": {"html": "<p>Hallo {{ customer.name }},</p><p>Ihr Paket ist <b>verspätet</b>.</p>"},
                    },
                    "default_language": "en",
                }
            ]
        },
    )

    name: Title
    shortcut: Shortcut | None = None
    description: Description = ""
    active: bool = True
    position: Position = 0
    visibility: Literal["everyone", "groups", "personal"] = "everyone"
    groups: list[Group] = Field(default=[], max_length=100)
    actions: MacroActionsBody = MacroActionsBody()
    writes: Literal["reply", "note"] = "reply"
    texts: dict[Language, MacroTextBody] = Field(default={}, max_length=50)
    default_language: Language | None = None

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if (self.visibility == "groups") is not bool(self.groups):
            raise ValueError("groups go with the visibility groups, and only with it")
        if len({tag.lower() for tag in self.texts}) < len(self.texts):
            raise ValueError("a language is there twice")
        if self.default_language is not None and self.default_language not in self.texts:
            raise ValueError("there is no text in the default_language")
        if len(self.texts) > 1 and self.default_language is None:
            raise ValueError("of several languages, name the default_language")
        if sum(len(text.source()) for text in self.texts.values()) > _MAX_TEXTS:
            raise ValueError(f"all texts together have at most {_MAX_TEXTS} characters")
        if not self.texts and self.actions == MacroActionsBody():
            raise ValueError("a macro does something or says something")
        return self

    def needs(self, *, send: bool) -> dict[str, str]:
        """The permission that each step of applying it takes, in their order.

        Somebody has the ticket before it is moved, as that may be required.
        """
        actions = self.actions
        steps = {
            "assign": ("ticket.assign", actions.assignee is not None),
            "edit": ("ticket.change", bool(actions.edits() or actions.add_tags or actions.remove_tags)),
            "snooze": ("ticket.snooze", actions.snooze_minutes is not None),
            "follow": ("ticket.follow", actions.follow),
            "write": (f"ticket.{self.writes}" if send else "ticket.draft", bool(self.texts)),
        }
        return {step: action for step, (action, taken) in steps.items() if taken}


class MacroView(MacroBody):
    """A macro as it is. `version` is its ETag; `uses` are those of the last 30 days, by everybody."""

    id: UUID
    owner_id: UUID | None
    version: int
    changed_at: datetime
    changed_by: UUID
    uses: int
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of macros, with their uses."""
        return cls.model_validate(row, from_attributes=True, extra="ignore")


class PlaceholdersView(BaseModel):
    """What a text can name (`{{ customer.name }}`), and its filters (`| upcase`) and tags (`{% if … %}`)."""

    placeholders: list[str]
    filters: list[str]
    tags: list[str]


class MacroUseView(BaseModel):
    """How often an agent has applied a macro on a day (UTC), and when last."""

    day: date
    account_id: UUID
    name: str
    uses: int
    last_used_at: datetime


class MacroUseBody(Closed):
    """A macro applied to a ticket. Its text goes into the caller's draft; with `send` it is sent, as it is.

    `language` overrides the customer's. `expected_version` is the thread version the caller has read; with `force` the
    macro is applied whatever came since. `undo_seconds` let a sent reply be taken back, as in any reply; what the macro
    did to the ticket stays then.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"macro_id": "01997b6e-3c00-7a10-8b11-0242ac120002", "send": True, "expected_version": 3}]
        }
    )

    macro_id: UUID
    language: Language | None = None
    send: bool = False
    undo_seconds: Annotated[int, Field(ge=0, le=MAX_UNDO_SECONDS)] = 0
    expected_version: ThreadVersion | None = None
    force: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.force and self.expected_version is None:
            raise ValueError("force needs expected_version: what was read, before more came")
        if self.undo_seconds and not self.send:
            raise ValueError("undo_seconds is for what is sent: a draft waits anyway")
        return self


class MacroPreviewBody(Closed):
    """The ticket that a macro would be applied to; `language` and `send` as they would be given then."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ticket_id": "01997b6e-3c00-7a10-8b11-0242ac120002", "send": True}]}
    )

    ticket_id: UUID
    language: Language | None = None
    send: bool = False


class MacroTextView(BaseModel):
    """What a macro says: in which language and why (`asked`, `customer`, `ticket`, `default`)."""

    kind: Literal["reply", "note"]
    language: str
    language_from: Because
    text: str
    html: str | None


class MacroChangeView(BaseModel):
    """A field before and after."""

    before: JsonValue
    after: JsonValue


class MacroProblemView(BaseModel):
    """What would be refused: the step (`assign`, `edit`, `snooze`, `follow`, `write`), and the problem it would be."""

    model_config = ConfigDict(extra="allow")

    step: str
    status: int
    type: str
    title: str
    detail: str


class MacroPreviewView(BaseModel):
    """What would become of a ticket at `version`, with `thread_version` messages. With a problem, nothing would."""

    version: int
    thread_version: int
    changes: dict[str, MacroChangeView]
    text: MacroTextView | None
    problems: list[MacroProblemView]


class MacroAppliedView(BaseModel):
    """What became of a ticket: the text that was drafted or sent, and under which id; `leaves_at` if it can be undone.

    A draft has no id: it is the caller's one on the ticket.
    """

    ticket: TicketView
    text: MacroTextView | None
    message_id: UUID | None
    scheduled_id: UUID | None
    leaves_at: datetime | None
