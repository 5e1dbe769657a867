"""Telling failures apart, and telling of them without what customers wrote.

PostgreSQL's messages quote rows and keys (`DETAIL: Key (address)=(ana@example.com) already exists`), so logs get an
error's type, SQLSTATE and place; only a dead letter, which holds the event anyway, keeps the words.
"""

import errno
import traceback
from pathlib import Path

import asyncpg
from pydantic import ValidationError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# SQLSTATE classes and codes that say something about the moment, not about the statement: connection exception,
# transaction rollback, insufficient resources, system error; lock not available, idle in transaction, shutdown, crash
# recovery, starting up, idle session. Not 57014: what once ran into the statement timeout does so again.
_TRANSIENT_CLASSES = ("08", "40", "53", "58")
_TRANSIENT_STATES = {"55P03", "25P03", "57P01", "57P02", "57P03", "57P05"}
# No room, or no way to the other side. A file that is missing or closed to us stays so.
_TRANSIENT_ERRNOS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EAGAIN),
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EADDRNOTAVAIL),
}
# asyncpg reports a dead connection and a value it cannot encode by one class; the latter is a subclass of its own. One
# that failed and is not closed yet is an internal error of the client. DDL under a running process invalidates each of
# its prepared statements once.
_OF_THE_MOMENT = (
    *(ConnectionError, TimeoutError, PoolTimeout),
    *(asyncpg.InterfaceError, asyncpg.InternalClientError),
    *(asyncpg.PostgresConnectionError, asyncpg.InvalidCachedStatementError),
)


def is_transient(error: BaseException) -> bool:
    """Whether trying again later can help: the database, the disk or the network failed, not the work."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, asyncpg.DataError):
            return False
        if isinstance(current, _OF_THE_MOMENT) or getattr(current, "connection_invalidated", False):
            return True
        if isinstance(current, OSError):
            return current.errno in _TRANSIENT_ERRNOS
        state = sqlstate(current)
        if state.startswith(_TRANSIENT_CLASSES) or state in _TRANSIENT_STATES:
            return True
        current = getattr(current, "orig", None) or current.__cause__
    return False


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE of a database error, empty for other errors."""
    return str(getattr(error, "sqlstate", None) or getattr(getattr(error, "orig", None), "sqlstate", None) or "")


def summary(error: BaseException) -> str:
    """An error for logs: its type and SQLSTATE, or what is wrong with data, never the data."""
    if isinstance(error, ValidationError):
        found = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'data'}: {item['type']}"
            for item in error.errors(include_url=False, include_context=False, include_input=False)
        )
        return f"{error.title} is invalid: {found}"[:1000]
    state = sqlstate(error)
    return f"{type(error).__name__} {state}".strip()


def place(error: BaseException) -> str:
    """Where in the code an error arose, innermost frame last; source positions only, no values."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames)


def describe(error: BaseException) -> str:
    """An error as a dead letter keeps it: type, message and place, bounded, storable."""
    words = summary(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
    return f"{words} (at {place(error)})".replace("\0", "")[:4000]
