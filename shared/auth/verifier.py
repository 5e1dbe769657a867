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
# All requests wait for one and the same reading, together no longer than this; and when it fails, they all fail with
# it, also those that come within a moment. One reading each would queue behind a database that has stalled.
READING_LIMIT = timedelta(seconds=3)
FAILURE_HOLDS = timedelta(seconds=1)
# Tokens whose signature is known to hold. Checking one costs more than anything else before a route runs.
REMEMBERED_TOKENS = 1_000


class TokenVerifier:
    """Knows the public keys and revocations of one service's schema, at most `USABLE_FOR` old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._published: dict[str, str] = {}
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._verified: dict[str, VerifiedToken] = {}
        self._revoked: dict[tuple[str, UUID | None], datetime] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._started_at = float("-inf")
        self._failed_at = float("-inf")

    async def verify(self, token: str, now: datetime) -> VerifiedToken:
        """The verified token. Raises Unauthenticated; database errors or TimeoutError when keys cannot be read."""
        await self._keep_fresh()
        verified = self._verified.get(token)
        if verified is None or verified.expires_at <= now:
            verified = await self._verify_anew(token, now)
        if self._is_revoked(verified.principal, verified.issued_at):
            raise Unauthenticated("The token was revoked.")
        return verified

    async def _verify_anew(self, token: str, now: datetime) -> VerifiedToken:
        if key_id_of(token) not in self._keys and self._age() > REFRESH_AFTER:
            await self.refresh()
        verified = verify(token, keys=self._keys, now=now)
        if len(self._verified) >= REMEMBERED_TOKENS:
            self._verified.clear()
        self._verified[token] = verified
        return verified

    async def still_valid(self, verified: VerifiedToken, now: datetime) -> bool:
        """Whether a token that was verified earlier (an open WebSocket's) has neither expired nor been revoked."""
        await self._keep_fresh()
        return verified.expires_at > now and not self._is_revoked(verified.principal, verified.issued_at)

    async def refresh(self) -> None:
        """Read keys and revocations, or wait for the reading that is under way. Raises as `verify` does."""
        reading = self._read_once()
        async with asyncio.timeout_at(self._started_at + READING_LIMIT.total_seconds()):
            # Whoever gives up leaves the reading to the others.
            await asyncio.shield(reading)

    async def close(self) -> None:
        """Wait for a reading that is under way."""
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    def _read_once(self) -> asyncio.Task[None]:
        """The reading that is under way, or that has just failed; else a new one."""
        now = asyncio.get_running_loop().time()
        if self._reading is None or (self._reading.done() and now - self._failed_at > FAILURE_HOLDS.total_seconds()):
            self._started_at = now
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._note_failure)
        return self._reading

    def _note_failure(self, reading: asyncio.Task[None]) -> None:
        if not reading.cancelled() and (error := reading.exception()) is not None:
            self._failed_at = reading.get_loop().time()
            log.warning("auth.refresh_failed", error=type(error).__name__)

    async def _read(self) -> None:
        started = time.monotonic()
        async with asyncio.timeout(READING_LIMIT.total_seconds()):
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
                published = {row.kid: row.public_key for row in keys}
                if published != self._published:
                    # A key that is retired takes its tokens with it.
                    self._verified.clear()
                    self._keys = {kid: decode_public_key(public_key) for kid, public_key in published.items()}
                    self._published = published
                self._revoked = {(kind, subject): revoked_at for kind, subject, revoked_at in revoked}
        self._read_at = started

    async def _keep_fresh(self) -> None:
        if self._age() > USABLE_FOR:
            await self.refresh()
        elif self._age() > REFRESH_AFTER:
            self._read_once()

    def _age(self) -> timedelta:
        return timedelta(seconds=min(time.monotonic() - self._read_at, 1e6))

    def _is_revoked(self, principal: Principal, issued_at: datetime) -> bool:
        if ("session", principal.session_id) in self._revoked or ("api_key", principal.key_id) in self._revoked:
            return True  # neither ever comes back
        revoked_at = self._revoked.get(("account", principal.account_id))
        return revoked_at is not None and issued_at < revoked_at
