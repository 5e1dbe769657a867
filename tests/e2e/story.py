"""What the stories told through the edge share: sending a message, and waiting for what becomes of it."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import pytest

from shared.ids import uuid7

T = TypeVar("T")

PATIENCE_SECONDS = 60


def eventually(look: Callable[[], T | None], what: str) -> T:
    """What `look` returns once it is something. A bound on liveness, far above the aim."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {PATIENCE_SECONDS} s")


def ticket_of(client: httpx.Client, status_url: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        state = client.get(status_url).json()
        if state.get("ticket") is None:
            return None
        answer = client.get(f"/api/tickets/{state['ticket']['id']}")
        return answer.json() if answer.status_code == 200 else None

    return eventually(look, f"a ticket of {status_url}")


def assigned(client: httpx.Client, ticket_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        ticket = client.get(f"/api/tickets/{ticket_id}").json()
        return ticket if ticket["assignee"] and ticket["sla"]["next_due_at"] else None

    return eventually(look, f"assignment and clock of ticket {ticket_id}")


def message(text: str, **fields: Any) -> dict[str, Any]:
    address = f"customer-{uuid7()}@example.org"
    return {
        "channel": "api",
        "sender": {"kind": "email", "address": address, "name": "Test Customer"},
        "subject": text[:40],
        "text": text,
        **fields,
    }
