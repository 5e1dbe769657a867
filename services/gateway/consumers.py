"""What the gateway listens to: all that shows in an open inbox.

A new ticket shows with its first message, which follows `ticket.created.v1` in the same transaction.
"""

from services.gateway import service
from shared.events.sla import SlaBreached, SlaClockChanged, SlaMet, SlaWarned
from shared.events.tickets import TicketChanged, TicketMessageAdded
from shared.messaging.handlers import Handlers

handlers = (
    Handlers("gateway")
    .on(TicketChanged, service.show_changed)
    .on(TicketMessageAdded, service.show_message)
    .on(SlaClockChanged, service.show_clocks)
    .on(SlaWarned, service.show_warned)
    .on(SlaBreached, service.show_breached)
    .on(SlaMet, service.show_met)
)
