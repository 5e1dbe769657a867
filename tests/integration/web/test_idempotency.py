"""A request that is repeated under one key: one effect and one answer, also while the first is under way."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from shared.db import Database, now_utc
from shared.web import idempotency
from tests.asgi import Answer, Client
from tests.integration.web.harness import app_on, assert_problem, stuck


async def test_a_repeated_request_has_one_effect_and_one_answer(client: Client) -> None:
    first = await client.post("/api/things/once", {"name": "a"}, idempotency_key="k")
    again = await client.post("/api/things/once", {"name": "a"}, idempotency_key="k")
    assert (first.status, first.body) == (again.status, again.body) == (201, b'{"name":"a"}')
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == "/x"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert (await client.get("/api/things")).json() == 1


async def test_one_key_is_one_request(client: Client) -> None:
    await client.post("/api/things/once", {"name": "a"}, idempotency_key="k")
    assert_problem(
        await client.post("/api/things/once", {"name": "b"}, idempotency_key="k"), 422, "idempotency-key-reused"
    )
    assert_problem(
        await client.post("/api/things/once?x=1", {"name": "a"}, idempotency_key="k"), 422, "idempotency-key-reused"
    )
    assert (await client.post("/api/things/once", {"name": "b"}, idempotency_key="other")).status == 201


def try_it(client: Client) -> asyncio.Task[Answer]:
    """The same request each time: the first hangs in its transaction."""
    return asyncio.create_task(client.post("/api/things/once", {"name": "stuck"}, idempotency_key="k"))


async def begin_and_hang(client: Client) -> asyncio.Task[Answer]:
    """The first try, which hangs by now until its transaction is ended."""
    stuck.clear()
    first = try_it(client)
    await stuck.wait()
    return first


async def end_transactions_of(database: Database) -> None:
    """What PostgreSQL does, sooner or later, when a process has died."""
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'"
            " AND datname = current_database()"
        )
    finally:
        await connection.close()


async def test_a_request_that_is_under_way_is_not_run_beside_itself(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.1)
    client = Client(app_on(database))
    under_way = await begin_and_hang(client)
    refused = await try_it(client)
    assert_problem(refused, 409, "request-in-flight")
    assert refused.headers["retry-after"] == "1"
    await end_transactions_of(database)
    assert (await under_way).status == 503
    assert (await client.get("/api/things")).json() == 0


async def test_a_repetition_waits_until_the_database_has_ended_the_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The edge repeated at once what a killed process had begun; callers were told 409, and took it for final."""
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 20)
    client = Client(app_on(database))
    dying = await begin_and_hang(client)
    repeated = try_it(client)
    await asyncio.sleep(0.3)  # it would be refused by now
    await end_transactions_of(database)
    assert (await dying).status == 503
    answer = await repeated
    assert answer.status == 201
    assert "idempotency-replayed" not in answer.headers
    assert (await client.get("/api/things")).json() == 1


async def test_only_so_many_repetitions_wait(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits with a connection: ten under one key took the whole pool, and every other request was refused."""
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 60)
    roomy = Database(database.url, service="knowledge", pool_size=10)
    client = Client(app_on(roomy))
    dying = await begin_and_hang(client)
    repeated = [try_it(client) for _ in range(idempotency.MAX_WAITING + 1)]
    assert_problem(await next(asyncio.as_completed(repeated)), 409, "request-in-flight")
    await end_transactions_of(database)
    assert (await dying).status == 503
    assert sorted(answer.status for answer in await asyncio.gather(*repeated)) == [201, 201, 409]
    await roomy.close()


@pytest.mark.parametrize(
    "error",
    [asyncpg.InternalClientError("failed"), asyncpg.InterfaceError("closed"), asyncpg.CannotConnectNowError("")],
)
async def test_a_lost_database_is_told_as_such(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """After a crash of PostgreSQL one request got 500: its connection had failed, and was not closed yet."""

    async def lost(_session: object) -> None:
        raise error

    monkeypatch.setattr(idempotency, "driver_of", lost)
    answer = await client.post("/api/things/once", {"name": "a"}, idempotency_key="k")
    assert_problem(answer, 503, "unavailable")


async def test_a_failed_commit_stores_no_answer(client: Client) -> None:
    await client.post("/api/things/once", {"name": "a"}, idempotency_key="first")
    assert (await client.post("/api/things/once", {"name": "a"}, idempotency_key="second")).status == 409
    # The answer of `second` was never stored, so it is tried again and not replayed.
    assert (await client.post("/api/things/once", {"name": "a"}, idempotency_key="second")).status == 409


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "kéy", "\t"])
async def test_keys_are_visible_ascii(client: Client, key: str) -> None:
    sent = key.encode().decode("latin-1")
    answer = await client.post("/api/things/once", {"name": "a"}, idempotency_key=sent)
    assert answer.status == 422
    longest = await client.post("/api/things/once", {"name": "a"}, idempotency_key="x" * 255)
    assert longest.status == 201


async def test_stored_answers_are_forgotten_a_batch_at_a_time(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "FORGET_ROWS", 2)
    for name in ("a", "b", "c"):
        await client.post("/api/things/once", {"name": name}, idempotency_key=name)
    forgotten = []
    for later in (timedelta(days=1), *[timedelta(days=3)] * 3):
        async with database.transaction() as session:
            forgotten.append(await idempotency.forget_idempotency_keys(session, now=now_utc() + later))
    assert forgotten == [0, 2, 1, 0]
