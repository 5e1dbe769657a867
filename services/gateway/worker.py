"""The background part of the gateway: relay, live frames, housekeeping."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway import notifications, presence, service, sign_in_links
from services.gateway.consumers import handlers
from services.gateway.repository import Repository
from services.gateway.settings import GatewaySettings
from shared.db import Database
from shared.housekeeping import housekeeping
from shared.messaging.timers import Timer
from shared.messaging.worker import Worker


def create_worker(settings: GatewaySettings, database: Database) -> Worker:
    """The consumers and timers of the gateway."""

    async def forget_frames(session: AsyncSession, now: datetime) -> int:
        return await Repository(session).forget_frames(before=now - settings.live_retention)

    async def forget_presence(session: AsyncSession, _now: datetime) -> int:
        return await presence.forget(session)

    async def send_links(session: AsyncSession, now: datetime) -> int:
        return await sign_in_links.send(session, now, public_url=settings.public_url)

    return Worker(
        database,
        settings.kafka,
        handlers,
        timers=(
            *housekeeping(keeps_answers=True),
            Timer("forget_frames", timedelta(minutes=1), forget_frames),
            Timer("forget_presence", timedelta(minutes=1), forget_presence),
            Timer("forget_notifications", timedelta(minutes=10), notifications.forget),
            Timer("forget_sign_ins", timedelta(minutes=10), service.forget_sign_ins),
            Timer("send_sign_in_links", timedelta(seconds=1), send_links),
            Timer("republish", timedelta(hours=6), service.republish),
        ),
    )
