"""What the statements share. A batch travels as JSON: `unnest` cannot carry a column that is an array itself."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter

from services.routing.domain.assignment import LIVE_STATUSES, ROUTABLE_STATUSES

LIVE = sorted(status.value for status in LIVE_STATUSES)
ROUTABLE = sorted(status.value for status in ROUTABLE_STATUSES)


_ROWS = TypeAdapter(list[Mapping[str, Any]])


def json_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """`rows` for `json_to_recordset`."""
    return _ROWS.dump_json(list(rows)).decode()
