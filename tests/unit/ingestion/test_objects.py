"""The object store: whole files under keys that cannot be guessed, and nothing else; in a directory and behind S3."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.failures import is_transient
from shared.objects import (
    CHUNK_BYTES,
    DirectoryStore,
    ObjectNotFound,
    ObjectStore,
    ObjectStoreUnavailable,
    ObjectTooLarge,
    new_key,
    new_keys,
    open_store,
)
from shared.objects.s3 import PART_BYTES, S3Store
from shared.settings import S3Settings, Settings
from tests.s3 import S3Server

PREFIX = "some/desk"


@pytest.fixture
def bucket(s3: S3Server) -> str:
    return s3.make_bucket(f"bucket-{new_key()}")


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "directory":
        return DirectoryStore(tmp_path / "objects")
    server: S3Server = request.getfixturevalue("s3")
    return S3Store(request.getfixturevalue("bucket"), PREFIX, server.settings())


@pytest.fixture
def kept(store: ObjectStore, request: pytest.FixtureRequest) -> Callable[[], list[Any]]:
    """All that the store has on it, whole or not."""
    if isinstance(store, DirectoryStore):
        return lambda: files(store)
    server, bucket = request.getfixturevalue("s3"), request.getfixturevalue("bucket")
    return lambda: [*server.keys(bucket), *server.unfinished(bucket)]


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def files(store: DirectoryStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


async def test_what_is_put_comes_back(store: ObjectStore) -> None:
    big = os.urandom(5 * CHUNK_BYTES + 17)
    whole = await store.put(big)
    streamed = await store.put(chunks(big[:10], b"", big[10:]))
    named = await store.put(b"named", key=(key := new_key()))

    assert whole != streamed
    assert named == key
    assert await store.get(whole) == await store.get(streamed) == big
    pieces = [chunk async for chunk in store.stream(streamed)]
    assert b"".join(pieces) == big
    assert max(map(len, pieces)) <= CHUNK_BYTES
    assert await store.size(whole) == len(big)
    assert await store.exists(whole)
    await store.delete(whole)
    await store.delete(whole)
    assert not await store.exists(whole)
    with pytest.raises(ObjectNotFound):
        await store.get(whole)
    with pytest.raises(ObjectNotFound):
        await store.size(whole)
    with pytest.raises(ObjectNotFound):
        _ = [chunk async for chunk in store.stream(whole)]


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 5])
async def test_objects_of_any_size(store: ObjectStore, kept: Callable[[], list[Any]], size: int) -> None:
    data = os.urandom(size)
    whole = await store.put(data)
    streamed = await store.put(chunks(*(data[start : start + 700_001] for start in range(0, size, 700_001))))
    assert await store.get(whole) == await store.get(streamed) == data
    assert await store.size(whole) == await store.size(streamed) == size
    assert len(kept()) == 2


async def test_nothing_is_seen_before_it_is_whole(store: ObjectStore) -> None:
    key, seen = new_key(), []

    async def growing() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * (PART_BYTES // 2)
            seen.append(await store.exists(key))

    await store.put(growing(), key=key)
    assert seen == [False] * 4
    assert await store.exists(key)


async def test_files_are_for_this_user_only(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "objects")
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
    store = DirectoryStore(tmp_path / "new" / "objects")
    key = await store.put(b"x")
    folder = store.root / key[:2]
    assert {tmp_path, tmp_path / "new", store.root, folder, folder / key[2:4]} <= synced
    synced.clear()
    await store.put(b"y")
    assert tmp_path not in synced


@pytest.mark.parametrize(
    "key", ["", "../../etc/passwd", "/etc/passwd", "a" * 31, "A" * 32, "a" * 33, "a" * 31 + "\n", "staging", "a/" * 16]
)
async def test_no_key_leads_out_of_the_store(store: ObjectStore, key: str) -> None:
    assert not await store.exists(key)
    for call in (store.get, store.delete, store.size):
        with pytest.raises(ObjectNotFound):
            await call(key)


async def test_too_much_or_a_broken_stream_leaves_nothing(store: ObjectStore, kept: Callable[[], list[Any]]) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (2 * PART_BYTES)
        raise ConnectionError("client went away")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * CHUNK_BYTES

    with pytest.raises(ObjectTooLarge):
        await store.put(b"12345", max_bytes=4)
    with pytest.raises(ObjectTooLarge):
        await store.put(chunks(b"123", b"45"), max_bytes=4)
    with pytest.raises(ObjectTooLarge):
        await store.put(endless(), max_bytes=3 * PART_BYTES)
    with pytest.raises(ConnectionError, match="client went away"):
        await store.put(broken())
    assert kept() == []
    assert await store.get(await store.put(chunks(b"12", b"34"), max_bytes=4)) == b"1234"


async def test_a_round_goes_by_every_key_once(store: ObjectStore) -> None:
    keys = sorted([await store.put(b"x") for _ in range(7)])
    later, earlier = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
    found, after = [], ""
    for _ in range(4):
        old, after = await store.older_than(later, after, 2)
        found.append(old)
    assert found == [keys[0:2], keys[2:4], keys[4:6], keys[6:]]
    assert await store.older_than(later, after, 2) == ([], "")
    assert await store.older_than(earlier, "", 100) == ([], keys[-1])
    await store.clear_staging(later)
    assert all([await store.exists(key) for key in keys])


async def test_s3_shows_keys_below_the_prefix_alone(s3: S3Server, bucket: str) -> None:
    store = S3Store(bucket, PREFIX, s3.settings())
    s3.client().put_object(Bucket=bucket, Key="f" * 32, Body=b"not ours")
    s3.client().put_object(Bucket=bucket, Key=f"{PREFIX}/readme.txt", Body=b"not ours either")
    key = await store.put(b"x")
    assert f"{PREFIX}/{key}" in s3.keys(bucket)
    assert not await store.exists("f" * 32)
    assert (await store.older_than(datetime.now(UTC) + timedelta(hours=1), "", 100))[0] == [key]


async def every_call(store: ObjectStore, key: str) -> list[BaseException | object]:
    """What comes of asking for each thing there is."""

    async def streamed() -> bytes:
        return b"".join([chunk async for chunk in store.stream(key)])

    calls = (
        *(store.put(b"x"), store.put(chunks(b"x" * PART_BYTES, b"x"))),
        *(store.get(key), streamed(), store.size(key), store.exists(key), store.delete(key)),
        store.older_than(datetime.now(UTC), "", 10),
    )
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_a_store_that_is_away_is_one_to_try_again(s3: S3Server, bucket: str) -> None:
    store = S3Store(bucket, PREFIX, s3.settings())
    key = await store.put(b"kept")
    with s3.away():
        outcomes = await every_call(store, key)
    assert [type(each) for each in outcomes] == [ObjectStoreUnavailable] * len(outcomes)
    assert all(is_transient(each) for each in outcomes if isinstance(each, BaseException))
    assert await store.get(key) == b"kept"


async def test_a_store_that_is_silent_is_not_waited_for(bucket: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = S3Settings(
            endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}",
            access_key="a",
            secret_key="b",
            timeout_seconds=0.2,
        )
        outcomes = await every_call(S3Store(bucket, PREFIX, settings), new_key())
    assert [type(each) for each in outcomes] == [ObjectStoreUnavailable] * len(outcomes)


async def test_without_its_bucket_no_object_is_taken_for_gone(s3: S3Server) -> None:
    """What refers to it would be given up: a mail without its raw text, a reply without its files."""
    outcomes = await every_call(S3Store("nobody-made-it", PREFIX, s3.settings()), new_key())
    assert [type(each) for each in outcomes] == [ObjectStoreUnavailable] * len(outcomes)


def settings_of(location: str, **s3: Any) -> Settings:
    return Settings(database_url="postgresql://x", object_store=location, s3=S3Settings(**s3))


def test_settings_choose_the_store(tmp_path: Path) -> None:
    assert isinstance(open_store(settings_of(str(tmp_path))), DirectoryStore)
    keys = {"access_key": "a", "secret_key": "b", "endpoint": "https://s3.example.com"}
    assert isinstance(open_store(settings_of("s3://bucket/a/prefix/", **keys)), S3Store)
    assert settings_of("s3://bucket/a/prefix/", **keys).bucket == ("bucket", "a/prefix")
    assert settings_of("s3://bucket").bucket == ("bucket", "")


@pytest.mark.parametrize(
    ("location", "s3", "told"),
    [
        ("gs://bucket", {}, "s3://bucket/prefix"),
        ("s3://", {}, "s3://bucket/prefix"),
        ("s3://bucket", {"access_key": "hidden-a"}, "DESK_S3_SECRET_KEY"),
        ("s3://bucket", {"endpoint": "http://store:9000"}, "set DESK_S3_ACCESS_KEY"),
    ],
)
def test_what_is_missing_is_said_at_the_start(location: str, s3: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told) as refused:
        settings_of(location, **s3)
    assert "hidden" not in str(refused.value)
    assert "postgresql" not in str(refused.value)


def test_secrets_are_not_shown() -> None:
    assert "hidden" not in repr(settings_of("s3://bucket", access_key="hidden-a", secret_key="hidden-b"))


async def test_what_is_stored_together_lies_in_one_folder(tmp_path: Path) -> None:
    """A folder of its own for each mail of a batch was two more syncs of the disk for each."""
    store = DirectoryStore(tmp_path / "objects")
    keys = new_keys(20)
    await asyncio.gather(*(store.put(key.encode(), key=key) for key in keys))
    assert len({*keys}) == 20
    assert [await store.get(key) for key in keys] == [key.encode() for key in keys]
    assert len({path.parent for path in (tmp_path / "objects").rglob("*") if path.is_file()}) == 1
