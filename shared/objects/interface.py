"""What both object stores have in common: keys, errors, and what can be asked of them."""

import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import Protocol

CHUNK_BYTES = 256 * 1024

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
# What a directory makes folders of.
_FOLDER_CHARS = 4


class ObjectStoreError(Exception):
    """The store cannot do what was asked."""


class ObjectNotFound(ObjectStoreError):
    """There is no object under this key, or the key is none of ours."""


class ObjectTooLarge(ObjectStoreError):
    """The data is larger than the caller allows; nothing was kept."""


class ObjectStoreUnavailable(ObjectStoreError, ConnectionError):
    """The store does not answer, or refuses us: trying again later can help."""


class ObjectStore(Protocol):
    """Where objects are. One appears under its key only when it is complete, and is durable when `put` returns.

    Everything may raise ObjectStoreUnavailable or OSError.
    """

    async def put(
        self, data: bytes | AsyncIterable[bytes], *, key: str | None = None, max_bytes: int | None = None
    ) -> str:
        """Store `data` durably and return its key: `key`, which came from `new_key`, or else a new one.

        Raises ObjectTooLarge above `max_bytes`.
        """

    async def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectNotFound."""

    def stream(self, key: str, *, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The object from byte `start` up to `stop`, in chunks of at most `CHUNK_BYTES`.

        Raises ObjectNotFound when the first one is asked for.
        """

    async def size(self, key: str) -> int:
        """Size of the object in bytes. Raises ObjectNotFound."""

    async def exists(self, key: str) -> bool:
        """Whether there is an object under this key."""

    async def delete(self, key: str) -> None:
        """Remove the object; it is no error if it is gone already."""

    async def older_than(self, before: datetime, after: str, limit: int) -> tuple[list[str], str]:
        """Of the `limit` keys that follow `after` (empty: the first), those last written before a moment.

        Also returns what to give as `after` the next time, empty once around.
        """

    async def clear_staging(self, before: datetime) -> None:
        """Remove what was begun before a moment and never finished."""

    async def free_bytes(self) -> int | None:
        """How much more there is room for, or None where the store does not tell."""


def new_key() -> str:
    """A key under which there is nothing yet."""
    return secrets.token_hex(16)


def new_keys(count: int) -> list[str]:
    """Keys of what is stored together: in a directory they share a folder, which is made and synced once.

    What tells one of them tells the first 16 bits of the others, and 112 are left to guess.
    """
    folder = new_key()[:_FOLDER_CHARS]
    return [folder + new_key()[_FOLDER_CHARS:] for _ in range(count)]


def is_key(text: str) -> bool:
    """Whether it has the form of a key."""
    return _KEY.fullmatch(text) is not None
