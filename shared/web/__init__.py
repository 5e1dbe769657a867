"""The web app kit: app factory, sessions, problem documents, paging, preconditions, idempotency."""

from shared.web.app import UndeclaredRoute, create_app
from shared.web.etags import IfMatch, etag, parse_if_match
from shared.web.health import ReadyCheck
from shared.web.idempotency import Idempotency, forget_idempotency_keys, idempotency_table
from shared.web.paging import MAX_PAGE, CursorParams, Page, cut_page, decode_cursor, encode_cursor
from shared.web.problem import (
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    TooManyRequests,
    Unavailable,
    Unprocessable,
)
from shared.web.sessions import DbSession, ReadSession, caller_of

__all__ = [
    "MAX_PAGE",
    "Conflict",
    "CursorParams",
    "DbSession",
    "Forbidden",
    "Idempotency",
    "IfMatch",
    "NotFound",
    "Page",
    "PreconditionFailed",
    "PreconditionRequired",
    "Problem",
    "ReadSession",
    "ReadyCheck",
    "TooManyRequests",
    "Unavailable",
    "UndeclaredRoute",
    "Unprocessable",
    "caller_of",
    "create_app",
    "cut_page",
    "decode_cursor",
    "encode_cursor",
    "etag",
    "forget_idempotency_keys",
    "idempotency_table",
    "parse_if_match",
]
