"""Asking ClamAV's daemon about a file, over its socket (clamd(8), INSTREAM)."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

_PORT = 3310
_MAX_ANSWER_BYTES = 4096
_CONNECT_SECONDS = 5.0
_MAX_NAME_CHARS = 200


class ScannerAway(ConnectionError):
    """The scanner does not answer: another time it may."""


class ScanFailed(Exception):
    """The scanner could not say of this file what it is. `reason` is a stable word; `is_final` that it never will."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


class Clamd:
    """A daemon at `tcp://host[:port]` or `unix:/path`. A file has `timeout_seconds` in all."""

    def __init__(self, address: str, *, timeout_seconds: float) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"tcp", "unix"} or not (parts.hostname if parts.scheme == "tcp" else parts.path):
            raise ValueError("clamd is at tcp://host[:port] or unix:/path")
        self._path = parts.path if parts.scheme == "unix" else None
        self._host, self._port = parts.hostname, parts.port or _PORT
        self._timeout = timeout_seconds

    async def scan(self, data: AsyncIterable[bytes]) -> str | None:
        """The name of what was found in a file, or None. Raises ScannerAway, ScanFailed, and what `data` raises."""
        try:
            async with asyncio.timeout(self._timeout), self._connected() as (reader, writer):
                if await _sent(writer, b"zINSTREAM\0"):
                    async for chunk in data:
                        if chunk and not await _sent(writer, len(chunk).to_bytes(4, "big") + chunk):
                            break
                    else:
                        await _sent(writer, bytes(4))
                answer = await _answer(reader)
        except TimeoutError:
            raise ScanFailed("timeout") from None
        return _found(answer)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                if self._path is not None:
                    reader, writer = await asyncio.open_unix_connection(self._path, limit=_MAX_ANSWER_BYTES)
                else:
                    reader, writer = await asyncio.open_connection(self._host, self._port, limit=_MAX_ANSWER_BYTES)
        except (OSError, TimeoutError) as error:
            raise ScannerAway("the virus scanner does not answer") from error
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _sent(writer: asyncio.StreamWriter, part: bytes) -> bool:
    """False where the scanner has closed: one that has had enough says so first, whatever we still have to send."""
    try:
        writer.write(part)
        await writer.drain()
    except ConnectionError:
        return False
    return True


async def _answer(reader: asyncio.StreamReader) -> str:
    try:
        answer = await reader.readuntil(b"\0")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
        raise ScanFailed("connection_lost") from error
    return answer.rstrip(b"\0").decode("utf-8", "replace").strip()


def _found(answer: str) -> str | None:
    if answer == "stream: OK":
        return None
    if answer.startswith("stream: ") and answer.endswith(" FOUND"):
        return answer.removeprefix("stream: ").removesuffix(" FOUND")[:_MAX_NAME_CHARS]
    if "size limit exceeded" in answer:
        raise ScanFailed("too_large", is_final=True)
    raise ScanFailed("scanner_error")
