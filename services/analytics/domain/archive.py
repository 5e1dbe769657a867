"""What the archive keeps of an event: everything figures may need, and no personal text.

`KEPT` says for each archived type which fields stay; a field that is in neither `KEPT` nor `REMOVED` fails a test, so
that a new field in the catalogue is decided on and never slips in.
"""

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from shared.events import Event, EventData
from shared.events.messages import MessageDelivered, MessageFailed
from shared.events.routing import TicketClassified
from shared.events.sla import SlaBreached, SlaClockChanged, SlaMet, SlaWarned
from shared.events.tickets import TicketChanged, TicketCreated, TicketMessageAdded

_ACTOR = {"kind", "id"}
_CLOCK = {
    "metric",
    "state",
    "policy",
    "target_seconds",
    "started_at",
    "due_at",
    "stopped_at",
    "breached_at",
    "generation",
}
_COUNTED_FIELDS = {"status", "priority", "type", "channel", "language", "group", "assignee_id", "tags", "brand"}
_TICKET = {
    "id": True,
    "number": True,
    "version": True,
    "status": True,
    "priority": True,
    "type": True,
    "channel": True,
    "requester": {"customer_id", "language", "region", "time_zone", "tier"},
    "assignee_id": True,
    "group": True,
    "language": True,
    "tags": True,
    "brand": True,
    "conversation_id": True,
    "created_at": True,
    "updated_at": True,
    "solved_at": True,
    "status_key": True,
    "snoozed_until": True,
    "type_key": True,
    "review": True,
}
_MESSAGE = {"id": True, "kind": True, "channel": True, "author": _ACTOR, "added_at": True, "first_reply": True}
_CLOCK_EVENT = {"ticket_id": True, "clock": _CLOCK, "next_due_at": True, "assignee_id": True, "at": True}

KEPT: Mapping[str, Mapping[str, Any]] = {
    TicketCreated.type: {"ticket": _TICKET, "message": _MESSAGE, "actor": _ACTOR},
    TicketChanged.type: {
        "ticket": _TICKET,
        "changes": _COUNTED_FIELDS,
        "actor": _ACTOR,
        "cause": True,
        "changed_at": True,
    },
    TicketMessageAdded.type: {"ticket": _TICKET, "message": _MESSAGE},
    TicketClassified.type: {
        "ticket_id": True,
        "language": True,
        "language_confidence": True,
        "classified_at": True,
    },
    SlaClockChanged.type: {
        "ticket_id": True,
        "clocks": {"__all__": _CLOCK},
        "next_due_at": True,
        "changed_at": True,
    },
    SlaWarned.type: _CLOCK_EVENT,
    SlaBreached.type: _CLOCK_EVENT,
    SlaMet.type: _CLOCK_EVENT,
    MessageDelivered.type: {
        "message_id": True,
        "ticket_id": True,
        "conversation_id": True,
        "delivered_at": True,
        "again": True,
    },
    MessageFailed.type: {
        "message_id": True,
        "ticket_id": True,
        "conversation_id": True,
        "failed_at": True,
        "attempts": True,
    },
}

# Left out, by field name: words people wrote, names, addresses, and what other systems put into identifiers and errors.
REMOVED: Mapping[str, str] = {
    "subject": "written by the customer",
    "text": "written by the customer or an agent",
    "html": "the text, formatted",
    "mentions": "whom a note names, which is part of what it says",
    "cc": "addresses",
    "refused": "addresses, and mail servers' answers",
    "name": "names of people and files",
    "email": "an address",
    "attachments": "file names and where to find the files",
    "external_id": "a Message-ID or handle, which may hold an address",
    "reply_to_external_id": "a Message-ID or handle, which may hold an address",
    "reason": "a mail server's answer, which often repeats the address",
}


# Where the ticket's id stands.
_TICKET_ID = {type_: attrgetter("ticket.id" if "ticket" in kept else "ticket_id") for type_, kept in KEPT.items()}


def _delivery_at(data: EventData) -> datetime | None:
    match data:
        case MessageDelivered(again=False):
            return data.delivered_at
        case MessageFailed():
            return data.failed_at
    return None


class ArchivedEvent(NamedTuple):
    """One consumed event as the archive keeps it: a row of its table.

    `data` is JSON; `ticket_id` is the ticket it tells of; `delivery_at` is when a message was delivered or given
    up, in the event that told so first.
    """

    event_id: UUID
    type: str
    source: str
    aggregate_id: str
    aggregate_version: int
    ticket_id: UUID
    time: datetime
    data: str
    delivery_at: datetime | None = None


def archived(event: Event[EventData]) -> ArchivedEvent:
    """The event without personal text. Raises KeyError for a type that has no entry in `KEPT`."""
    data = event.data
    return ArchivedEvent(
        event.id,
        data.type,
        event.source,
        event.aggregate_id,
        event.aggregate_version,
        _TICKET_ID[data.type](data),
        event.time,
        data.model_dump_json(include=dict(KEPT[data.type])),
        _delivery_at(data),
    )
