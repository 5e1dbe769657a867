"""Frames of `/api/live`: list-row fields only, never the text of a message."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.events.common import TicketSnapshot
from shared.events.sla import Clock, ClockState, SlaBreached, SlaClockChanged, SlaMet, SlaMetric, SlaWarned
from shared.events.tickets import FieldChange, OfTicket, TicketChanged

Shown = OfTicket | SlaClockChanged | SlaWarned | SlaBreached | SlaMet


def frame_of(data: Shown, names: Mapping[UUID, str], last_messages: Mapping[UUID, datetime | None]) -> dict[str, Any]:
    """The frame of one event; `names` are of accounts, `last_messages` tell when each ticket's last public one came."""
    match data:
        case SlaClockChanged():
            return sla_frame(data.ticket_id, badge_of(data.clocks, data.next_due_at))
        case SlaWarned():
            return sla_frame(data.ticket_id, badge_of_clock("warned", data.clock, data.next_due_at))
        case SlaBreached():
            return sla_frame(data.ticket_id, badge_of_clock("breached", data.clock, data.next_due_at))
        case SlaMet():
            return sla_frame(data.ticket_id, badge_of_clock("met", data.clock, data.next_due_at))
        case TicketChanged(changes={"leaving": leaving}):
            return leaving_frame(data.ticket.id, leaving)
    ticket = data.ticket
    name = names.get(ticket.assignee_id) if ticket.assignee_id else None
    return ticket_frame(ticket, assignee_name=name, last_message_at=last_messages.get(ticket.id))


def ticket_frame(
    ticket: TicketSnapshot, *, assignee_name: str | None, last_message_at: datetime | None
) -> dict[str, Any]:
    """A ticket's list row. Its clocks travel in frames of their own.

    `status_key` and `type_key` are null for the first of the category, and their names stand in the settings. `review`
    is why it is held for review, null for what is not.
    """
    assignee = None
    if ticket.assignee_id is not None:
        assignee = {"id": str(ticket.assignee_id), "name": assignee_name or ""}
    return {
        "type": "ticket.upserted",
        "ticket": {
            "id": str(ticket.id),
            "number": ticket.number,
            "subject": ticket.subject,
            "status": ticket.status,
            "status_key": ticket.status_key,
            "snoozed_until": ticket.snoozed_until.isoformat() if ticket.snoozed_until else None,
            "priority": ticket.priority,
            "type": ticket.type,
            "type_key": ticket.type_key,
            "review": ticket.review,
            "channel": ticket.channel,
            "language": ticket.language,
            "requester": {"customer_id": str(ticket.requester.customer_id), "name": ticket.requester.name},
            "assignee": assignee,
            "group": ticket.group,
            "tags": list(ticket.tags),
            "created_at": ticket.created_at.isoformat(),
            "updated_at": ticket.updated_at.isoformat(),
            "version": ticket.version,
            "last_message_at": last_message_at.isoformat() if last_message_at else None,
        },
    }


def leaving_frame(ticket_id: UUID, change: FieldChange) -> dict[str, Any]:
    """An agent's reply leaves at `release_at`; where that is null, it does not leave any more."""
    reply = change.after or {**change.before, "release_at": None}
    return {"type": "ticket.leaving", "ticket_id": str(ticket_id), "reply": reply}


def sla_frame(ticket_id: UUID, badge: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a ticket's clocks, as one badge shows it."""
    return {"type": "ticket.sla", "ticket_id": str(ticket_id), "sla": dict(badge)}


def badge_of(clocks: Sequence[Clock], next_due_at: datetime | None) -> dict[str, Any]:
    """The badge of all clocks of a ticket: a breach that still stands first, else the earliest open deadline."""
    breached = [clock for clock in clocks if clock.state is ClockState.BREACHED]
    running = sorted(
        (clock for clock in clocks if clock.state is ClockState.RUNNING and clock.due_at is not None),
        key=lambda clock: (clock.due_at, clock.metric),
    )
    paused = [clock for clock in clocks if clock.state is ClockState.PAUSED]
    met = [clock for clock in clocks if clock.state is ClockState.MET]
    for candidates in (breached, running, paused, met):
        if candidates:
            return _badge(candidates[0].state, candidates[0].metric, next_due_at)
    return _badge(None, None, None)


def badge_of_clock(state: str, clock: Clock, next_due_at: datetime | None) -> dict[str, Any]:
    """The badge after something happened to one clock, when the others are not known."""
    if state == ClockState.MET and next_due_at is not None:
        # Another clock still runs: after the first response that is the resolution.
        other = SlaMetric.RESOLUTION if clock.metric is SlaMetric.FIRST_RESPONSE else SlaMetric.FIRST_RESPONSE
        return _badge(ClockState.RUNNING, other, next_due_at)
    return _badge(state, clock.metric, next_due_at)


def _badge(state: str | None, metric: str | None, next_due_at: datetime | None) -> dict[str, Any]:
    return {"next_due_at": next_due_at.isoformat() if next_due_at else None, "state": state, "metric": metric}
