"""What knowledge listens to: signing keys and revocations."""

from shared.auth import auth_handlers
from shared.messaging.handlers import Handlers

handlers = Handlers("knowledge")
handlers.include(auth_handlers)
