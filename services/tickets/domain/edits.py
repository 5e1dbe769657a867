"""What people make of a ticket by hand, within the organisation's lifecycle."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.tickets.domain.errors import FieldValuesError, MissingFieldsError, NotReopenedError, OpenChildrenError
from services.tickets.domain.fields import BUILT_IN, PREFIX, states, with_values
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.ticket import Ticket, require_not_closed, with_status
from shared.events.common import TicketStatus


def edited(ticket: Ticket, fields: Mapping[str, Any], lifecycle: Lifecycle, *, role: str, now: datetime) -> Ticket:
    """The ticket with these fields set by somebody of this role. A `status_key` or `type_key` of None is the first of
    the category.

    Urgency and impact together make the priority, unless it is set by hand; a priority of None gives it back to them.
    Raises TicketClosedError, InvalidTransitionError, UnknownStatusError, UnknownTypeError, MissingFieldsError.
    """
    if fields.keys() - {"status"}:
        require_not_closed(ticket)
    others = {"status", "status_key", "type", "type_key", "priority", "fields"}
    plain = {name: value for name, value in fields.items() if name not in others}
    after = _with_priority(_with_type(replace(ticket, **plain), fields, lifecycle), fields, lifecycle)
    key = fields.get("status_key", ticket.status_key)
    asked = fields.get("status", ticket.status)
    if key is not None and key != ticket.status_key:
        asked = lifecycle.chosen(key).category
    lifecycle.require_way(role, ticket.status, asked)
    after = with_status(after, asked, now)
    if "status_key" in fields:
        after = replace(after, status_key=key)
    if lifecycle.fields.fields or "fields" in fields:
        after = with_fields(after, fields.get("fields", {}), lifecycle, before=ticket, now=now)
    require_move(ticket, after, lifecycle, role=role)
    return after


def with_fields(
    ticket: Ticket, asked: Mapping[str, Any], lifecycle: Lifecycle, *, before: Ticket | None, now: datetime
) -> Ticket:
    """The ticket with fields of the organisation's own set; `before` is None for a new one. Raises FieldValuesError."""
    values, problems = with_values(
        lifecycle.fields,
        before.fields if before else {},
        asked,
        was=_built_in(before, lifecycle) if before else None,
        ticket=_built_in(ticket, lifecycle),
        now=now,
    )
    if problems:
        raise FieldValuesError(problems)
    return replace(ticket, fields=values)


def require_move(before: Ticket, after: Ticket, lifecycle: Lifecycle, *, role: str) -> None:
    """What the organisation asks of somebody of this role who moves a ticket into another category.

    Raises ClosedWayError, MissingFieldsError, OpenChildrenError.
    """
    if after.status is before.status:
        return
    if after.solved_at is not None and before.solved_at is None and before.blocked_by:
        raise OpenChildrenError(before.number, before.blocked_by)
    lifecycle.require_way(role, before.status, after.status)
    values = {
        "assignee": after.assignee_id,
        "group": after.group,
        "tags": after.tags,
        "language": after.language,
        "urgency": after.urgency,
        "impact": after.impact,
        **{PREFIX + key: value for key, value in after.fields.items()},
    }
    types = (after.type, lifecycle.shown_type(after.type, after.type_key).key)
    missing = lifecycle.missing(after.status, types, values)
    if any(name.startswith(PREFIX) for name in missing):
        # What the form does not show, nobody can fill in.
        shown = states(lifecycle.fields, _built_in(after, lifecycle), after.fields, now=after.updated_at)
        visible = {PREFIX + key for key, state in shown.items() if state.visible}
        missing = [name for name in missing if name in visible or not name.startswith(PREFIX)]
    if missing:
        raise MissingFieldsError(after.status, missing)


def with_priority(ticket: Ticket, lifecycle: Lifecycle) -> Ticket:
    """The ticket with the priority that its urgency and impact make, unless one is unknown, or it was set by hand."""
    if ticket.priority_by_hand or ticket.urgency is None or ticket.impact is None:
        return ticket
    return replace(ticket, priority=lifecycle.priority(ticket.urgency, ticket.impact))


def require_reopening(ticket: Ticket, lifecycle: Lifecycle, now: datetime) -> None:
    """Raises NotReopenedError for a solved ticket that a customer's message does not open again."""
    if not lifecycle.reopens(ticket.group, ticket.solved_at, now):
        raise NotReopenedError(ticket.number)


def is_over(ticket: Ticket, lifecycle: Lifecycle, now: datetime) -> bool:
    """Whether customers' messages do not go on in the ticket: it is closed, or solved and not opened again."""
    if ticket.status is TicketStatus.SOLVED:
        return not lifecycle.reopens(ticket.group, ticket.solved_at, now)
    return ticket.status is TicketStatus.CLOSED


def _with_type(ticket: Ticket, fields: Mapping[str, Any], lifecycle: Lifecycle) -> Ticket:
    key = fields.get("type_key", ticket.type_key)
    asked = fields.get("type", ticket.type)
    if key is not None and key != ticket.type_key:
        return replace(ticket, type=lifecycle.chosen_type(key).category, type_key=key)
    return replace(ticket, type=asked, type_key=key if asked is ticket.type else None)


def _with_priority(ticket: Ticket, fields: Mapping[str, Any], lifecycle: Lifecycle) -> Ticket:
    if fields.get("priority") is not None:
        return replace(ticket, priority=fields["priority"], priority_by_hand=True)
    if "priority" in fields:
        ticket = replace(ticket, priority_by_hand=False)
    elif not fields.keys() & {"urgency", "impact"}:
        return ticket
    return with_priority(ticket, lifecycle)


def _built_in(ticket: Ticket, lifecycle: Lifecycle) -> dict[str, Any]:
    own = lifecycle.shown_type(ticket.type, ticket.type_key).key
    return {**{name: getattr(ticket, name) for name in BUILT_IN}, "type_key": own}
