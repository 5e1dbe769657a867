"""The forms that customers open tickets with, as whoever shows them needs to know. Topic `desk.tickets`."""

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field

from shared.events.base import EventData, EventModel


class PublicOption(EventModel):
    """A choice, by its path from the root, with its names by language."""

    value: str
    labels: dict[str, str]


class PublicField(EventModel):
    """A field of the organisation's own that customers fill in.

    `required` is always, whatever else is filled in; a `conditional` one is asked for only if something else is so.
    """

    key: str
    kind: Literal["text", "number", "money", "date", "choice", "choices", "flag"]
    labels: dict[str, str]
    required: bool = False
    conditional: bool = False
    options: tuple[PublicOption, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    decimals: int = 2
    currencies: tuple[str, ...] = ()
    max_length: int = 2_000


class PublicForm(EventModel):
    """A form by its key; None for the one that there is where the organisation made none."""

    key: str | None
    labels: dict[str, str] = Field(default={})
    fields: tuple[PublicField, ...] = ()


class FormsPublished(EventData):
    """These forms there are for customers now, in their order. Aggregate: all of them together."""

    type: ClassVar[str] = "forms.published.v1"
    topic: ClassVar[str] = "desk.tickets"
    source: ClassVar[str] = "tickets"

    forms: tuple[PublicForm, ...]
    published_at: datetime


class FilledForm(EventModel):
    """What somebody filled in: values by the keys of fields, as JSON values that tickets keep."""

    key: str | None = None
    values: dict[str, Any] = Field(default={})
