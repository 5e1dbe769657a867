"""Which events ingestion listens to."""

from collections.abc import Awaitable, Callable, Sequence
from typing import get_args

from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.cloudevents import from_kafka
from services.ingestion.service import forms, messages, notices, outbound
from services.ingestion.service.mail import MailContext
from services.ingestion.wake import Wakes
from shared.auth import auth_handlers
from shared.db import now_utc
from shared.events import Event
from shared.events.forms import FormsPublished
from shared.events.notifications import NotificationRequested
from shared.events.tickets import WithMessage
from shared.messaging.envelope import Record
from shared.messaging.handlers import Handlers
from shared.objects import ObjectStore
from shared.portal import PortalSeal


def create_handlers(
    objects: ObjectStore,
    context: Callable[[], Awaitable[MailContext]],
    hints: Wakes,
    *,
    portal: PortalSeal | None = None,
    public_url: str = "",
) -> Handlers:
    """The subscriptions of ingestion. `desk.inbound` is where other systems write CloudEvents to.

    Of `hints` those of what goes out are set, after the commit.
    """

    async def note_messages(session: AsyncSession, events: Sequence[Event[WithMessage]]) -> None:
        if await outbound.note_messages(session, events, await context(), now_utc()):
            listen(session.sync_session, "after_commit", lambda _: hints.reply_noted.set(), once=True)
        if portal is not None and await forms.acknowledge(session, events, portal, public_url, now_utc()):
            listen(session.sync_session, "after_commit", lambda _: hints.notice_noted.set(), once=True)

    async def note_notifications(session: AsyncSession, events: Sequence[Event[NotificationRequested]]) -> None:
        if await notices.note_notifications(session, events, now_utc()):
            listen(session.sync_session, "after_commit", lambda _: hints.notice_noted.set(), once=True)

    async def receive_inbound(session: AsyncSession, records: Sequence[Record]) -> None:
        events = [from_kafka(dict(record.headers), record.value) for record in records]
        await messages.receive_cloudevents(session, None, events, objects, now_utc())

    handlers = Handlers("ingestion")
    handlers.on_all(get_args(WithMessage), note_messages)
    handlers.on_all([NotificationRequested], note_notifications)
    handlers.on(FormsPublished, forms.keep_forms)
    handlers.on_topic("desk.inbound", receive_inbound)
    handlers.include(auth_handlers)
    return handlers
