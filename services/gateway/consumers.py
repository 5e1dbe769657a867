"""What the gateway listens to: all that shows in an open inbox."""

from services.gateway import service
from shared.events.sla import SlaBreached, SlaClockChanged, SlaMet, SlaWarned
from shared.events.tickets import TicketChanged, TicketCreated, TicketMessageAdded
from shared.messaging.handlers import Handlers

handlers = (
    Handlers("gateway")
    .on(TicketCreated, service.show_created)
    .on(TicketChanged, service.show_changed)
    .on(TicketMessageAdded, service.show_message)
    .on(SlaClockChanged, service.show_clocks)
    .on(SlaWarned, service.show_warned)
    .on(SlaBreached, service.show_breached)
    .on(SlaMet, service.show_met)
)
