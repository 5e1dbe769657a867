"""Deadlines of tickets as an agent sees and hears them."""

import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import PATIENCE_MS, OpenPage
from tests.ui.test_inbox import hand_in

pytestmark = pytest.mark.browser

MINUTE_MS = 60_000
# Everything that is said in the header of the open ticket, once for each time that it is put there.
LISTEN = """() => {
  window.said = [];
  new MutationObserver((records) => {
    for (const { target } of records) {
      const region = (target.nodeType === 1 ? target : target.parentElement)?.closest('header [role=status]');
      if (region?.textContent) window.said.push(region.textContent);
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def ticket_called(client: httpx.Client, subject: str) -> dict[str, Any]:
    """The ticket with that subject, once routing has given it to somebody and its clocks run."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        rows = client.get("/api/tickets", params={"sort": "-created_at", "limit": 100}).json()["items"]
        for row in rows:
            if row["subject"] == subject and row["assignee"] and row["sla"]["next_due_at"]:
                found: dict[str, Any] = row
                return found
        time.sleep(0.1)
    raise AssertionError(f"no ticket {subject} with a deadline")


def test_a_deadline_comes_near_and_passes(desk: RunningDesk, open_page: OpenPage) -> None:
    """By the browser's clock alone the badge warns and is overdue, in list and ticket; each is announced once."""
    subject = f"Due {uuid7()}"
    desk.make_room()
    hand_in(desk, subject, "Hello, where is my order?")
    with desk.client(desk.agent) as client:
        ticket = ticket_called(client, subject)
    page = open_page("/sign-in", desk.agent, viewport={"width": 1280, "height": 800})
    page.clock.install()
    page.goto(f"/inbox/open?ticket={ticket['id']}")
    header = page.locator("header").filter(has=page.get_by_role("heading", name=subject))
    row = page.get_by_role("option").filter(has_text=subject)
    for badge in (header, row):
        expect(badge).to_contain_text("First response: ")
        expect(badge).to_contain_text(" left")
    page.evaluate(LISTEN)

    left = page.evaluate("(due) => Date.parse(due) - Date.now()", ticket["sla"]["next_due_at"])
    page.clock.fast_forward(left - 5 * MINUTE_MS)
    for badge in (header, row):
        expect(badge).to_contain_text("Due soon: ")
    page.clock.fast_forward(6 * MINUTE_MS)
    for badge in (header, row):
        expect(badge).to_contain_text("Overdue by ")
    passed = header.get_by_text("Overdue by ").inner_text()
    page.clock.fast_forward(2 * MINUTE_MS)
    # It goes on counting, and says no more.
    expect(header).not_to_contain_text(passed)
    assert page.evaluate("window.said") == [
        f"First response of ticket {ticket['number']} is due soon.",
        f"First response of ticket {ticket['number']} is overdue.",
    ]
