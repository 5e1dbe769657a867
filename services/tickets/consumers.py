"""Which events tickets listens to."""

from services.tickets.service import facts, intake, routing
from shared.auth import auth_handlers
from shared.events.accounts import AccountChanged
from shared.events.messages import MessageDelivered, MessageFailed, MessageReceived
from shared.events.routing import TicketClassified, TicketRouted
from shared.events.sla import SlaBreached, SlaClockChanged, SlaMet, SlaWarned
from shared.messaging.handlers import Handlers

handlers = Handlers("tickets")
handlers.on(MessageReceived, intake.receive_messages)
handlers.on(MessageDelivered, intake.keep_delivered)
handlers.on(MessageFailed, intake.keep_failed)
handlers.on_all((TicketClassified, TicketRouted), routing.follow_routing)
handlers.on(SlaClockChanged, facts.keep_clocks)
handlers.on(SlaWarned, facts.keep_clocks)
handlers.on(SlaBreached, facts.keep_clocks)
handlers.on(SlaMet, facts.keep_clocks)
handlers.on(AccountChanged, facts.keep_accounts)
handlers.include(auth_handlers)
