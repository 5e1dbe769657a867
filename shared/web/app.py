"""The app factory every service uses."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, TypeGuard

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from shared.auth import TokenVerifier
from shared.auth.guard import Public, Requires
from shared.db import Database
from shared.settings import Settings
from shared.web import errors
from shared.web.examples import add_examples
from shared.web.health import database_checks, health_router
from shared.web.middleware import BodyLimitProblem, RequestContext, RequestTimeout
from shared.web.problem import MEDIA_TYPE
from shared.web.tracing import tracer_provider

MAX_BODY_BYTES = 1024 * 1024
REQUEST_TIMEOUT = timedelta(seconds=30)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                    "msg": {"type": "string"},
                    "type": {"type": "string"},
                },
            },
        },
    },
}
_PROBLEM_RESPONSE = {"description": "A problem (RFC 9457)", "content": {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}}}


class UndeclaredRoute(RuntimeError):
    """A route says neither what it requires nor that it is public. Stops the service from starting."""


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The document, with an example of every answer; made once."""
        if self.openapi_schema is None:
            add_examples(super().openapi())
        return super().openapi()

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's own body limit and error pages are outside of user middleware; ours has to see them too."""
        return RequestContext(BodyLimitProblem(super().build_middleware_stack()), self.state.service)


def create_app(
    *,
    service: str,
    settings: Settings,
    database: Database,
    routers: Sequence[APIRouter],
    verifier: TokenVerifier | None = None,
    lifespan: Lifespan | None = None,
    request_timeout: timedelta = REQUEST_TIMEOUT,
) -> FastAPI:
    """The web app of `service`, complete but for its routes, which come in `routers` with their full paths.

    OpenAPI is at `/api/<service>/openapi.json`. A route that takes more than `MAX_BODY_BYTES` says so with
    `max_body_size=`. Raises UndeclaredRoute for a route with neither `requires` nor `public`.
    """
    verifier = verifier or TokenVerifier(database)
    tracing = tracer_provider(service, settings.otel_endpoint) if settings.otel_endpoint else None

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(verifier.close)
            if tracing is not None:
                stack.push_async_callback(asyncio.to_thread, tracing.shutdown)
            if lifespan is not None:
                await stack.enter_async_context(lifespan(app))
            yield
            app.state.draining = True

    app = _App(
        title=f"desk {service}",
        version="1",
        openapi_url=f"/api/{service}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=run,
        max_body_size=MAX_BODY_BYTES,
        redirect_slashes=False,
        responses={"default": _PROBLEM_RESPONSE, 422: _PROBLEM_RESPONSE},
        telemetry={"tracing": tracing is not None, "tracer_provider": tracing, "metrics": False, "logs": False},
        middleware=[Middleware(RequestTimeout, limit=request_timeout)],
    )
    app.state.service = service
    app.state.settings = settings
    app.state.database = database
    app.state.verifier = verifier
    app.state.draining = False
    app.state.ready_checks = database_checks(app)
    errors.install(app)
    app.include_router(health_router)
    for router in routers:
        app.include_router(router)
    for context in declared_routes(app):
        if not any(guards_of(context)):
            raise UndeclaredRoute(f"{context.methods or 'WEBSOCKET'} {context.path}: neither requires() nor public()")
        # FastAPI resolves dependencies in the order of a route's signature. Whoever may not come in must not take a
        # database connection on the way to being told so, wherever the route's author has put the session.
        context.dependant.dependencies.sort(key=lambda dependant: not any(map(_is_guard, _calls(dependant))))
    return app


def declared_routes(app: FastAPI) -> Iterator[RouteContext]:
    """Every route that a caller can reach, but for the OpenAPI document."""
    return (context for context in iter_route_contexts(app.routes) if context.path != app.openapi_url)


def guards_of(context: RouteContext) -> Iterator[Requires | Public]:
    """What a route says about its callers, at any depth of its dependencies."""
    dependant: Dependant | None = getattr(context, "dependant", None)
    return filter(_is_guard, _calls(dependant)) if dependant is not None else iter(())


def _calls(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from _calls(inner)


def _is_guard(call: object) -> TypeGuard[Requires | Public]:
    return isinstance(call, Requires | Public)
