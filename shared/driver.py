"""asyncpg's own connection beneath a session, for what runs with every request and every event.

Through SQLAlchemy a statement takes five times the processor time. Where it runs that often, this is worth its price:
parameters by number, errors that are asyncpg's own, and JSON that is given as text.
"""

from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession


async def driver_of(session: AsyncSession) -> asyncpg.Connection:
    """The connection of this session, in its transaction. Raises what asyncpg raises where none can be begun."""
    pooled: Any = await session.run_sync(lambda inner: inner.connection().connection)
    adapted = pooled.dbapi_connection
    if adapted._transaction is None:  # noqa: SLF001 - it begins with the first statement that SQLAlchemy executes
        try:
            await adapted._start_transaction()  # noqa: SLF001
        except adapted.dbapi.Error as error:
            raise error.__cause__ or error from None
    driver: asyncpg.Connection = pooled.driver_connection
    return driver
