"""Which events tickets listens to."""

from typing import get_args

from services.tickets.service import bounces, facts, intake, notices, uploads
from shared.auth import auth_handlers
from shared.events.accounts import AccountChanged
from shared.events.messages import FileUploaded, MessageBounced, MessageDelivered, MessageFailed, MessageReceived
from shared.messaging.handlers import Handlers

handlers = Handlers("tickets")
handlers.on(MessageReceived, intake.receive_messages)
handlers.on(MessageDelivered, intake.keep_delivered)
handlers.on(MessageFailed, intake.keep_failed)
handlers.on(MessageFailed, notices.tell_undelivered)
handlers.on(MessageBounced, bounces.keep_bounced)
handlers.on(MessageBounced, notices.tell_undelivered)
handlers.on(FileUploaded, uploads.keep_uploads)
handlers.on_all(get_args(facts.TicketFact), facts.follow)
handlers.on(AccountChanged, facts.keep_accounts)
handlers.include(auth_handlers)
