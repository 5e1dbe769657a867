"""Which event goes to which use case."""

from services.sla import service
from shared.auth import auth_handlers
from shared.events.tickets import TicketChanged, TicketCreated, TicketMessageAdded
from shared.messaging.handlers import Handlers

handlers = Handlers("sla")
handlers.include(auth_handlers)
handlers.on(TicketCreated, service.take_tickets)
handlers.on(TicketChanged, service.take_tickets)
handlers.on(TicketMessageAdded, service.take_tickets)
