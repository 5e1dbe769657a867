"""Keyset paging. A cursor is where the last page ended, as opaque base64url; it carries no rights."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from shared.web.problem import Unprocessable

MAX_PAGE = 200
DEFAULT_PAGE = 50
_MAX_CURSOR_CHARACTERS = 1024

T = TypeVar("T")

# What a keyset column may hold; narrower than Python's own types, because PostgreSQL's are.
_STORABLE: dict[Any, Any] = {
    int: Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)],
    float: Annotated[float, Field(allow_inf_nan=False)],
    str: Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=512)],
    datetime: AwareDatetime,
    UUID: UUID,
    bool: bool,
}


def encode_cursor(*keys: datetime | UUID | str | float | bool | None) -> str:
    """The opaque cursor of a row's keyset values, in the order of the sort."""
    return urlsafe_b64encode(to_json(keys)).rstrip(b"=").decode()


def decode_cursor(cursor: str, *types: Any) -> tuple[Any, ...]:
    """The keyset values of a cursor, each of the given type (`int`, `UUID`, `datetime | None`, …).

    Raises Unprocessable for a cursor that was not made for these types.
    """
    values = _unpack(cursor)
    if values is not None and len(values) == len(types):
        try:
            return tuple(_adapter(type_).validate_python(value) for type_, value in zip(types, values, strict=True))
        except ValidationError:
            pass
    raise Unprocessable("The cursor is not one of ours.", slug="bad-cursor")


def _unpack(cursor: str) -> list[Any] | None:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        packed = urlsafe_b64decode(padded)
        # Decoding skips over characters that are not base64; only what encodes back to the same was ever given out.
        values = from_json(packed) if urlsafe_b64encode(packed) == padded else None
    except ValueError:
        return None
    return values if isinstance(values, list) else None


@cache
def _adapter(type_: Any) -> TypeAdapter[Any]:
    parts = getattr(type_, "__args__", (type_,))
    storable = tuple(_STORABLE.get(part, part) for part in parts)
    union: Any = storable[0]
    for part in storable[1:]:
        union = union | part
    return TypeAdapter(union)


class Page(BaseModel, Generic[T]):
    """One page of a list. `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None = None


class _CursorParams(BaseModel):
    limit: int
    cursor: str | None

    def after(self, *types: Any) -> tuple[Any, ...] | None:
        """The keyset values to go on from, or None on the first page. Raises Unprocessable."""
        return None if self.cursor is None else decode_cursor(self.cursor, *types)


def _cursor_params(
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE,
    cursor: Annotated[str | None, Query(min_length=1, max_length=_MAX_CURSOR_CHARACTERS)] = None,
) -> _CursorParams:
    return _CursorParams(limit=limit, cursor=cursor)


CursorParams = Annotated[_CursorParams, Depends(_cursor_params)]


def cut_page(rows: Sequence[T], limit: int, keys: Callable[[T], tuple[Any, ...]]) -> tuple[Sequence[T], str | None]:
    """Cut what was read with `LIMIT limit + 1` into a page and the cursor of the next one."""
    if len(rows) <= limit:
        return rows, None
    page = rows[:limit]
    return page, encode_cursor(*keys(page[-1]))
