"""What PostgreSQL expects of a query, without carrying it out: counting by itself could take long."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, CompoundSelect, Executable, Select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal

_Statement = Select[Any] | CompoundSelect[Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """How many rows, and at what cost, in PostgreSQL's unit: reading one page after the other."""

    rows: int
    cost: float


async def expected(session: AsyncSession, query: Select[Any]) -> Expected:
    """What a query would give and take, by the statistics of its tables."""
    return _told(await _plan(session, query))


async def expected_of_each(session: AsyncSession, queries: Sequence[Select[Any]]) -> list[Expected]:
    """What each of two or more queries would give and take, asked for at once."""
    return [_told(plan) for plan in (await _plan(session, union_all(*queries)))["Plans"]]


async def _plan(session: AsyncSession, statement: _Statement) -> dict[str, Any]:
    (told,) = (await session.execute(_Explain(statement))).one()
    plan: dict[str, Any] = told[0]["Plan"]
    return plan


def _told(plan: dict[str, Any]) -> Expected:
    return Expected(plan["Plan Rows"], plan["Total Cost"])


class _Explain(Executable, ClauseElement):
    """The plan of a statement, which is not carried out. Compiled once for all that differ in values only."""

    _traverse_internals: Any = [("statement", InternalTraversal.dp_clauseelement)]  # noqa: RUF012
    _all_selected_columns: Any = ()  # its one row has none of the statement's

    def __init__(self, statement: _Statement) -> None:
        self.statement = statement


@compiles(_Explain)
def _explained(element: _Explain, compiler: Any, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"
