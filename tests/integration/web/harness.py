"""An app of the web kit with routes that do each thing a route can do."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import text

from shared.auth import public
from shared.db import Database, now_utc
from shared.events.knowledge import ArticlePublished
from shared.ids import uuid7
from shared.messaging import outbox
from shared.settings import Settings
from shared.telemetry import correlation_id
from shared.web import DbSession, Idempotency, NotFound, Page, ReadSession, TooManyRequests, create_app
from tests.asgi import Answer

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


def app_on(database: Database, **fields: Any) -> FastAPI:
    return create_app(
        service="knowledge",
        settings=Settings(database_url=database.url),
        database=database,
        routers=[router],
        **fields,
    )


def assert_problem(answer: Answer, status: int, slug: str) -> dict[str, Any]:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"/problems/{slug}"
    assert document["status"] == status
    assert document["title"]
    return document
