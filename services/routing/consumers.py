"""Which event goes to which use case."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from services.routing import service
from services.routing.detector import Detector
from shared.auth import auth_handlers
from shared.db import now_utc
from shared.events import Event
from shared.events.accounts import AccountChanged
from shared.events.tickets import TicketChanged, TicketCreated, TicketRoutingDeclined
from shared.messaging.handlers import Handlers

Handler = Callable[[AsyncSession, Sequence[Event[Any]]], Awaitable[None]]


def create_handlers(detector: Detector, *, return_after: timedelta) -> Handlers:
    """The subscriptions of routing; `detector` tells languages, `return_after` is the setting of that name.

    Messages are not among them: what one does to its ticket (reopens it, say), `ticket.changed` tells as well. What one
    tells of its requester (a language, say) comes with the ticket's next change.
    """
    handlers = Handlers("routing")
    handlers.include(auth_handlers)
    handlers.on(AccountChanged, service.take_accounts)
    handlers.on(TicketCreated, _now(service.take_created, detector=detector, return_after=return_after))
    handlers.on(TicketChanged, _now(service.take_changed, return_after=return_after))
    handlers.on(TicketRoutingDeclined, _now(service.take_declined, return_after=return_after))
    return handlers


def _now(use_case: Callable[..., Awaitable[None]], **fixed: Any) -> Handler:
    """The consumer is an edge: it reads the clock that the use case gets as an argument."""

    async def handle(session: AsyncSession, events: Sequence[Event[Any]]) -> None:
        await use_case(session, events, now=now_utc(), **fixed)

    return handle
