"""Pure ASGI middleware. Starlette's `BaseHTTPMiddleware` runs the app in another task, whose cancellation on a client's
disconnect leaks database connections (sqlalchemy #12077).
"""

import asyncio
import re
import time
from datetime import timedelta

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.ids import uuid7
from shared.telemetry import correlation_id, get_logger
from shared.web.problem import Unavailable, problem_response, response_of

log = get_logger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CONTENT_TOO_LARGE = 413

_REQUESTS = Counter("desk_http_requests_total", "Requests answered.", ("service", "method", "route", "status"))
_DURATIONS = Histogram(
    "desk_http_request_duration_seconds", "From the request to the end of its answer.", ("service", "method", "route")
)


class RequestContext:
    """Gives every request a correlation id, the same one that its events will carry, and counts and times it.

    Outermost, so that errors of every layer are counted and have an id. A request id that a caller sends is taken
    over if it is harmless; nothing is derived from it.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and everything but HTTP and WebSocket untouched."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else str(uuid7())
        token = correlation_id.set(request_id)
        started = time.perf_counter()
        status = 0

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, observe)
        except Exception:
            # Starlette raises again what the handler of unexpected errors has logged and answered.
            if not status:
                raise
        finally:
            if scope["type"] == "http":
                self._measure(scope, status, time.perf_counter() - started)
            correlation_id.reset(token)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        # The template, never the path: paths hold ids, and a label per id would fill the memory.
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        _REQUESTS.labels(self.service, method, route, status).inc()
        _DURATIONS.labels(self.service, method, route).observe(seconds)


class BodyLimitProblem:
    """Turns the plain-text 413 of the framework's body limit into a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on all but that one answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        replaced = False

        async def replace(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == _CONTENT_TOO_LARGE:
                replaced = Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")
                if replaced:
                    response = problem_response(_CONTENT_TOO_LARGE, "content-too-large", "Content Too Large")
                    await response(scope, receive, send)
            if not replaced:
                await send(message)

        await self.app(scope, receive, replace)


class Gate:
    """Keeps requests from an app that has not started yet; probes and scrapers pass. In front of everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.open = False

    def problem(self) -> str | None:
        """Why this process is not ready, or None."""
        return None if self.open else "it has not started yet"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on everything once it is open."""
        if self.open or scope["path"].startswith(("/health/", "/metrics")):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await response_of(Unavailable("This process has not started yet.", retry_after=2))(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1013})


class RequestTimeout:
    """Ends a request that takes too long: its transaction is rolled back, and the caller may try again."""

    def __init__(self, app: ASGIApp, limit: timedelta) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request within the limit. WebSockets have none."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def observe(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        deadline = asyncio.timeout(self.limit.total_seconds())
        try:
            async with deadline:
                await self.app(scope, receive, observe)
        except TimeoutError:
            if not deadline.expired() or started:
                raise
            log.warning("request.timed_out", limit_seconds=self.limit.total_seconds())
            response = response_of(Unavailable("The request took too long.", slug="timeout", retry_after=5))
            await response(scope, receive, send)
