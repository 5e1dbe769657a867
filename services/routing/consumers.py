"""Which event goes to which use case."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.routing import service
from services.routing.detector import Detector
from shared.auth import auth_handlers
from shared.db import now_utc
from shared.events import Event
from shared.events.accounts import AccountChanged
from shared.events.tickets import TicketChanged, TicketCreated, TicketMessageAdded, TicketRoutingDeclined
from shared.messaging.handlers import Handlers


def create_handlers(detector: Detector, *, return_after: timedelta) -> Handlers:
    """The subscriptions of routing; `detector` tells languages, `return_after` is the setting of that name."""

    async def take_tickets(session: AsyncSession, events: Sequence[Event[service.Followed]]) -> None:
        # The consumer is an edge: it reads the clock that the use case gets as an argument.
        await service.take_tickets(session, events, detector=detector, now=now_utc(), return_after=return_after)

    handlers = Handlers("routing")
    handlers.include(auth_handlers)
    handlers.on(AccountChanged, service.take_accounts)
    handlers.on(TicketCreated, take_tickets)
    handlers.on(TicketChanged, take_tickets)
    handlers.on(TicketMessageAdded, take_tickets)
    handlers.on(TicketRoutingDeclined, take_tickets)
    return handlers
