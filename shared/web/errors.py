"""From any exception to a problem document. Nothing internal and nothing of the input is told."""

import errno
import traceback
from http import HTTPStatus
from typing import Any, cast

import asyncpg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse
from fastapi.websockets import WebSocket, WebSocketState
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from shared.auth import AuthError
from shared.failures import sqlstate
from shared.objects import ObjectStoreUnavailable
from shared.telemetry import get_logger
from shared.web.problem import Conflict, Problem, Unavailable, Unprocessable, problem_response, response_of

log = get_logger(__name__)

# PostgreSQL's error classes and codes that pass by themselves: connection, resources, operator, deadlock and the like.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_TRANSIENT_CLASSES = {"08", "53", "57", "58"}
_TRANSIENT_STATES = {"40001", "40P01", "55P03", "25P03"}
_DATA_CLASS = "22"
_TAKEN = {"23505", "23P01"}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}
# Close codes of RFC 6455 section 7.4.1.
_POLICY_VIOLATION = 1008
_INTERNAL_ERROR = 1011
_SERVER_ERRORS = 500


def install(app: FastAPI) -> None:
    """Register a handler for everything that can leave a route."""
    handlers: dict[type[Exception], Any] = {
        Problem: _problem,
        AuthError: _auth,
        HTTPException: _http,
        RequestValidationError: _invalid,
        PoolTimeoutError: _unavailable,
        TimeoutError: _unavailable,
        asyncpg.PostgresConnectionError: _unavailable,
        asyncpg.InterfaceError: _unavailable,
        asyncpg.InternalClientError: _unavailable,  # a connection that failed and is not closed yet
        asyncpg.PostgresError: _database,
        DBAPIError: _database,
        ObjectStoreUnavailable: _no_objects,
        OSError: _system,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _http_title(status: int) -> str:
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "Content Too Large"  # its name since RFC 9110, which Python learned in 3.13
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


async def _problem(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    return await _answer(connection, response_of(cast("Problem", error)))


async def _auth(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    refusal = cast("AuthError", error)
    headers = {"WWW-Authenticate": 'Bearer realm="desk"'} if refusal.status == HTTPStatus.UNAUTHORIZED else {}
    response = problem_response(refusal.status, refusal.slug, refusal.title, detail=refusal.detail, headers=headers)
    return await _answer(connection, response)


async def _http(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    refusal = cast("HTTPException", error)
    title = _http_title(refusal.status_code)
    response = problem_response(
        refusal.status_code,
        title.lower().replace(" ", "-"),
        title,
        detail=refusal.detail if refusal.detail != title else "",
        headers=refusal.headers,
    )
    return await _answer(connection, response)


async def _invalid(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    # Never `input` or `ctx`: they hold what the caller sent, which may be a password.
    errors = [
        {"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]}
        for item in cast("RequestValidationError", error).errors()
    ]
    return await _answer(connection, response_of(Unprocessable(slug="validation", errors=errors)))


async def _unavailable(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    log.warning("request.dependency_unavailable", error=type(error).__name__)
    return await _answer(
        connection, response_of(Unavailable("The database does not answer. Try again.", retry_after=2))
    )


async def _no_objects(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    log.warning("request.dependency_unavailable", error=type(error).__name__)
    return await _answer(
        connection, response_of(Unavailable("The store of files does not answer. Try again.", retry_after=2))
    )


async def _database(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    # Of SQLAlchemy, or of the driver itself where it is used directly.
    state = sqlstate(error)
    if state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES:
        return await _unavailable(connection, error)
    if isinstance(error, DBAPIError) and _is_lost_connection(error):
        return await _unavailable(connection, error)
    if state in _TAKEN:
        # Two requests asked for the same at once, and the other one was first.
        return await _answer(connection, response_of(Conflict("There is one like this already.", slug="taken")))
    if state[:2] == _DATA_CLASS:
        detail = "A value cannot be stored, such as a NUL character or a number out of range."
        return await _answer(connection, response_of(Unprocessable(detail)))
    return await _unexpected(connection, error)


async def _system(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    failure = cast("OSError", error)
    if failure.errno in _NO_ROOM:
        log.error("request.no_room", errno=failure.errno)
        problem = Unavailable("There is no room for this right now.", slug="no-room", retry_after=30)
        return await _answer(connection, response_of(problem))
    if isinstance(failure, ConnectionError) or failure.errno in {
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
    }:
        return await _unavailable(connection, error)
    return await _unexpected(connection, error)


async def _unexpected(connection: HTTPConnection, error: Exception) -> JSONResponse | None:
    # Where it happened, without the message and the values: they may hold what a customer wrote.
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("request.failed", error=type(error).__name__, frames=frames[-12:])
    return await _answer(connection, response_of(Problem()))


def _is_lost_connection(failure: DBAPIError) -> bool:
    if failure.connection_invalidated or isinstance(failure.orig, OSError | asyncpg.InterfaceError):
        return True
    cause = failure.orig.__cause__ if failure.orig is not None else None
    return isinstance(cause, OSError | asyncpg.PostgresConnectionError | asyncpg.InterfaceError)


async def _answer(connection: HTTPConnection, response: JSONResponse) -> JSONResponse | None:
    """The response, which also denies a WebSocket handshake; an open WebSocket can only be closed."""
    if isinstance(connection, WebSocket) and connection.application_state is WebSocketState.CONNECTED:
        await connection.close(_INTERNAL_ERROR if response.status_code >= _SERVER_ERRORS else _POLICY_VIOLATION)
        return None
    return response
