"""How a service learns of keys and revocations: `handlers.include(auth_handlers)` in its `consumers.py`."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth.tables import keep_keys, keep_revocations
from shared.events import Event
from shared.events.accounts import AccessRevoked, SigningKeyPublished
from shared.messaging.handlers import Handlers


async def _keys_published(session: AsyncSession, events: Sequence[Event[SigningKeyPublished]]) -> None:
    await keep_keys(session, [event.data for event in events])


async def _access_revoked(session: AsyncSession, events: Sequence[Event[AccessRevoked]]) -> None:
    await keep_revocations(session, [event.data for event in events])


auth_handlers = Handlers()
auth_handlers.on(SigningKeyPublished, _keys_published)
auth_handlers.on(AccessRevoked, _access_revoked)
