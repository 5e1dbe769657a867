"""The object store: whole files under keys that cannot be guessed, and nothing else."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.objects import CHUNK_BYTES, ObjectNotFound, ObjectStore, ObjectTooLarge


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def files(store: ObjectStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


async def test_what_is_put_comes_back(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    big = os.urandom(3 * CHUNK_BYTES + 17)
    whole = await store.put(big)
    streamed = await store.put(chunks(big[:10], b"", big[10:]))

    assert whole != streamed
    assert await store.get(whole) == await store.get(streamed) == big
    assert b"".join([chunk async for chunk in store.stream(streamed)]) == big
    assert await store.size(whole) == len(big)
    assert await store.exists(whole)
    await store.delete(whole)
    await store.delete(whole)
    assert not await store.exists(whole)
    with pytest.raises(ObjectNotFound):
        await store.get(whole)
    with pytest.raises(ObjectNotFound):
        _ = [chunk async for chunk in store.stream(whole)]


async def test_files_are_for_this_user_only(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    await store.put(b"secret")
    [file] = files(store)
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o077 == 0 for path in [store.root, *store.root.rglob("*")] if path.is_dir())


async def test_a_new_folder_is_durable_in_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash after `mkdir` may lose the folder, and the whole file in it, unless its parent was synced."""
    synced: set[Path] = set()
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    store = ObjectStore(tmp_path / "new" / "objects")
    key = await store.put(b"x")
    folder = store.root / key[:2]
    assert {tmp_path, tmp_path / "new", store.root, folder, folder / key[2:4]} <= synced
    synced.clear()
    await store.put(b"y")
    assert tmp_path not in synced


@pytest.mark.parametrize(
    "key", ["", "../../etc/passwd", "/etc/passwd", "a" * 31, "A" * 32, "a" * 33, "a" * 31 + "\n", "staging", "a/" * 16]
)
async def test_no_key_leads_out_of_the_store(tmp_path: Path, key: str) -> None:
    store = ObjectStore(tmp_path / "objects")
    assert not await store.exists(key)
    for call in (store.get, store.delete, store.size):
        with pytest.raises(ObjectNotFound):
            await call(key)


async def test_too_much_or_a_broken_stream_leaves_nothing(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (2 * CHUNK_BYTES)
        raise ConnectionError("client went away")

    with pytest.raises(ObjectTooLarge):
        await store.put(b"12345", max_bytes=4)
    with pytest.raises(ObjectTooLarge):
        await store.put(chunks(b"123", b"45"), max_bytes=4)
    with pytest.raises(ConnectionError):
        await store.put(broken())
    assert files(store) == []
    assert await store.get(await store.put(chunks(b"12", b"34"), max_bytes=4)) == b"1234"
