"""A condition on tickets as SQL, for searches, lists and views."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    cast,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from services.tickets.domain.conditions import AllOf, AnyOf, Comparison, Condition, Not, Operator, moment
from services.tickets.domain.field_values import Field, Kind
from services.tickets.domain.fields import PREFIX, indexed_day, indexed_word
from services.tickets.domain.identity import of_any_kind
from services.tickets.domain.lifecycle import DEFAULT, Lifecycle
from services.tickets.domain.named import Named, first_of, of_key
from services.tickets.domain.search import ME, matching
from services.tickets.models import (
    accounts,
    customer_identities,
    customers,
    field_values,
    search_documents,
    search_subjects,
    tickets,
)
from services.tickets.repository.organisations import belonging_to, has_organisation, organisations_called

_LAST_PUBLIC = func.coalesce(tickets.c.last_message_at, tickets.c.created_at)
_NAMED: Mapping[str, ColumnElement[Any]] = {
    "created": tickets.c.created_at,
    "updated": tickets.c.updated_at,
    "solved": tickets.c.solved_at,
    "due": tickets.c.sla_next_due_at,
    "snoozed": tickets.c.snoozed_until,
    "review": tickets.c.review_reason,
    "assignee": tickets.c.assignee_id,
    "requester": tickets.c.requester_id,
}
# They stand in the statement itself, for PostgreSQL to know how many there are, and which index fits.
_OF_FEW = {"priority", "channel", "review_reason"}
# As the index of tags has it, which leaves out tickets without any.
_NO_TAGS: ColumnElement[Any] = literal_column("'{}'::text[]")
_DIGITS = 18  # of a bigint
_GRAM = 3  # letters that the index of subjects knows together
# The worker that makes what is searched is hardly ever so far behind.
LATE = timedelta(minutes=10)
SIGNS = {Operator.LT: "<", Operator.LTE: "<=", Operator.GT: ">", Operator.GTE: ">="}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who searches, and when. For customers (`own`) there is what they may see of their own tickets, nothing else."""

    account_id: UUID
    now: datetime
    zone: tzinfo = UTC
    own: bool = False
    lifecycle: Lifecycle = DEFAULT


def words_match(matches: str) -> ColumnElement[bool]:
    """Whether a ticket's document matches a tsquery; all do where nothing is asked for."""
    if not matches:
        return true()
    return search_documents.c.words.bool_op("@@")(cast(literal(matches, Text), TSQUERY))


def may_contain(part: str, now: datetime) -> ColumnElement[bool] | None:
    """What has this part in its subject, and some more, by the index of subjects; None where it knows nothing of it.

    Subjects are there a moment after their tickets. What was changed lately is looked at itself.
    """
    if len(part) < _GRAM:
        return None
    own, asked_for = _grams(search_subjects.c.subject), _grams(literal(part, Text))
    known = select(search_subjects.c.ticket_id).where(own.bool_op("@>")(asked_for))
    others = tickets.alias("late")
    late = select(others.c.id).where(others.c.updated_at > now - LATE)
    return tickets.c.id.in_(known.union_all(late))


def _grams(text: ColumnElement[str]) -> ColumnElement[Any]:
    return func.tickets.grams(text, type_=ARRAY(Integer))


def may_belong(organisations: Sequence[str]) -> ColumnElement[bool]:
    """What requesters of these organisations have, by the index of requesters.

    PostgreSQL does not know how many customers an organisation has, and might join them with all tickets there are.
    """
    return tickets.c.requester_id == any_(func.array(_of(organisations).scalar_subquery()))


def in_sql(condition: Condition, asker: Asker) -> ColumnElement[bool]:
    """The condition as SQL. What is unknown does not hold, and so its opposite does, as in `conditions.holds`."""
    match condition:
        case AllOf(of):
            return and_(true(), *(in_sql(one, asker) for one in of))
        case AnyOf(of):
            return or_(false(), *(in_sql(one, asker) for one in of))
        case Not(of):
            inside = in_sql(of, asker)
            # Whether a field is empty is never unknown, and PostgreSQL knows how many there are.
            is_known = isinstance(of, Comparison) and of.value == ()
            return not_(inside if is_known else func.coalesce(inside, false()))
        case Comparison(operator=Operator.MATCHES):
            return words_match(matching(condition, public_only=asker.own))
        case Comparison(field, operator, value):
            return _of_a_field(field, operator, value, asker)


def _of_a_field(field: str, operator: Operator, value: Any, asker: Asker) -> ColumnElement[bool]:
    if field.startswith(PREFIX):
        own = asker.lifecycle.fields.by_key[field.removeprefix(PREFIX)]
        return _of_the_organisation(own, operator, value, asker)
    if field in _OF_THE_REQUESTER:
        return _OF_THE_REQUESTER[field](value)
    column = _LAST_PUBLIC if asker.own and field == "updated" else _NAMED.get(field)
    return _compared(tickets.c[field] if column is None else column, operator, value, asker)


def _compared(column: ColumnElement[Any], operator: Operator, value: Any, asker: Asker) -> ColumnElement[bool]:
    match operator:
        case Operator.IS:
            return _is_one_of(column, value, asker) if value else _is_empty(column)
        case Operator.CONTAINS:
            return column.icontains(value, autoescape=True)
        case _:
            limit = moment(value, now=asker.now, zone=asker.zone) if isinstance(value, str) else value
            return column.bool_op(SIGNS[operator])(literal(limit, column.type))


def _is_empty(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column == _NO_TAGS if column is tickets.c.tags else column.is_(None)


def _is_one_of(column: ColumnElement[Any], values: Sequence[Any], asker: Asker) -> ColumnElement[bool]:
    if column is tickets.c.status or column is tickets.c.type:
        return _has_one_of(column, values, asker.lifecycle)
    if column is tickets.c.tags:
        return and_(column != _NO_TAGS, column.bool_op("&&")(literal(list(values), ARRAY(Text))))
    if column is tickets.c.assignee_id:
        query = select(accounts.c.id).where(func.lower(accounts.c.email) == any_(_texts(values)))
        return _is_somebody(column, values, query, asker)
    if column is tickets.c.requester_id:
        return _is_somebody(column, values, _who_have(values), asker)
    if column is tickets.c.number:
        values = [int(value) for value in values if value.isdecimal() and len(value) <= _DIGITS]
    if column.name in _OF_FEW:
        return column.in_(bindparam(None, sorted(set(values)), expanding=True, literal_execute=True))
    return column == any_(literal(list(values), ARRAY(column.type)))


def _of_the_organisation(field: Field, operator: Operator, value: Any, asker: Asker) -> ColumnElement[bool]:
    """A test of one of the organisation's own fields, by the index of what they hold (`fields.indexed`)."""
    has = select(field_values.c.ticket_id).where(
        field_values.c.ticket_id == tickets.c.id, field_values.c.field == field.key
    )
    text: ColumnElement[str] = tickets.c.fields[field.key].astext
    match operator:
        case Operator.CONTAINS:
            return text.icontains(value, autoescape=True)
        case Operator.IS if not value:
            return ~has.exists()
        case Operator.IS if field.kind in {Kind.NUMBER, Kind.MONEY}:
            numbers = literal([Decimal(str(one)) for one in value], ARRAY(Numeric))
            return has.where(field_values.c.number == any_(numbers)).exists()
        case Operator.IS:
            words = literal([indexed_word(field.kind, one) for one in value], ARRAY(Text))
            found = has.where(field_values.c.word == any_(words)).exists()
            # The index knows of a text its beginning, and no case.
            exactly = text == any_(literal(list(value), ARRAY(Text)))
            return and_(found, exactly) if field.kind is Kind.TEXT else found
        case _:
            is_day = field.kind is Kind.DATE
            limit = indexed_day(moment(value, now=asker.now, zone=UTC)) if is_day else Decimal(str(value))
            return has.where(field_values.c.number.bool_op(SIGNS[operator])(literal(limit, Numeric))).exists()


def _has_one_of(category: ColumnElement[str], values: Sequence[str], lifecycle: Lifecycle) -> ColumnElement[bool]:
    """Categories, and names of the organisation's own inside; a ticket without one has the first of its category."""
    is_status = category is tickets.c.status
    names: Sequence[Named[Any]] = lifecycle.statuses if is_status else lifecycle.types
    key = tickets.c.status_key if is_status else tickets.c.type_key
    categories = {each.category for each in names}
    wanted = [value for value in values if value in categories]
    own = [found for value in values if value not in categories and (found := of_key(names, value)) is not None]
    has = (and_(_is_in(category, [each.category]), _has(key, each, names)) for each in own)
    return or_(_is_in(category, wanted), *has)


def _has(key: ColumnElement[str], name: Named[Any], names: Sequence[Named[Any]]) -> ColumnElement[bool]:
    is_first = first_of(names, name.category) == name
    return or_(key == name.key, key.is_(None)) if is_first else key == name.key


def _is_in(column: ColumnElement[str], categories: Sequence[str]) -> ColumnElement[bool]:
    if not categories:
        return false()
    return column.in_(bindparam(None, sorted(set(categories)), expanding=True, literal_execute=True))


def _texts(values: Sequence[str]) -> ColumnElement[Any]:
    return literal([value.lower() for value in values], ARRAY(Text))


def _belongs(values: Sequence[str]) -> ColumnElement[bool]:
    """Whether the requester is of one of these organisations; of none, where none is named."""
    if not values:
        return ~has_organisation(tickets.c.requester_id)
    return tickets.c.requester_id.in_(_of(values))


def _of(called: Sequence[str]) -> CompoundSelect[Any]:
    ids = {id_ for value in called if (id_ := _uuid(value))}
    return belonging_to(organisations_called(called, ids))


def _has_tier(values: Sequence[str]) -> ColumnElement[bool]:
    """By one customer after the other, or by all who have it: a tier may be nearly everybody's."""
    requesters = customers.alias("requesters")
    wanted = requesters.c.tier == any_(literal(list(values), ARRAY(Text)))
    has = select(requesters.c.id).where(requesters.c.id == tickets.c.requester_id, wanted).correlate(tickets)
    # A tier is always known.
    return has.exists() if values else false()


_OF_THE_REQUESTER: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {"organisation": _belongs, "tier": _has_tier}


def _who_have(addresses: Sequence[str]) -> Select[Any]:
    """The customers who have these addresses, of whatever kind, however they are written."""
    forms = {(each.kind, form) for address in addresses for each in of_any_kind(address) for form in each.forms}
    kinds, written = zip(*sorted(forms), strict=True)
    asked = func.unnest(literal(list(kinds), ARRAY(Text)), literal(list(written), ARRAY(Text)))
    form = asked.table_valued("kind", "address").render_derived(name="form")
    identities = customer_identities.c
    return select(identities.customer_id).join(
        form, and_(identities.kind == form.c.kind, identities.address == form.c.address)
    )


def _is_somebody(
    column: ColumnElement[Any], values: Sequence[str], by_address: Select[Any], asker: Asker
) -> ColumnElement[bool]:
    """By id, by address, or oneself."""
    ids = [asker.account_id if value == ME else _uuid(value) for value in values]
    known = column == any_(literal([each for each in ids if each], ARRAY(Uuid)))
    return known if all(ids) else or_(known, column.in_(by_address))


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
