"""The object store in a directory of this machine: files under their keys.

A key is also the whole path, so a caller's text never reaches the file system. A file appears under its key only when
it is complete and on disk.
"""

import asyncio
import contextlib
import os
import re
import shutil
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from shared.objects.interface import CHUNK_BYTES, ObjectNotFound, ObjectTooLarge, is_key, new_key

_FOLDER = re.compile(r"[0-9a-f]{2}", re.ASCII)
_REST = re.compile(r"[0-9a-f]{28}", re.ASCII)
_STAGING = "staging"


class DirectoryStore:
    """Objects below one directory, two levels of 256 folders deep, readable by this process's user only."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

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
            await asyncio.to_thread(self._write_whole, key, data)
            return key
        staged = await asyncio.to_thread(self._stage, key)
        try:
            with staged:
                await _write_stream(staged, data, max_bytes)
                await asyncio.to_thread(self._publish, key, staged)
        except BaseException:
            self._staged(key).unlink(missing_ok=True)
            raise
        return key

    async def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectNotFound."""
        path = self._path(key)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError as error:
            raise ObjectNotFound(key) from error

    async def stream(self, key: str, *, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """The object from byte `start` up to `stop`, in chunks of at most `CHUNK_BYTES`.

        Raises ObjectNotFound when the first one is asked for.
        """
        path = self._path(key)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError as error:
            raise ObjectNotFound(key) from error
        with file:
            await asyncio.to_thread(file.seek, start)
            left = sys.maxsize if stop is None else stop - start
            while chunk := await asyncio.to_thread(file.read, min(CHUNK_BYTES, max(left, 0))):
                left -= len(chunk)
                yield chunk

    async def size(self, key: str) -> int:
        """Size of the object in bytes. Raises ObjectNotFound."""
        path = self._path(key)
        try:
            return (await asyncio.to_thread(path.stat)).st_size
        except FileNotFoundError as error:
            raise ObjectNotFound(key) from error

    async def exists(self, key: str) -> bool:
        """Whether there is an object under this key."""
        return is_key(key) and await asyncio.to_thread(self._path(key).is_file)

    async def delete(self, key: str) -> None:
        """Remove the object; it is no error if it is gone already."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def older_than(self, before: datetime, after: str, limit: int) -> tuple[list[str], str]:
        """Of the `limit` keys that follow `after` (empty: the first), those last written before a moment.

        Also returns what to give as `after` the next time, empty once around.
        """
        return await asyncio.to_thread(self._older_than, before, after, limit)

    async def clear_staging(self, before: datetime) -> None:
        """Remove files that were begun before a moment and never finished."""
        await asyncio.to_thread(self._clear_staging, before)

    async def free_bytes(self) -> int | None:
        """Free space of the file system."""
        return await asyncio.to_thread(self._free_bytes)

    def _older_than(self, before: datetime, after: str, limit: int) -> tuple[list[str], str]:
        old: list[str] = []
        key = ""
        for key, path in islice(self._entries(after), limit):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    old.append(key)
        return old, key

    def _clear_staging(self, before: datetime) -> None:
        for path in (self.root / _STAGING).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()

    def _free_bytes(self) -> int:
        directory = self.root
        while not directory.exists():
            directory = directory.parent
        return shutil.disk_usage(directory).free

    def _entries(self, after: str) -> Iterator[tuple[str, Path]]:
        """Keys and files behind `after`, in order of the keys."""
        for first in _names(self.root, _FOLDER, after[:2]):
            start = after[2:4] if first == after[:2] else ""
            for second in _names(self.root / first, _FOLDER, start):
                folder = self.root / first / second
                for rest in _names(folder, _REST, after[4:] if first + second == after[:4] else ""):
                    if first + second + rest > after:
                        yield first + second + rest, folder / rest

    def _path(self, key: str) -> Path:
        if not is_key(key):
            raise ObjectNotFound("not a key of this store")
        return self.root / key[:2] / key[2:4] / key[4:]

    def _staged(self, key: str) -> Path:
        return self.root / _STAGING / key

    def _stage(self, key: str) -> BinaryIO:
        path = self._staged(key)
        self._make_folders(path.parent)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def _make_folders(self, folder: Path) -> None:
        """Make what is missing of the path. `mkdir(parents=True)` gives its mode to the last folder only."""
        if folder.is_dir():
            return
        for current in reversed([folder, *folder.parents]):
            try:
                current.mkdir(mode=0o700 if current.is_relative_to(self.root) else 0o777)
            except FileExistsError:
                continue
            _sync(current.parent)

    def _publish(self, key: str, staged: BinaryIO) -> None:
        staged.flush()
        os.fsync(staged.fileno())
        path = self._path(key)
        self._make_folders(path.parent)
        self._staged(key).rename(path)
        _sync(path.parent)

    def _write_whole(self, key: str, data: bytes) -> None:
        try:
            with self._stage(key) as staged:
                staged.write(data)
                self._publish(key, staged)
        except BaseException:
            self._staged(key).unlink(missing_ok=True)
            raise


def _names(folder: Path, shape: re.Pattern[str], start: str) -> list[str]:
    """Names of this shape in a folder, in order, from `start` on."""
    try:
        return sorted(each.name for each in folder.iterdir() if each.name >= start and shape.fullmatch(each.name))
    except FileNotFoundError:
        return []


def _sync(folder: Path) -> None:
    """A new name is durable only when the directory that holds it is."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


async def _write_stream(staged: BinaryIO, data: AsyncIterable[bytes], max_bytes: int | None) -> None:
    """Write chunks as they come, joined to few larger writes. Raises ObjectTooLarge as soon as there is too much."""
    size = 0
    waiting = bytearray()
    async for chunk in data:
        size += len(chunk)
        if max_bytes is not None and size > max_bytes:
            raise ObjectTooLarge(f"more than {max_bytes} bytes")
        waiting += chunk
        if len(waiting) >= CHUNK_BYTES:
            await asyncio.to_thread(staged.write, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(staged.write, bytes(waiting))
