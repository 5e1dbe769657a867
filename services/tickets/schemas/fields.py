"""Shapes of fields of the organisation's own, and of the forms they are on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from services.tickets.domain.conditions import Condition, ConditionError, parse
from services.tickets.domain.conditions import Kind as Tested
from services.tickets.domain.field_values import MAX_TEXT, Access, Kind
from services.tickets.domain.field_values import Field as OwnField
from services.tickets.domain.fields import BUILT_IN, PREFIX, TESTED, Fields, FieldsError, Form, paths
from services.tickets.schemas.values import MAX_TYPES, Closed, Group, Language, Name, TypeKey

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["serial_number"])]
Labels = Annotated[
    dict[Language, Annotated[Name, Field(min_length=1)]],
    Field(min_length=1, max_length=50, examples=[{"en": "Device"}]),
]
# A tree of `conditions`, whose meaning is checked with the whole document.
Tree = Annotated[dict[str, JsonValue], Field(max_length=2)]
Bound = Annotated[float, Field(allow_inf_nan=False)]
# What tickets are given: by key, null clears one.
Values = Annotated[dict[Key, JsonValue], Field(max_length=200)]


class OptionBody(Closed):
    """A choice, and what it is divided into. Tickets hold the path from the root: `hardware/printer`."""

    value: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    labels: Labels
    options: "list[OptionBody]" = Field(default=[], max_length=200)

    def branch(self) -> tuple[str, list[Any]]:
        """The tree as `paths` walks it."""
        return self.value, [below.branch() for below in self.options]


class FieldBody(Closed):
    """A field. Tickets are filtered by it where it is `filterable`, which is decided when it is made, as its kind is.

    `visible_if` and `required_if` are conditions on the ticket and on fields before this one (`fields.key`); an empty
    `all` always holds. A field that is not shown is not required. Customers see it on their tickets where `customers`
    is `read`, and with `write` they open tickets with it, too; then its conditions rest on what they see.
    """

    key: Key
    kind: Kind
    labels: Labels
    active: bool = True
    filterable: bool = False
    customers: Access = Access.HIDDEN
    options: list[OptionBody] = Field(default=[], max_length=200)
    minimum: Bound | None = None
    maximum: Bound | None = None
    decimals: Annotated[int, Field(ge=0, le=6, strict=True)] = 2
    currencies: list[Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["EUR"])]] = Field(default=[], max_length=50)
    max_length: Annotated[int, Field(ge=1, le=MAX_TEXT, strict=True)] = MAX_TEXT
    visible_if: Tree | None = None
    required_if: Tree | None = None


class FormBody(Closed):
    """The fields of tickets of these types and brands; of any, where none is named.

    A type is named by its key in the lifecycle, or by a category for all in it.
    """

    key: Key
    labels: Labels
    fields: list[Key] = Field(max_length=200)
    types: list[TypeKey] = Field(default=[], max_length=MAX_TYPES)
    brands: list[Group] = Field(default=[], max_length=50)


class FieldsBody(Closed):
    """All fields in their order, and the forms; without any form every ticket has every field. Changed as a whole."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "fields": [
                        {
                            "key": "device",
                            "kind": "choice",
                            "labels": {"en": "Device", "de": "Gerät"},
                            "filterable": True,
                            "options": [
                                {"value": "printer", "labels": {"en": "Printer"}},
                                {"value": "phone", "labels": {"en": "Phone"}},
                            ],
                        },
                        {
                            "key": "serial_number",
                            "kind": "text",
                            "labels": {"en": "Serial number"},
                            "max_length": 40,
                            "visible_if": {"field": "fields.device", "is": ["printer"]},
                            "required_if": {"field": "type", "is": ["incident"]},
                        },
                    ],
                    "forms": [
                        {
                            "key": "repair",
                            "labels": {"en": "Repair"},
                            "fields": ["device", "serial_number"],
                            "types": ["incident", "technical"],
                        }
                    ],
                }
            ]
        },
    )

    fields: list[FieldBody] = Field(max_length=200)
    forms: list[FormBody] = Field(default=[], max_length=100)

    def to_domain(self) -> Fields:
        """The fields, their conditions read. Raises FieldsError for a condition that means nothing."""
        known = dict(BUILT_IN)
        fields = []
        for place, each in enumerate(self.fields):
            fields.append(
                OwnField(
                    key=each.key,
                    kind=each.kind,
                    labels=each.labels,
                    active=each.active,
                    filterable=each.filterable,
                    customers=each.customers,
                    choices=tuple(paths(option.branch() for option in each.options)),
                    minimum=each.minimum,
                    maximum=each.maximum,
                    decimals=each.decimals,
                    currencies=tuple(each.currencies),
                    max_length=each.max_length,
                    visible_if=_condition(each.visible_if, known, f"/fields/{place}/visible_if"),
                    required_if=_condition(each.required_if, known, f"/fields/{place}/required_if"),
                )
            )
            known[PREFIX + each.key] = TESTED[each.kind]
        forms = (
            Form(each.key, each.labels, tuple(each.fields), tuple(each.types), tuple(each.brands))
            for each in self.forms
        )
        return Fields(tuple(fields), tuple(forms))


class FieldsView(FieldsBody):
    """The fields as they are. `version` is their ETag; nobody changed them yet where `changed_at` is null."""

    version: int
    changed_at: datetime | None
    changed_by: UUID | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of settings."""
        about = {"version": row.version, "changed_at": row.changed_at, "changed_by": row.changed_by}
        return cls.model_validate({"fields": [], **(row.document or {}), **about}, extra="ignore")


class PortalFieldsView(BaseModel):
    """The fields that customers see, and the forms that have any, with those alone.

    What they cannot write is never required.
    """

    fields: list[FieldBody]
    forms: list[FormBody]

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of settings."""
        body = FieldsBody.model_validate(row.document or {"fields": []}, extra="ignore")
        seen = [each for each in body.fields if each.active and each.customers is not Access.HIDDEN]
        keys = {each.key for each in seen}
        for each in seen:
            if each.customers is Access.READ:
                each.required_if = None
        for form in body.forms:
            form.fields = [key for key in form.fields if key in keys]
        forms = [form for form in body.forms if form.fields]
        # Without any form every ticket has every field; here none has any.
        return cls(fields=[] if body.forms and not forms else seen, forms=forms)


def from_document(document: Mapping[str, Any]) -> Fields:
    """The fields of a kept document. What a newer version of the desk has put into it is left alone."""
    return FieldsBody.model_validate(document, extra="ignore").to_domain()


def _condition(tree: Mapping[str, Any] | None, known: Mapping[str, Tested], pointer: str) -> Condition | None:
    if tree is None:
        return None
    try:
        return parse(tree, known)
    except ConditionError as error:
        raise FieldsError(pointer + error.path, error.problem) from None
