"""What a virus scanner's answers mean, and whose fault it is where there is none."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.ingestion.clamav import Clamd, ScanFailed
from shared.objects import ObjectStoreUnavailable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def scanner(serve: Serve) -> AsyncIterator[Clamd]:
    """One that does what a test says."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    with tempfile.TemporaryDirectory(prefix="desk-") as folder:  # a socket's path is short
        path = Path(folder) / "socket"
        async with await asyncio.start_unix_server(connected, path):
            yield Clamd(f"unix:{path}", timeout_seconds=60)


async def patient(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def had_enough(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"INSTREAM size limit exceeded. ERROR\0")


async def died(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(64 * 1024)
        await asyncio.sleep(0)


async def test_a_store_that_goes_away_is_not_the_files_fault() -> None:
    """Else five minutes without the store made files unscannable, which nobody looks at again."""

    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise ObjectStoreUnavailable

    async with scanner(patient) as clamd:
        with pytest.raises(ObjectStoreUnavailable):
            await clamd.scan(half())


@pytest.mark.parametrize(
    ("serve", "count", "reason", "is_final"),
    [(had_enough, 3, "too_large", True), (died, 0, "connection_lost", False)],
)
async def test_a_scanner_that_ends_early(serve: Serve, count: int, reason: str, is_final: bool) -> None:
    async with scanner(serve) as clamd:
        with pytest.raises(ScanFailed) as failed:
            await clamd.scan(chunks(count))
    assert (failed.value.reason, failed.value.is_final) == (reason, is_final)
