"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated request has one effect and one answer.

The answer is stored in the transaction that has the effect, so there is never one without the other.
"""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import asyncpg
from alembic import op
from fastapi import Depends, Header, Request, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth import Principal
from shared.driver import driver_of
from shared.web.problem import InFlight, Unprocessable

KEPT = timedelta(days=2)
# Answers that one run of a timer deletes; it comes back at once while there are more.
FORGET_ROWS = 1_000
# How long a repetition waits for the first request to end. The edge repeats at once what a process had begun that died,
# and PostgreSQL may take a second to notice (`client_connection_check_interval`).
WAIT_SECONDS = 2.5
# So many may wait at once in one process: each has a connection of the pool meanwhile.
MAX_WAITING = 2
_LOOK_EVERY_SECONDS = 0.05

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_STORED_HEADERS = ("content-type", "etag", "location")

_TABLE = """
CREATE TABLE {s}.idempotency_keys (
    caller       text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       smallint NOT NULL,
    headers      jsonb NOT NULL,
    body         bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (caller, key)
)"""


def idempotency_table(schema: str) -> None:
    """Create the table of stored answers in `schema`. Called from a migration."""
    op.execute(_TABLE.format(s=schema))
    op.execute(f"CREATE INDEX ix_idempotency_keys_created_at ON {schema}.idempotency_keys USING brin (created_at)")


async def forget_idempotency_keys(session: AsyncSession, *, now: datetime) -> int:
    """Drop stored answers older than `KEPT`; returns how many, at most a batch."""
    gone = await session.scalars(
        text("""
            DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM idempotency_keys WHERE created_at < :before LIMIT :rows FOR UPDATE SKIP LOCKED))
            RETURNING 1"""),
        {"before": now - KEPT, "rows": FORGET_ROWS},
    )
    return len(gone.all())


@dataclass(frozen=True, slots=True, eq=False)
class _Idempotency:
    request: Request
    key: str | None

    async def run(self, session: AsyncSession, call: Callable[[], Awaitable[Response]]) -> Response:
        """Run `call` in `session`, once per caller and key; a repetition gets the stored response, byte for byte.

        Raises InFlight if the first request does not end in time, Unprocessable when the key was used for another
        request. Without the header `call` simply runs.
        """
        if self.key is None:
            return await call()
        principal: Principal | None = getattr(self.request.state, "principal", None)
        caller = principal.caller if principal else "public"
        driver = await driver_of(session)
        if not await self._take_lock(driver, caller):
            raise InFlight("The first request with this key is still under way.", retry_after=1)
        request_hash = await self._request_hash()
        row = await driver.fetchrow(
            "SELECT request_hash, status, headers, body FROM idempotency_keys WHERE caller = $1 AND key = $2",
            *(caller, self.key),
        )
        if row is not None:
            if row["request_hash"] != request_hash:
                raise Unprocessable("This key was used for another request.", slug="idempotency-key-reused")
            headers = {**row["headers"], "Idempotency-Replayed": "true"}
            return Response(row["body"], row["status"], headers)
        response = await call()
        await driver.execute(
            "INSERT INTO idempotency_keys (caller, key, request_hash, status, headers, body) "
            "VALUES ($1, $2, $3, $4, $5::jsonb, $6)",
            *(caller, self.key, request_hash, response.status_code),
            json.dumps({n: response.headers[n] for n in _STORED_HEADERS if n in response.headers}),
            bytes(response.body),
        )
        return response

    async def _take_lock(self, driver: asyncpg.Connection, caller: str) -> bool:
        # Advisory locks are the whole database's: the schema keeps services apart.
        lock = """
            SELECT pg_try_advisory_xact_lock(hashtextextended(concat_ws(
                chr(31), 'idempotency', current_schema(), $1::text, $2::text), 0))"""
        deadline = time.monotonic() + WAIT_SECONDS
        locked = bool(await driver.fetchval(lock, caller, self.key))
        if locked or len(_waiting) >= MAX_WAITING:
            return locked
        _waiting.add(self)
        try:
            while not locked and time.monotonic() < deadline:
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
                locked = bool(await driver.fetchval(lock, caller, self.key))
        finally:
            _waiting.discard(self)
        return locked

    async def _request_hash(self) -> bytes:
        digest = hashlib.sha256()
        for part in (self.request.method.encode(), self.request.url.path.encode(), self.request.url.query.encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
        digest.update(await self.request.body())
        return digest.digest()


_waiting: set[_Idempotency] = set()


def _idempotency(
    request: Request, idempotency_key: Annotated[str | None, Header(max_length=255)] = None
) -> _Idempotency:
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise Unprocessable("Idempotency-Key has to be 1 to 255 visible ASCII characters.")
    return _Idempotency(request, idempotency_key)


Idempotency = Annotated[_Idempotency, Depends(_idempotency)]
