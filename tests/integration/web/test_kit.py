"""The web kit on a real database: when it commits, what it answers when things break, and what it lets through."""

import asyncio
import json

import pytest
from fastapi import APIRouter
from prometheus_client import REGISTRY
from sqlalchemy import text
from structlog.testing import capture_logs

from shared.db import Database
from shared.settings import Settings
from shared.telemetry import correlation_id
from shared.web import UndeclaredRoute, create_app
from tests.asgi import Client
from tests.integration.web.harness import app_on, assert_problem


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
    assert any("harness.py" in frame for frame in entry["frames"])


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
