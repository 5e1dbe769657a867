"""`/health/live`, `/health/ready` and `/metrics`: for the platform, not routed by the edge."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from shared.auth import public
from shared.db import Database
from shared.migrations import is_migrated
from shared.telemetry import get_logger

log = get_logger(__name__)

# True when ready; raising counts as not ready. Its `__name__` names it in the answer.
ReadyCheck = Callable[[], Awaitable[bool]]

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
    if state.stopping:
        return JSONResponse({"status": "stopping"}, 503)
    checks: list[ReadyCheck] = state.ready_checks
    results = await asyncio.gather(*(_passes(check) for check in checks))
    outcome = {check.__name__: "ok" if passed else "failed" for check, passed in zip(checks, results, strict=True)}
    everything = all(results)
    return JSONResponse(
        {"status": "ready" if everything else "not ready", "checks": outcome}, 200 if everything else 503
    )


@health_router.get("/metrics")
async def metrics() -> Response:
    """Everything this process measures, in the text format of Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def database_checks(app: FastAPI) -> list[ReadyCheck]:
    """What every service needs of its database."""
    database: Database = app.state.database
    settled: set[str] = set()

    async def answers() -> bool:
        async with database.read() as session:
            return bool(await session.scalar(text("SELECT 1")) == 1)

    async def migrated() -> bool:
        # A schema is never taken back below what a running process needs, so one yes is enough.
        if "migrated" not in settled:
            async with database.read() as session:
                if await is_migrated(session, app.state.service):
                    settled.add("migrated")
        return "migrated" in settled

    async def sorts_like_others() -> bool:
        # Another collation sorts keysets differently, and a restore into it breaks indexes.
        if "locale" not in settled:
            async with database.read() as session:
                row: Any = await session.execute(
                    text("SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = current_database()")
                )
                if tuple(row.one()) == ("b", "C.UTF-8"):
                    settled.add("locale")
        return "locale" in settled

    return [answers, migrated, sorts_like_others]


async def _passes(check: ReadyCheck) -> bool:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await check()
    except Exception as error:  # noqa: BLE001 - whatever it is, this process is not ready
        log.warning("ready.check_failed", check=check.__name__, error=type(error).__name__)
        return False
