"""Which events ingestion listens to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import get_args

from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.cloudevents import from_kafka
from services.ingestion.service import messages, outbound
from services.ingestion.service.mail import MailContext
from shared.auth import auth_handlers
from shared.db import now_utc
from shared.events import Event
from shared.events.tickets import WithMessage
from shared.messaging.envelope import Record
from shared.messaging.handlers import Handlers
from shared.objects import ObjectStore


def create_handlers(
    objects: ObjectStore, context: Callable[[], Awaitable[MailContext]], reply_noted: asyncio.Event
) -> Handlers:
    """The subscriptions of ingestion. `desk.inbound` is where other systems write CloudEvents to.

    `reply_noted` is set after the commit of a reply.
    """

    async def note_messages(session: AsyncSession, events: Sequence[Event[WithMessage]]) -> None:
        if await outbound.note_messages(session, events, await context(), now_utc()):
            listen(session.sync_session, "after_commit", lambda _: reply_noted.set(), once=True)

    async def receive_inbound(session: AsyncSession, records: Sequence[Record]) -> None:
        events = [from_kafka(dict(record.headers), record.value) for record in records]
        await messages.receive_cloudevents(session, None, events, objects, now_utc())

    handlers = Handlers("ingestion")
    handlers.on_all(get_args(WithMessage), note_messages)
    handlers.on_topic("desk.inbound", receive_inbound)
    handlers.include(auth_handlers)
    return handlers
