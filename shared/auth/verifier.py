"""Verifying tokens without a call: keys and revocations are read from the service's own schema and kept in memory."""

import asyncio
import time
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import text

from shared.auth.errors import Unauthenticated
from shared.auth.principal import Principal
from shared.auth.tables import SESSION_REVOCATIONS_KEPT
from shared.auth.tokens import VerifiedToken, decode_public_key, key_id_of, verify
from shared.db import Database, now_utc
from shared.telemetry import get_logger

log = get_logger(__name__)

# Older than this, what is in memory is read again in the background while requests go on with it.
REFRESH_AFTER = timedelta(seconds=1)
# Older than this, a request waits for fresh data: with the way of an event, a revocation holds within 5 s.
USABLE_FOR = timedelta(seconds=2)


class TokenVerifier:
    """Knows the public keys and revocations of one service's schema, at most `USABLE_FOR` old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._revoked: dict[tuple[str, UUID], datetime] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._background: asyncio.Task[None] | None = None

    async def verify(self, token: str, now: datetime) -> VerifiedToken:
        """The verified token. Raises Unauthenticated; database errors when keys cannot be read for too long."""
        await self._keep_fresh()
        if key_id_of(token) not in self._keys and self._age() > REFRESH_AFTER:
            await self.refresh()
        verified = verify(token, keys=self._keys, now=now)
        if self._is_revoked(verified.principal, verified.issued_at):
            raise Unauthenticated("The token was revoked.")
        return verified

    async def still_valid(self, verified: VerifiedToken, now: datetime) -> bool:
        """Whether a token that was verified earlier (an open WebSocket's) has neither expired nor been revoked."""
        await self._keep_fresh()
        return verified.expires_at > now and not self._is_revoked(verified.principal, verified.issued_at)

    async def refresh(self) -> None:
        """Read keys and revocations now."""
        before = self._read_at
        async with self._reading:
            if self._read_at != before:
                return
            started = time.monotonic()
            async with self._database.read() as session:
                keys = await session.execute(
                    text("SELECT kid, public_key FROM auth_keys WHERE retired_at IS NULL OR retired_at > now()")
                )
                revoked = await session.execute(
                    text(
                        "SELECT kind, subject, revoked_at FROM auth_revocations "
                        "WHERE kind = 'api_key' OR revoked_at > :since"
                    ),
                    {"since": now_utc() - SESSION_REVOCATIONS_KEPT},
                )
                self._keys = {kid: decode_public_key(public_key) for kid, public_key in keys}
                self._revoked = {(kind, subject): revoked_at for kind, subject, revoked_at in revoked}
            self._read_at = started

    async def close(self) -> None:
        """Wait for a refresh that is under way."""
        if self._background is not None:
            await asyncio.gather(self._background, return_exceptions=True)

    async def _keep_fresh(self) -> None:
        if self._age() > USABLE_FOR:
            await self.refresh()
        elif self._age() > REFRESH_AFTER and (self._background is None or self._background.done()):
            self._background = asyncio.create_task(self._refresh_in_background())

    async def _refresh_in_background(self) -> None:
        try:
            await self.refresh()
        except Exception as error:  # noqa: BLE001 - a request that needs fresh data raises it to its caller
            log.warning("auth.refresh_failed", error=type(error).__name__)

    def _age(self) -> timedelta:
        return timedelta(seconds=min(time.monotonic() - self._read_at, 1e6))

    def _is_revoked(self, principal: Principal, issued_at: datetime) -> bool:
        subjects = (("account", principal.account_id), ("session", principal.session_id), ("api_key", principal.key_id))
        return any(
            subject is not None and (revoked_at := self._revoked.get((kind, subject))) and issued_at < revoked_at
            for kind, subject in subjects
        )
