"""Whether a routing proposal still fits the ticket it was made for."""

from dataclasses import replace

from services.tickets.domain.status import ROUTABLE
from services.tickets.domain.ticket import Ticket, with_assignee
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
    if proposal.group and proposal.group != ticket.group:
        ticket = replace(ticket, group=proposal.group)
    return with_assignee(ticket, proposal.assignee_id) if proposal.assignee_id else ticket
