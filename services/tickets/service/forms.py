"""The forms that visitors open tickets with: told to who shows them, and what comes back kept as values of fields."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.edits import with_fields
from services.tickets.domain.errors import FieldValuesError
from services.tickets.domain.field_values import Access, Kind
from services.tickets.domain.fields import written_by_customers
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.ticket import Ticket, default_priority
from services.tickets.repository import SettingsRepository
from services.tickets.schemas.fields import FieldBody, FieldsBody, OptionBody
from services.tickets.service.settings import FIELDS
from shared.events.common import TicketType
from shared.events.forms import FilledForm, FormsPublished, PublicField, PublicForm, PublicOption
from shared.messaging import outbox

# The aggregate of what is told: there is one set of forms.
FORMS = UUID("0d9a1c52-66f1-4b61-8f0c-0d6f0e6d3a11")
# What an event carries. Whoever has more to choose from than this has a search for it, and no plain page.
_MAX_OPTIONS = 200
_MAX_BYTES = 200_000


async def publish(session: AsyncSession, now: datetime) -> int:
    """Tell of the forms if they changed since they were told last, or never were; returns how often it told."""
    repository = SettingsRepository(session)
    if not await repository.is_to_be_published(FIELDS):
        return 0
    row = await repository.lock(FIELDS)
    body = FieldsBody.model_validate(row.document or {"fields": []}, extra="ignore")
    told = FormsPublished(forms=public_forms(body), published_at=now)
    outbox.record(session, told, aggregate_id=FORMS, time=now)
    await repository.note_published(FIELDS, row.version)
    return 1


def public_forms(body: FieldsBody) -> tuple[PublicForm, ...]:
    """The forms as visitors fill them in; without any, one that has all fields of theirs."""
    theirs = [
        each
        for each in body.fields
        # An id of something that only staff can look up is nothing to ask a visitor for.
        if each.active and each.customers is Access.WRITE and each.kind is not Kind.LOOKUP
    ]
    fields = {each.key: field for each in theirs if (field := _public_field(each)) is not None}
    if not body.forms:
        return (_bounded(PublicForm(key=None, fields=tuple(fields.values()))),)
    return tuple(
        _bounded(PublicForm(key=form.key, labels=form.labels, fields=_of(fields, form.fields)), len(body.forms))
        for form in body.forms
    )


def _of(fields: Mapping[str, PublicField], keys: Collection[str]) -> tuple[PublicField, ...]:
    return tuple(field for key, field in fields.items() if key in keys)


def _bounded(form: PublicForm, of: int = 1) -> PublicForm:
    """The form without its longest fields, until its part of an event is enough for it."""
    while form.fields and len(form.model_dump_json().encode()) > _MAX_BYTES // of:
        longest = max(form.fields, key=lambda field: len(field.model_dump_json()))
        form = form.model_copy(update={"fields": tuple(each for each in form.fields if each is not longest)})
    return form


def _public_field(field: FieldBody) -> PublicField | None:
    options = tuple(_options(field.options))
    if len(options) > _MAX_OPTIONS:
        return None
    return PublicField(
        key=field.key,
        kind=field.kind.value,
        labels=field.labels,
        # Whether any other condition holds is not known until everything is filled in.
        required=field.required_if == {"all": []} and field.visible_if is None,
        conditional=field.visible_if is not None,
        options=options,
        minimum=field.minimum,
        maximum=field.maximum,
        decimals=field.decimals,
        currencies=tuple(field.currencies),
        max_length=field.max_length,
    )


def _options(
    options: Sequence[OptionBody], above: str = "", labels: Mapping[str, str] | None = None
) -> Iterator[PublicOption]:
    for option in options:
        path = f"{above}{option.value}"
        named = {
            language: f"{(labels or {}).get(language) or (labels or {}).get('en', '')} › {label}" if labels else label
            for language, label in option.labels.items()
        }
        yield PublicOption(value=path, labels=named)
        yield from _options(option.options, f"{path}/", named)


def filled(ticket: Ticket, form: FilledForm, lifecycle: Lifecycle, now: datetime) -> Ticket:
    """A new ticket with what a visitor filled in, and of the type that the form is for.

    The message counts, whatever became of fields since the page was shown: values that do not fit are left out.
    """
    definition = next((each for each in lifecycle.fields.forms if each.key == form.key), None)
    if definition is not None and definition.types:
        ticket = _of_type(ticket, definition.types[0], lifecycle)
    if definition is not None and definition.brands and ticket.brand not in definition.brands:
        ticket = replace(ticket, brand=definition.brands[0])
    offered = replace(lifecycle, fields=written_by_customers(lifecycle.fields))
    values = dict(form.values)
    while True:
        try:
            return with_fields(ticket, values, offered, before=None, now=now)
        except FieldValuesError as error:
            wrong = {problem.field for problem in error.problems} & values.keys()
            if not wrong:
                # What is required and missing stays missing: somebody asks.
                return replace(ticket, fields=values)
            values = {key: value for key, value in values.items() if key not in wrong}


def _of_type(ticket: Ticket, name: str, lifecycle: Lifecycle) -> Ticket:
    key: str | None
    if name in set(TicketType):
        type_, key = TicketType(name), None
    elif own := next((each for each in lifecycle.types if each.key == name and each.active), None):
        type_, key = own.category, own.key
    else:
        return ticket
    return replace(ticket, type=type_, type_key=key, priority=default_priority(None, type_))
