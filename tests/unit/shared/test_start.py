"""When a process that cannot start yet begins to listen. The whole of it is in tests/integration/desk/test_start.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared import service


class FailingDatabase:
    """Refuses so many looks, and has all tables then."""

    service = "sla"

    def __init__(self, failures: int) -> None:
        self.failures = failures

    @asynccontextmanager
    async def read(self) -> AsyncIterator[None]:
        self.failures -= 1
        if self.failures >= 0:
            raise ConnectionRefusedError
        yield


async def _migrated(*_: Any) -> bool:
    return True


@pytest.mark.parametrize(("failures", "listens"), [(0, 0), (1, 0), (3, 0), (4, 1), (9, 1)])
async def test_a_hiccup_of_the_database_opens_no_door(
    failures: int, listens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listened after one failed look, and an edge gave it requests that other processes would have done."""
    monkeypatch.setattr(service, "is_migrated", _migrated)
    monkeypatch.setattr(service, "LOOK_EVERY_SECONDS", 0)
    opened: list[None] = []
    database: Any = FailingDatabase(failures)
    assert await service._until_migrated(database, asyncio.Event(), on_waiting=lambda: opened.append(None))
    assert len(opened) == listens
