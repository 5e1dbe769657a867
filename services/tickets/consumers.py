"""Which events tickets listens to."""

from typing import get_args

from services.tickets.service import facts, intake
from shared.auth import auth_handlers
from shared.events.accounts import AccountChanged
from shared.events.messages import MessageDelivered, MessageFailed, MessageReceived
from shared.messaging.handlers import Handlers

handlers = Handlers("tickets")
handlers.on(MessageReceived, intake.receive_messages)
handlers.on(MessageDelivered, intake.keep_delivered)
handlers.on(MessageFailed, intake.keep_failed)
handlers.on_all(get_args(facts.TicketFact), facts.follow)
handlers.on(AccountChanged, facts.keep_accounts)
handlers.include(auth_handlers)
