"""What the gateway listens to: all that shows in an open inbox, or concerns somebody who has one."""

from typing import get_args

from services.gateway import service
from services.gateway.domain.live import Shown
from services.gateway.domain.notifications import Personal
from shared.messaging.handlers import Handlers

handlers = Handlers("gateway").on_all(get_args(Shown | Personal), service.show)
