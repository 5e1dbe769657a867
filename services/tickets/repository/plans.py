"""What PostgreSQL expects of a query, without carrying it out: counting by itself could take long."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Executable, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal


@dataclass(frozen=True, slots=True)
class Expected:
    """How many rows, and at what cost, in PostgreSQL's unit: reading one page after the other."""

    rows: int
    cost: float


async def expected(session: AsyncSession, query: Select[Any]) -> Expected:
    """What a query would give and take, by the statistics of its tables."""
    (told,) = (await session.execute(_Explain(query))).one()
    plan = told[0]["Plan"]
    return Expected(plan["Plan Rows"], plan["Total Cost"])


class _Explain(Executable, ClauseElement):
    """The plan of a statement, which is not carried out. Compiled once for all that differ in values only."""

    _traverse_internals: Any = [("statement", InternalTraversal.dp_clauseelement)]  # noqa: RUF012
    _all_selected_columns: Any = ()  # its one row has none of the statement's

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain)
def _explained(element: _Explain, compiler: Any, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"
