"""What analytics listens to: every type that the archive keeps."""

from services.analytics import service
from services.analytics.domain.archive import KEPT
from shared.auth import auth_handlers
from shared.events import event_types
from shared.messaging.handlers import Handlers

handlers = Handlers("analytics")
handlers.include(auth_handlers)
handlers.on_all((event_types()[type_] for type_ in KEPT), service.take_events)
