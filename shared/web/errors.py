"""From any exception to a problem document. Nothing internal and nothing of the input is told."""

import errno
from http import HTTPStatus
from typing import cast

import asyncpg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse
from fastapi.websockets import WebSocket
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from shared.auth import AuthError
from shared.telemetry import get_logger
from shared.web.problem import Problem, Unavailable, Unprocessable, problem_response, response_of

log = get_logger(__name__)

# PostgreSQL's error classes and codes that pass by themselves: connection, resources, operator, deadlock and the like.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_TRANSIENT_CLASSES = {"08", "53", "57", "58"}
_TRANSIENT_STATES = {"40001", "40P01", "55P03", "25P03"}
_DATA_CLASS = "22"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE}
_WEBSOCKET_DENIED = 1008


def install(app: FastAPI) -> None:
    """Register a handler for everything that can leave a route."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(AuthError, _auth)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for unreachable in (PoolTimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, TimeoutError):
        app.add_exception_handler(unreachable, _unavailable)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(Exception, _unexpected)


def _http_title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


async def _problem(connection: HTTPConnection, error: Exception) -> JSONResponse:
    return await _answer(connection, response_of(cast("Problem", error)))


async def _auth(connection: HTTPConnection, error: Exception) -> JSONResponse:
    refusal = cast("AuthError", error)
    headers = {"WWW-Authenticate": 'Bearer realm="desk"'} if refusal.status == HTTPStatus.UNAUTHORIZED else {}
    response = problem_response(refusal.status, refusal.slug, refusal.title, detail=refusal.detail, headers=headers)
    return await _answer(connection, response)


async def _http(connection: HTTPConnection, error: Exception) -> JSONResponse:
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


async def _invalid(connection: HTTPConnection, error: Exception) -> JSONResponse:
    # Never `input` or `ctx`: they hold what the caller sent, which may be a password.
    errors = [
        {"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]}
        for item in cast("RequestValidationError", error).errors()
    ]
    return await _answer(connection, response_of(Unprocessable(slug="validation", errors=errors)))


async def _unavailable(connection: HTTPConnection, error: Exception) -> JSONResponse:
    log.warning("request.dependency_unavailable", error=type(error).__name__)
    return await _answer(
        connection, response_of(Unavailable("The database does not answer. Try again.", retry_after=2))
    )


async def _database(connection: HTTPConnection, error: Exception) -> JSONResponse:
    failure = cast("DBAPIError", error)
    state = str(getattr(failure.orig, "sqlstate", None) or "")
    if failure.connection_invalidated or state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES:
        return await _unavailable(connection, error)
    if isinstance(failure.orig, OSError | asyncpg.InterfaceError) or _is_lost_connection(failure):
        return await _unavailable(connection, error)
    if state[:2] == _DATA_CLASS:
        detail = "A value cannot be stored, such as a NUL character or a number out of range."
        return await _answer(connection, response_of(Unprocessable(detail)))
    return await _unexpected(connection, error)


async def _system(connection: HTTPConnection, error: Exception) -> JSONResponse:
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


async def _unexpected(connection: HTTPConnection, error: Exception) -> JSONResponse:
    log.error("request.failed", error=type(error).__name__, exc_info=error)
    return await _answer(connection, response_of(Problem()))


def _is_lost_connection(failure: DBAPIError) -> bool:
    cause = failure.orig.__cause__ if failure.orig is not None else None
    return isinstance(cause, OSError | asyncpg.PostgresConnectionError | asyncpg.InterfaceError)


async def _answer(connection: HTTPConnection, response: JSONResponse) -> JSONResponse:
    """Requests get the response returned; a WebSocket handshake has to be denied by hand."""
    if isinstance(connection, WebSocket):
        if "websocket.http.response" in connection.scope.get("extensions", {}):
            await connection.send_denial_response(response)
        else:
            await connection.close(_WEBSOCKET_DENIED)
    return response
