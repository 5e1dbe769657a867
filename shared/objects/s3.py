"""The object store behind the S3 API, of Amazon or of whoever else speaks it.

Keys stand below one prefix of one bucket, which has to be there. S3 shows an object when it is complete and answers
when it is stored: larger ones are sent in parts, which nobody sees before the last request.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store as Client

from shared.objects.interface import (
    CHUNK_BYTES,
    ObjectNotFound,
    ObjectStoreUnavailable,
    ObjectTooLarge,
    is_key,
    new_key,
)
from shared.settings import S3Settings
from shared.telemetry import get_logger

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

log = get_logger(__name__)

# The least that S3 takes as a part of an upload, but for the last one.
PART_BYTES = 5 * 1024 * 1024
_READ_BYTES = 4 * CHUNK_BYTES
_CONNECT = timedelta(seconds=2)
_RETRIES = 2


class S3Store:
    """Objects below `prefix` of a bucket. A request has `timeout_seconds`, a second try of it as much again."""

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        patience = timedelta(seconds=settings.timeout_seconds)
        config: S3Config = {
            "region": settings.region,
            "virtual_hosted_style_request": not settings.path_style,
            # Not every server that speaks S3 deletes many at once.
            "disable_bulk_delete": True,
        }
        if settings.endpoint is not None:
            config["endpoint"] = settings.endpoint
        if settings.access_key is not None and settings.secret_key is not None:
            config["access_key_id"] = settings.access_key
            config["secret_access_key"] = settings.secret_key
        options: ClientConfig = {
            "allow_http": (settings.endpoint or "").startswith("http://"),
            "connect_timeout": min(_CONNECT, patience),
            "timeout": patience,
        }
        if settings.ca_file is not None:
            options["root_certificate"] = settings.ca_file.read_bytes()
        self._client = Client(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options=options,
            retry_config={"max_retries": _RETRIES, "retry_timeout": patience},
        )

    async def put(
        self, data: bytes | AsyncIterable[bytes], *, key: str | None = None, max_bytes: int | None = None
    ) -> str:
        """Store `data` durably and return its key: `key`, which came from `new_key`, or else a new one.

        Raises ObjectTooLarge above `max_bytes`.
        """
        key = key or new_key()
        if isinstance(data, bytes):
            if max_bytes is not None and len(data) > max_bytes:
                raise ObjectTooLarge(f"more than {max_bytes} bytes")
            await self._put(key, data)
            return key
        parts = _parts(data, max_bytes)
        first = await anext(parts, b"")
        await self._put(key, first if len(first) < PART_BYTES else _chain(first, parts))
        return key

    async def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectNotFound."""
        return b"".join([chunk async for chunk in self._read(key)])

    async def stream(self, key: str, *, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The object from byte `start` up to `stop`, in chunks of at most `CHUNK_BYTES`.

        Raises ObjectNotFound when the first one is asked for.
        """
        async for piece in self._read(key, start, stop):
            for place in range(0, len(piece), CHUNK_BYTES):
                yield piece[place : place + CHUNK_BYTES]

    async def size(self, key: str) -> int:
        """Size of the object in bytes. Raises ObjectNotFound."""
        if not is_key(key):
            raise ObjectNotFound("not a key of this store")
        try:
            with _translated():
                return (await obstore.head_async(self._client, key))["size"]
        except FileNotFoundError as error:
            await self._require_bucket()
            raise ObjectNotFound(key) from error

    async def exists(self, key: str) -> bool:
        """Whether there is an object under this key."""
        try:
            await self.size(key)
        except ObjectNotFound:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove the object; it is no error if it is gone already."""
        if not is_key(key):
            raise ObjectNotFound("not a key of this store")
        try:
            with _translated():
                await obstore.delete_async(self._client, key)
        except FileNotFoundError:
            await self._require_bucket()

    async def older_than(self, before: datetime, after: str, limit: int) -> tuple[list[str], str]:
        """Of the `limit` keys that follow `after` (empty: the first), those last written before a moment.

        Also returns what to give as `after` the next time, empty once around.
        """
        with _translated():
            async for found in obstore.list(self._client, offset=after or None, chunk_size=limit):
                old = [each["path"] for each in found if each["last_modified"] < before and is_key(each["path"])]
                return old, found[-1]["path"]
        return [], ""

    async def clear_staging(self, before: datetime) -> None:
        """Nothing: an upload that breaks off is taken back, and what a dead process began is the bucket's to forget."""

    async def free_bytes(self) -> int | None:
        """S3 does not tell."""
        return None

    async def _put(self, key: str, data: bytes | AsyncIterator[bytes]) -> None:
        try:
            with _translated():
                await obstore.put_async(self._client, key, data, chunk_size=PART_BYTES, max_concurrency=1)
        except FileNotFoundError as error:
            raise ObjectStoreUnavailable("there is no such bucket") from error

    async def _read(self, key: str, first: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """In pieces, each a request of its own: a reader may take any time between two."""
        size = await self.size(key)
        last = size if stop is None else min(stop, size)
        for start in range(first, last, _READ_BYTES):
            try:
                with _translated():
                    end = min(start + _READ_BYTES, last)
                    piece = await obstore.get_range_async(self._client, key, start=start, end=end)
            except FileNotFoundError as error:
                raise ObjectNotFound(key) from error
            yield bytes(piece)

    async def _require_bucket(self) -> None:
        """Without its bucket every object would seem to be gone, and what refers to it be given up."""
        with _translated():
            async for _ in obstore.list(self._client, chunk_size=1):
                return


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of the library but FileNotFoundError, as one that says to try again. Its words hold no more than a key."""
    try:
        yield
    except BaseError as error:
        words = re.sub(r"\s+", " ", str(error).partition("\n\nDebug source")[0])[:300]
        log.warning("objects.unavailable", error=words)
        raise ObjectStoreUnavailable("the object store does not answer") from error


async def _parts(data: AsyncIterable[bytes], max_bytes: int | None) -> AsyncIterator[bytes]:
    """The same bytes in pieces of `PART_BYTES` or more, and a last one. Raises ObjectTooLarge when it is too much."""
    size = 0
    waiting = bytearray()
    async for chunk in data:
        size += len(chunk)
        if max_bytes is not None and size > max_bytes:
            raise ObjectTooLarge(f"more than {max_bytes} bytes")
        waiting += chunk
        if len(waiting) >= PART_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


async def _chain(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in others:
        yield part
