"""Whether a routing proposal still fits the ticket it was made for."""

from dataclasses import replace

from services.tickets.domain.status import ROUTABLE, after_assignment
from services.tickets.domain.ticket import Ticket
from shared.events.routing import TicketRouted


def why_declined(ticket: Ticket, proposal: TicketRouted, *, assignee_is_active: bool) -> str:
    """Why the proposal cannot be applied; empty if it can.

    It has to be about the ticket as it is in what routing rests on. Other edits since (a subject, a tag, a message)
    do not matter.
    """
    if ticket.assignee_id is not None:
        return "assigned in the meantime"
    if ticket.status not in ROUTABLE:
        return f"the ticket is {ticket.status}"
    if proposal.ticket_version < ticket.routing_version:
        return "changed in the meantime"
    if not assignee_is_active:
        return "the proposed agent is not active"
    return ""


def with_proposal(ticket: Ticket, proposal: TicketRouted) -> Ticket:
    """The ticket with the proposed agent and group. A proposal without an agent sets the group: it waits in a queue."""
    group = proposal.group or ticket.group
    if proposal.assignee_id is None:
        return replace(ticket, group=group)
    return replace(ticket, group=group, assignee_id=proposal.assignee_id, status=after_assignment(ticket.status))
