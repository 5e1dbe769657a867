"""What a change of many tickets makes of each, and how it is taken back."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from services.tickets.domain.edits import edited
from services.tickets.domain.errors import OpenChildrenError, TicketRuleError
from services.tickets.domain.fields import PREFIX
from services.tickets.domain.lifecycle import Level, Lifecycle
from services.tickets.domain.snooze import snoozed
from services.tickets.domain.ticket import Ticket, require_not_closed, with_assignee
from shared.events.common import Priority, TicketStatus, TicketType
from shared.events.tickets import FieldChange

MAX_TICKETS = 10_000
# Whom the policy confines to their own jobs changes no more at once than a page of a list.
MAX_OWN_TICKETS = 100
MAX_TAGS = 50


class JobState(StrEnum):
    """Where a job stands. `previewed` waits for its start; what is `done` or `cancelled` stays so."""

    PREVIEWED = "previewed"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class Result(StrEnum):
    """What became of a ticket. One that waits is `skipped` once its job is cancelled."""

    WAITING = "waiting"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    SKIPPED = "skipped"


class TooManyTagsError(TicketRuleError):
    """A ticket would have more tags than it can."""


class MovedSinceError(TicketRuleError):
    """What a job had changed was changed again; `fields` are those that are not as the job left them."""

    def __init__(self, fields: Collection[str]) -> None:
        super().__init__(f"Changed since: {', '.join(fields)}. The ticket was left as it is.")
        self.fields = tuple(fields)


@dataclass(frozen=True, slots=True)
class Actions:
    """What is done to each ticket, in this order: assigned, edited (tags with it), put off."""

    assigns: bool = False
    assignee_id: UUID | None = None
    # As `edits.edited` takes them.
    fields: Mapping[str, Any] = field(default_factory=dict)
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    snoozes: bool = False
    snooze_until: datetime | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The permissions that doing so one by one takes."""
        edits = self.fields or self.add_tags or self.remove_tags
        asked = (("ticket.assign", self.assigns), ("ticket.change", edits), ("ticket.snooze", self.snoozes))
        return tuple(action for action, needed in asked if needed)


def acted(ticket: Ticket, actions: Actions, lifecycle: Lifecycle, *, role: str, now: datetime) -> Ticket:
    """The ticket after all of it, as somebody of this role could have done one by one.

    Raises what `with_assignee`, `edited` and `snoozed` raise, and TooManyTagsError.
    """
    after = with_assignee(ticket, actions.assignee_id) if actions.assigns else ticket
    fields = dict(actions.fields)
    if actions.add_tags or actions.remove_tags:
        fields["tags"] = _tags(ticket.tags, add=actions.add_tags, remove=actions.remove_tags)
        if len(fields["tags"]) > MAX_TAGS:
            raise TooManyTagsError(f"A ticket has at most {MAX_TAGS} tags.")
    if fields:
        after = edited(after, fields, lifecycle, role=role, now=now)
    return snoozed(after, actions.snooze_until, now) if actions.snoozes else after


def put_back(ticket: Ticket, changes: Mapping[str, FieldChange], lifecycle: Lifecycle) -> Ticket:
    """The ticket with what a job changed as it was before; of tags, those that it added and removed.

    No way of the lifecycle leads back to `new`; taking back is not going on. Only what is closed stays closed. A status
    or type that the organisation has no more becomes the first of its category.

    Raises TicketClosedError, MovedSinceError, OpenChildrenError.
    """
    require_not_closed(ticket)
    back = {
        name: value
        for name, change in changes.items()
        if name != "tags" and (value := _value(name, change.before)) != _now(ticket, name)
    }
    moved = [name for name in back if _now(ticket, name) != _value(name, changes[name].after)]
    # Who names a status or a type inside a category counts on the category.
    moved += [
        key
        for category, key in (("status", "status_key"), ("type", "type_key"))
        if category in back and key not in changes and getattr(ticket, key) is not None
    ]
    if moved:
        raise MovedSinceError(moved)
    if (tags := changes.get("tags")) is not None:
        added, removed = set(tags.after) - set(tags.before), set(tags.before) - set(tags.after)
        back["tags"] = _tags(ticket.tags, add=[tag for tag in tags.before if tag in removed], remove=added)
    own = {name.removeprefix(PREFIX): value for name, value in back.items() if name.startswith(PREFIX)}
    after = replace(ticket, **{name: value for name, value in back.items() if not name.startswith(PREFIX)})
    if after.solved_at is not None and ticket.solved_at is None and ticket.blocked_by:
        raise OpenChildrenError(ticket.number, ticket.blocked_by)
    if lifecycle.shown(after.status, after.status_key).key != after.status_key:
        after = replace(after, status_key=None)
    if lifecycle.shown_type(after.type, after.type_key).key != after.type_key:
        after = replace(after, type_key=None)
    fields = {key: value for key, value in {**ticket.fields, **own}.items() if value is not None}
    return replace(after, fields=fields)


def _tags(tags: Collection[str], *, add: Collection[str], remove: Collection[str]) -> tuple[str, ...]:
    return tuple(tag for tag in dict.fromkeys((*tags, *add)) if tag not in remove)


_FROM_JSON: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "status": TicketStatus,
        "priority": Priority,
        "urgency": Level,
        "impact": Level,
        "type": TicketType,
        "assignee_id": UUID,
        "solved_at": datetime.fromisoformat,
        "snoozed_until": datetime.fromisoformat,
    }
)


def _value(name: str, told: Any) -> Any:
    """A field's value as the history tells it, as the ticket holds it."""
    read = _FROM_JSON.get(name)
    return told if read is None or told is None else read(told)


def _now(ticket: Ticket, name: str) -> Any:
    return ticket.fields.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else getattr(ticket, name)
