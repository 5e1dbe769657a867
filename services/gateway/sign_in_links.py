"""Signing in by a link that comes by mail: it works once, for a while, and a newer one takes its place.

Who asks for one is told nothing. The route only writes down that somebody asked, so that neither what it answers nor
how long that takes depends on whether there is an account; a timer looks for one and has the mail sent.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway import service
from services.gateway.domain.limits import LINKS_PER_ACCOUNT
from services.gateway.repository import Repository
from shared.events.notifications import Addressee, NotificationKind, NotificationRequested
from shared.ids import uuid7
from shared.messaging import outbox

LIFETIME = timedelta(minutes=15)
_BATCH = 50

_ASK = text("INSERT INTO gateway.sign_in_links (id, email, asked_at) VALUES (:id, :email, :now)")
_ASKED = text("""
    DELETE FROM gateway.sign_in_links WHERE id IN (
        SELECT id FROM gateway.sign_in_links WHERE token_hash IS NULL ORDER BY asked_at LIMIT :most
        FOR UPDATE SKIP LOCKED)
    RETURNING id, email, asked_at""")
_SENT = text("""
    INSERT INTO gateway.sign_in_links (id, email, asked_at, account_id, token_hash, sent_at)
    VALUES (:id, :email, :asked_at, :account_id, :token_hash, :now)""")
_FORGET = text("DELETE FROM gateway.sign_in_links WHERE account_id = :account_id")
_FORGET_OLD = text("DELETE FROM gateway.sign_in_links WHERE asked_at < :before")
_ACCOUNT = text("SELECT account_id FROM gateway.sign_in_links WHERE token_hash = :token_hash")
# An account that was changed since, its password above all, is not opened by what was sent before.
_USE = text("""
    DELETE FROM gateway.sign_in_links l USING gateway.accounts a
    WHERE l.token_hash = :token_hash AND l.sent_at > :after AND a.id = l.account_id AND a.updated_at <= l.sent_at
    RETURNING l.id""")


async def ask(session: AsyncSession, email: str, now: datetime) -> None:
    """Note that somebody wants a link for this (normalised) address; more of them than may be are not noted."""
    if await Repository(session).take(LINKS_PER_ACCOUNT, email, now) is None:
        await session.execute(_ASK, {"id": uuid7(), "email": email, "now": now})


async def send(session: AsyncSession, now: datetime, *, public_url: str) -> int:
    """Have links sent to those who asked and have an account; returns how many asked."""
    repository = Repository(session)
    asked = (await session.execute(_ASKED, {"most": _BATCH})).all()
    # In one order, as two senders hold the accounts they send for: of two links for one, the older is forgotten.
    for row in sorted(asked, key=lambda row: (row.email, row.asked_at)):
        found = await repository.credentials(row.email)
        account = await repository.account(found[0].id, lock=True) if found is not None else None
        if account is None or not account.active or row.asked_at <= now - LIFETIME:
            continue
        token = secrets.token_urlsafe(32)
        await session.execute(_FORGET, {"account_id": account.id})
        await session.execute(
            _SENT,
            {
                "id": row.id,
                "email": row.email,
                "asked_at": row.asked_at,
                "account_id": account.id,
                "token_hash": _hash(token),
                "now": now,
            },
        )
        told = NotificationRequested(
            notification_id=row.id,
            kind=NotificationKind.SIGN_IN,
            to=Addressee(
                address=account.email, name=account.name, language=account.languages[0] if account.languages else None
            ),
            values={
                "url": f"{public_url.rstrip('/')}/sign-in?{urlencode({'token': token})}",
                "minutes": str(int(LIFETIME.total_seconds()) // 60),
            },
            requested_at=now,
            expires_at=now + LIFETIME,
        )
        outbox.record(session, told, aggregate_id=row.id, time=now)
    await session.execute(_FORGET_OLD, {"before": now - LIFETIME})
    return len(asked)


async def redeem(session: AsyncSession, token: str, now: datetime) -> service.OpenSession | None:
    """Open a session for who has a link; None where it is none, used, replaced or too old."""
    token_hash = _hash(token)
    account_id: UUID | None = await session.scalar(_ACCOUNT, {"token_hash": token_hash})
    if account_id is None:
        return None
    # The account before the link, as everywhere: two transactions cannot wait for each other.
    account = await Repository(session).account(account_id, lock=True)
    used = await session.scalar(_USE, {"token_hash": token_hash, "after": now - LIFETIME})
    if account is None or not account.active or used is None:
        return None
    return await service.begin_session(session, account, now)


def _hash(token: str) -> bytes:
    # The token has 256 random bits: nothing is gained by a slow hash.
    return hashlib.sha256(token.encode()).digest()
