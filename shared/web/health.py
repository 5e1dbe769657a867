"""`/health/live`, `/health/ready` and `/metrics`: for the platform, not routed by the edge."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from shared.auth import public
from shared.db import Database
from shared.migrations import is_migrated
from shared.telemetry import get_logger

log = get_logger(__name__)

# Why this process is not ready, or None when it is; raising counts as not ready.
ReadyCheck = Callable[[], str | Awaitable[str | None] | None]

_CHECK_SECONDS = 1.0

health_router = APIRouter(
    include_in_schema=False, dependencies=[public("probes and scrapers inside the cluster carry no token")]
)


@health_router.get("/health/live")
async def live() -> dict[str, str]:
    """The process runs and its event loop turns."""
    return {"status": "live"}


@health_router.get("/health/ready")
async def ready(request: Request) -> Response:
    """Whether this process should get requests, with the result of each check."""
    state = request.app.state
    if state.draining:
        return JSONResponse({"status": "draining"}, 503)
    checks: list[ReadyCheck] = state.ready_checks
    problems = [problem for problem in await asyncio.gather(*map(_problem, checks)) if problem is not None]
    if problems:
        return JSONResponse({"status": "not ready", "problems": problems}, 503)
    return JSONResponse({"status": "ready"})


@health_router.get("/metrics")
async def metrics() -> Response:
    """Everything this process measures, in the text format of Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def database_checks(app: FastAPI) -> list[ReadyCheck]:
    """What every service needs of its database."""
    database: Database = app.state.database
    settled: set[str] = set()

    async def answers() -> str | None:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
        return None

    async def migrated() -> str | None:
        # A schema is never taken back below what a running process needs, so one yes is enough.
        if "migrated" in settled:
            return None
        async with database.read() as session:
            if not await is_migrated(session, app.state.service):
                return "the schema is not migrated"
        settled.add("migrated")
        return None

    async def sorts_like_others() -> str | None:
        # Another collation sorts keysets differently, and a restore into it breaks indexes.
        if "locale" in settled:
            return None
        async with database.read() as session:
            found = await session.execute(
                text("SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = current_database()")
            )
            if tuple(found.one()) != ("b", "C.UTF-8"):
                return "the database's locale is not builtin C.UTF-8"
        settled.add("locale")
        return None

    return [answers, migrated, sorts_like_others]


async def _problem(check: ReadyCheck) -> str | None:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            outcome = check()
            return await outcome if isinstance(outcome, Awaitable) else outcome
    except Exception as error:  # noqa: BLE001 - whatever it is, this process is not ready
        log.warning("ready.check_failed", error=type(error).__name__)
        return type(error).__name__
