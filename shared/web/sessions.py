"""Database sessions of a request. The edge commits, and it commits before the response is sent."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection
from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth import Principal
from shared.db import Database

_REQUEST = "request"


def caller_of(session: AsyncSession) -> Principal | None:
    """Who sent the request that a transaction is for; None where it is for none, but for an event or a timer."""
    request: HTTPConnection | None = session.info.get(_REQUEST)
    return None if request is None else getattr(request.state, "principal", None)


async def _transaction(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    database: Database = connection.app.state.database
    async with database.transaction() as session:
        # Not the caller: a route may ask for its transaction before it asks who calls.
        session.info[_REQUEST] = connection
        yield session


async def _read(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    database: Database = connection.app.state.database
    async with database.read() as session:
        yield session


# FastAPI ends a plain `yield` dependency after the response has gone out: the client would see 201, and then the commit
# could fail. With scope="function" the transaction ends when the route returns, while an error can still be told.
DbSession = Annotated[AsyncSession, Depends(_transaction, scope="function")]

# Read-only by PostgreSQL's own word; the connection is back in the pool before a slow client reads the response.
ReadSession = Annotated[AsyncSession, Depends(_read, scope="function")]
