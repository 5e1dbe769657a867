"""The web kit on a real database: when it commits, what it answers when things break, and what it lets through."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

import asyncpg
import pytest
import pytest_asyncio
from fastapi import APIRouter, FastAPI, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import REGISTRY
from pydantic import BaseModel
from sqlalchemy import text
from structlog.testing import capture_logs

from shared.auth import public
from shared.db import Database, now_utc
from shared.events.knowledge import ArticlePublished
from shared.ids import uuid7
from shared.messaging import outbox
from shared.settings import Settings
from shared.telemetry import correlation_id
from shared.web import (
    DbSession,
    Idempotency,
    NotFound,
    Page,
    ReadSession,
    TooManyRequests,
    UndeclaredRoute,
    create_app,
    idempotency,
)
from tests.asgi import Answer, Client

MakeDatabase = Callable[..., Awaitable[Database]]

NOBODY = [public("a test")]
# Set by the first request that hangs in its transaction; those after it go through.
stuck = asyncio.Event()
router = APIRouter(prefix="/api/things", dependencies=NOBODY)


class Thing(BaseModel):
    name: str
    password: int = 0


@router.post("", status_code=201)
async def create(body: Thing, session: DbSession) -> Thing:
    await session.execute(text("INSERT INTO things (name) VALUES (:name)"), {"name": body.name})
    return body


@router.post("/once", status_code=201)
async def create_once(body: Thing, session: DbSession, idempotency: Idempotency) -> Response:
    async def call() -> Response:
        await session.execute(text("INSERT INTO things (name) VALUES (:name)"), {"name": body.name})
        if body.name == "stuck" and not stuck.is_set():
            stuck.set()
            await session.execute(text("SELECT pg_sleep(60)"))
        return JSONResponse({"name": body.name}, 201, headers={"Location": "/x", "X-Other": "y"})

    return await idempotency.run(session, call)


@router.post("/read-only")
async def write_while_reading(session: ReadSession) -> None:
    await session.execute(text("INSERT INTO things (name) VALUES ('x')"))


@router.get("")
async def count(session: ReadSession) -> int:
    return int(await session.scalar(text("SELECT count(*) FROM things")) or 0)


@router.get("/fail/{how}")
async def fail(how: str, session: DbSession) -> None:
    if how == "bug":
        raise KeyError("a customer's secret")
    if how == "problem":
        await session.execute(text("INSERT INTO things (name) VALUES ('never')"))
        raise NotFound("No such thing.", number=7)
    if how == "limit":
        raise TooManyRequests(retry_after=3)
    if how == "full":
        raise OSError(28, "No space left on device")
    if how == "slow":
        await session.execute(text("SELECT pg_sleep(60)"))
    await session.execute(text({"sql": "SELECT 1/0", "killed": "SELECT pg_terminate_backend(pg_backend_pid())"}[how]))


@router.post("/told")
async def tell(session: DbSession) -> None:
    article = ArticlePublished(
        article_id=uuid7(), locale="en", title="x", slug="x", excerpt="x", version=1, published_at=now_utc()
    )
    outbox.record(session, article, aggregate_id=article.article_id)


@router.get("/correlation")
async def correlation() -> str:
    return correlation_id.get()


@router.get("/typed")
async def typed(limit: Annotated[int, Query(ge=1)]) -> Page[int]:
    return Page(items=[limit])


@router.post("/large", max_body_size=3 * 1024 * 1024)
async def large(body: Thing) -> int:
    return len(body.name)


@pytest_asyncio.fixture
async def database(make_database: MakeDatabase) -> Database:
    database = await make_database("knowledge", pool_size=2)
    async with database.transaction() as session:
        # The constraint looks only at the commit, which is what makes a commit fail.
        await session.execute(
            text("""CREATE TABLE things (name text, CONSTRAINT names UNIQUE (name) DEFERRABLE INITIALLY DEFERRED)""")
        )
    return database


def app_on(database: Database, **fields: Any) -> FastAPI:
    return create_app(
        service="knowledge",
        settings=Settings(database_url=database.url),
        database=database,
        routers=[router],
        **fields,
    )


@pytest.fixture
def client(database: Database) -> Client:
    return Client(app_on(database, request_timeout=timedelta(seconds=2)))


def assert_problem(answer: Answer, status: int, slug: str) -> dict[str, Any]:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"/problems/{slug}"
    assert document["status"] == status
    assert document["title"]
    return document


async def test_nobody_is_told_of_success_before_the_commit(client: Client) -> None:
    """FastAPI's own `yield` dependencies end after the response: the client saw 201, and the row was never there."""
    assert (await client.post("/api/things", {"name": "a"})).status == 201
    assert_problem(await client.post("/api/things", {"name": "a"}), 409, "taken")
    assert (await client.get("/api/things")).json() == 1


async def test_a_problem_rolls_back(client: Client) -> None:
    assert_problem(await client.get("/api/things/fail/problem"), 404, "not-found")
    assert (await client.get("/api/things")).json() == 0


async def test_reading_sessions_cannot_write(client: Client) -> None:
    assert (await client.post("/api/things/read-only")).status == 500
    assert (await client.get("/api/things")).json() == 0


async def test_a_problem_tells_what_its_raiser_gave_it(client: Client) -> None:
    document = assert_problem(await client.get("/api/things/fail/problem"), 404, "not-found")
    assert document["detail"] == "No such thing."
    assert document["number"] == 7
    limited = await client.get("/api/things/fail/limit")
    assert_problem(limited, 429, "too-many-requests")
    assert limited.headers["retry-after"] == "3"


async def test_what_does_not_exist_is_a_problem_too(client: Client) -> None:
    assert_problem(await client.get("/api/nothing"), 404, "not-found")
    refused = await client.delete("/api/things")
    assert_problem(refused, 405, "method-not-allowed")
    assert set(refused.headers["allow"].replace(" ", "").split(",")) & {"GET", "POST"}
    # Reflecting the path made 404 pages of other desks an XSS hole.
    assert b"<script>" not in (await client.get("/api/<script>alert(1)</script>")).body


async def test_validation_says_where_and_never_what(client: Client) -> None:
    for body in ({"name": 7, "password": "hunter2"}, b'{"name": "x", "password": "hunter2', b"hunter2"):
        answer = await client.post("/api/things", body)
        document = assert_problem(answer, 422, "validation")
        assert b"hunter2" not in answer.body
        assert all(set(error) == {"loc", "msg", "type"} for error in document["errors"])
    document = assert_problem(await client.get("/api/things/typed?limit=x"), 422, "validation")
    assert document["errors"][0]["loc"] == ["query", "limit"]


async def test_a_bug_is_told_without_internals_and_logged_without_data(client: Client) -> None:
    with capture_logs() as logs:
        answer = await client.get("/api/things/fail/bug")
    assert_problem(answer, 500, "internal-error")
    assert b"secret" not in answer.body
    (entry,) = [entry for entry in logs if entry["event"] == "request.failed"]
    assert entry["error"] == "KeyError"
    assert "secret" not in json.dumps(entry)
    assert any("test_kit.py" in frame for frame in entry["frames"])


@pytest.mark.parametrize("how", ["killed", "full"])
async def test_what_passes_by_itself_is_503_and_when_to_come_back(client: Client, how: str) -> None:
    answer = await client.get(f"/api/things/fail/{how}")
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert (await client.get("/api/things")).status == 200


async def test_a_statement_that_can_never_work_is_no_503(client: Client) -> None:
    assert (await client.get("/api/things/fail/sql")).status == 422


async def test_a_value_that_text_cannot_hold_is_the_callers_mistake(client: Client) -> None:
    assert_problem(await client.post("/api/things", {"name": "a\x00b"}), 422, "unprocessable")


async def test_a_database_that_is_down_is_503(database: Database) -> None:
    nowhere = Database("postgresql://nobody:x@127.0.0.1:1/nothing", service="knowledge")
    client = Client(app_on(nowhere))
    answer = await client.get("/api/things")
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    await nowhere.close()


async def test_a_request_that_takes_too_long_ends_and_gives_its_connection_back(client: Client) -> None:
    answers = await asyncio.gather(*(client.get("/api/things/fail/slow") for _ in range(2)))
    for answer in answers:
        assert_problem(answer, 503, "timeout")
    # The pool has two connections: both are free again.
    assert [a.status for a in await asyncio.gather(*(client.get("/api/things") for _ in range(2)))] == [200, 200]


async def test_clients_that_go_away_leave_no_connection_behind(client: Client, database: Database) -> None:
    """`BaseHTTPMiddleware` lost one for every disconnect: 20 cancelled requests left 20 backends with a pool of 2."""
    for _ in range(6):
        request = asyncio.create_task(client.get("/api/things/fail/slow"))
        await asyncio.sleep(0.05)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    assert (await client.get("/api/things")).status == 200
    async with asyncio.timeout(30), database.read() as session:
        while True:
            busy = await session.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%'"
                    " AND pid <> pg_backend_pid() AND state = 'active'"
                )
            )
            if not busy:
                break
            await asyncio.sleep(0.1)


async def test_a_body_has_a_limit_and_a_route_may_raise_it(client: Client) -> None:
    mebibyte = {"name": "x" * (1024 * 1024)}
    refused = await client.post("/api/things", mebibyte)
    assert_problem(refused, 413, "content-too-large")
    assert refused.headers["x-request-id"]
    assert (await client.post("/api/things/large", mebibyte)).status == 200
    assert_problem(await client.post("/api/things/large", {"name": "x" * (3 * 1024 * 1024)}), 413, "content-too-large")


async def test_a_body_without_a_length_is_counted_as_it_comes(client: Client) -> None:
    chunks = (b" " * 65536 for _ in range(40))
    answer = await client.request("POST", "/api/things", chunks=chunks)
    assert_problem(answer, 413, "content-too-large")
    assert next(chunks, None) is not None, "the rest was read all the same"


async def test_a_request_and_its_events_share_an_id(client: Client) -> None:
    answer = await client.request("GET", "/api/things/correlation", headers={"x_request_id": "from-the-edge-1"})
    assert answer.headers["x-request-id"] == "from-the-edge-1"
    assert answer.json() == "from-the-edge-1"
    for hostile in (
        "short",
        "a" * 65,
        "has space in it",
        "quote'quote'quote",
        "ümlaut-ümlaut".encode().decode("latin-1"),
    ):
        other = await client.request("GET", "/api/things/correlation", headers={"x_request_id": hostile})
        assert other.headers["x-request-id"] != hostile
        assert other.json() == other.headers["x-request-id"]
    assert correlation_id.get() == ""


async def test_events_carry_the_id_of_their_request(client: Client, database: Database) -> None:
    await client.post("/api/things/told", x_request_id="from-the-edge-1")
    unnamed = await client.post("/api/things/told")
    async with database.read() as session:
        told = (await session.scalars(text("SELECT correlation_id FROM outbox ORDER BY id"))).all()
    assert told == ["from-the-edge-1", unnamed.headers["x-request-id"]]


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


async def test_requests_are_counted_by_template_and_status(client: Client) -> None:
    labels = {"service": "knowledge", "method": "GET", "route": "/api/things/fail/{how}", "status": "404"}
    before = REGISTRY.get_sample_value("desk_http_requests_total", labels) or 0.0
    await client.get("/api/things/fail/problem")
    assert REGISTRY.get_sample_value("desk_http_requests_total", labels) == before + 1
    metrics = (await client.get("/metrics")).body.decode()
    assert "desk_http_request_duration_seconds_bucket" in metrics
    await client.get("/api/nothing/number-4711")
    assert "number-4711" not in (await client.get("/metrics")).body.decode()


async def test_ready_means_it(database: Database, client: Client) -> None:
    app = client.app
    assert (await client.get("/health/ready")).json() == {"status": "ready"}
    app.state.ready_checks.append(lambda: "worker is not running")
    answer = await client.get("/health/ready")
    assert answer.status == 503
    assert answer.json()["problems"] == ["worker is not running"]
    app.state.ready_checks.pop()
    app.state.draining = True
    assert (await client.get("/health/ready")).status == 503
    assert (await client.get("/health/live")).status == 200


async def test_an_unmigrated_schema_is_not_ready(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM alembic_version"))
    async with database.transaction() as session:
        await session.execute(text("INSERT INTO alembic_version VALUES ('0000')"))
    client = Client(app_on(database))
    # A revision this code does not know is a newer one: old processes go on during a rolling upgrade.
    assert (await client.get("/health/ready")).status == 200
    async with database.transaction() as session:
        await session.execute(text("DROP TABLE alembic_version"))
    assert (await Client(app_on(database)).get("/health/ready")).status == 503


async def test_a_dead_database_is_not_ready_but_live() -> None:
    nowhere = Database("postgresql://nobody:x@127.0.0.1:1/nothing", service="knowledge")
    client = Client(app_on(nowhere))
    assert (await client.get("/health/ready")).status == 503
    assert (await client.get("/health/live")).status == 200
    await nowhere.close()


def test_a_route_that_says_nothing_stops_the_start(database: Database) -> None:
    silent = APIRouter()

    @silent.get("/api/silent")
    async def forgotten() -> None: ...

    outer = APIRouter()
    outer.include_router(silent)
    for declared in (silent, outer):
        with pytest.raises(UndeclaredRoute, match="/api/silent"):
            create_app(
                service="knowledge",
                settings=Settings(database_url=database.url),
                database=database,
                routers=[declared],
            )


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
    stuck.clear()
    client = Client(app_on(database))
    under_way = asyncio.create_task(client.post("/api/things/once", {"name": "stuck"}, idempotency_key="k"))
    await stuck.wait()
    refused = await client.post("/api/things/once", {"name": "stuck"}, idempotency_key="k")
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
    stuck.clear()
    client = Client(app_on(database))
    dying = asyncio.create_task(client.post("/api/things/once", {"name": "stuck"}, idempotency_key="k"))
    await stuck.wait()
    repeated = asyncio.create_task(client.post("/api/things/once", {"name": "stuck"}, idempotency_key="k"))
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
    stuck.clear()
    roomy = Database(database.url, service="knowledge", pool_size=10)
    client = Client(app_on(roomy))
    dying = asyncio.create_task(client.post("/api/things/once", {"name": "stuck"}, idempotency_key="k"))
    await stuck.wait()
    repeated = [
        asyncio.create_task(client.post("/api/things/once", {"name": "stuck"}, idempotency_key="k"))
        for _ in range(idempotency.MAX_WAITING + 1)
    ]
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
