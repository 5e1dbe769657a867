"""Many rows in one statement and one parameter: the rows travel as JSON and PostgreSQL gives them the table's types.

`unnest` cannot carry a column that is an array itself (tags); `json_populate_recordset` carries every type.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Row, Table, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

# A row whose columns are not told to the type checker.
AnyRow = Row[*tuple[Any, ...]]


async def insert_rows(
    session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]], *, skip_existing: bool = False
) -> None:
    """Insert `rows`, which all have the same keys, in their order. With `skip_existing`, rows that are there stay."""
    if not rows:
        return
    columns = _quoted(rows[0])
    sql = (
        f"INSERT INTO {table.fullname} ({columns}) SELECT {columns} FROM {_recordset(table)}"
        f"{' ON CONFLICT DO NOTHING' if skip_existing else ''}"
    )
    await session.execute(_statement(sql), {"rows": to_json(rows).decode()})


async def update_rows(session: AsyncSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set the other keys of each row on the row with its `id`. The caller holds the rows' locks."""
    if not rows:
        return
    assignments = ", ".join(f'"{column}" = r."{column}"' for column in rows[0] if column != "id")
    sql = f"UPDATE {table.fullname} AS t SET {assignments} FROM {_recordset(table)} AS r WHERE t.id = r.id"
    await session.execute(_statement(sql), {"rows": to_json(rows).decode()})


@cache
def _statement(sql: str) -> TextClause:
    # Looking for parameters in a long statement takes a millisecond, more than what it is made for.
    return text(sql)


def _recordset(table: Table) -> str:
    return f"json_populate_recordset(CAST(NULL AS {table.fullname}), CAST(:rows AS json))"


def _quoted(columns: Collection[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
