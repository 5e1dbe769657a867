"""What happens elsewhere shows here: who is at a ticket, what concerns one, and what was missed while away."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from shared.ids import uuid7
from tests.e2e.story import eventually
from tests.running_desk import RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_inbox import hand_in

pytestmark = pytest.mark.browser

# A deadline of long ago, as a frame tells of it.
MISSED = {"next_due_at": "2020-01-01T00:00:00+00:00", "state": "breached", "metric": "resolution"}


def ticket_of(desk: RunningDesk, subject: str) -> dict[str, object]:
    """The ticket that a mail became."""
    hand_in(desk, subject, "The printer is on fire.")
    with desk.client(desk.admin) as admin:

        def found() -> dict[str, object] | None:
            items = admin.get("/api/tickets?limit=50").json()["items"]
            return next((item for item in items if item["subject"] == subject), None)

        return eventually(found, "the ticket")


def me(page: Page) -> dict[str, str]:
    answer: dict[str, str] = page.evaluate("fetch('/api/auth/session').then((answer) => answer.json())")
    return answer


def test_two_agents_at_a_ticket_see_each_other_come_write_and_go(desk: RunningDesk, open_page: OpenPage) -> None:
    """Each is told of the other, of no one else and not of herself, until the other leaves."""
    subject = f"Two at once {uuid7()}"
    path = f"/inbox/open?ticket={ticket_of(desk, subject)['id']}"
    asha = open_page(path, desk.agent, viewport={"width": 1280, "height": 800})
    expect(asha.get_by_role("heading", name=subject)).to_be_visible()
    ben = open_page(path, desk.admin, viewport={"width": 1280, "height": 800})
    expect(ben.get_by_role("heading", name=subject)).to_be_visible()
    names = {page: me(page)["name"] for page in (asha, ben)}
    here = {page: page.get_by_text(re.compile("\u2069 is (here|writing)")) for page in (asha, ben)}
    expect(here[asha]).to_have_text(f"\u2068{names[ben]}\u2069 is here")
    expect(here[ben]).to_have_text(f"\u2068{names[asha]}\u2069 is here")

    ben.keyboard.press("r")
    ben.keyboard.type("Dear customer")
    expect(here[asha]).to_have_text(f"\u2068{names[ben]}\u2069 is writing a reply")
    ben.get_by_role("button", name="Back to the list").click()
    expect(here[asha]).to_have_count(0)
    expect(here[ben]).to_have_count(0)


def test_a_lost_socket_says_so_and_what_was_missed_is_caught_up(desk: RunningDesk, open_page: OpenPage) -> None:
    """The connection is cut, a ticket comes meanwhile: the page says that it may be old, and then shows it."""
    page = open_page("/inbox/open", desk.agent, viewport={"width": 1280, "height": 800})
    expect(page.get_by_role("button", name=re.compile("Preferences"))).to_be_visible()
    sockets: list[WebSocketRoute] = []
    refused = True

    def connect(socket: WebSocketRoute) -> None:
        if refused:
            socket.close(code=1012)
        else:
            sockets.append(socket)
            socket.connect_to_server()

    page.route_web_socket(re.compile("/api/live"), connect)
    page.reload()
    banner = page.get_by_role("status").filter(has_text="Connection lost")
    expect(banner).to_be_visible()
    subject = f"While away {uuid7()}"
    ticket_of(desk, subject)
    refused = False
    expect(banner).to_have_count(0)
    expect(page.get_by_role("option").filter(has_text=subject)).to_be_visible()

    # The same when it was live before, with what to resume from.
    missed = f"While away again {uuid7()}"
    refused = True
    sockets[-1].close(code=1012)
    expect(banner).to_be_visible()
    ticket_of(desk, missed)
    refused = False
    expect(banner).to_have_count(0)
    expect(page.get_by_role("option").filter(has_text=missed)).to_be_visible()
    assert "since=" in sockets[-1].url


def test_a_mention_is_told_once_in_the_corner_and_in_the_bell(desk: RunningDesk, open_page: OpenPage) -> None:
    """A toast and a count where it concerns, nothing where it does not; opening it makes it read in every window."""
    subject = f"For you {uuid7()}"
    ticket = ticket_of(desk, subject)
    asha, other = (
        open_page("/inbox/open", login, viewport={"width": 1280, "height": 800})
        for login in (desk.agent, desk.login("supervisor"))
    )
    for page in (asha, other):
        expect(page.get_by_role("button", name=re.compile("otification"))).to_be_visible()
    with desk.client(desk.admin) as admin:
        author = admin.get("/api/auth/session").json()["name"]
        note = {"text": "Please look at this.", "mentions": [me(asha)["account_id"]]}
        admin.post(f"/api/tickets/{ticket['id']}/notes", json=note).raise_for_status()

    def told(page: Page) -> Locator:
        news = page.get_by_role("status", name="New notifications").get_by_role("button")
        return news.filter(has_text=subject).filter(has_text=f"\u2068{author}\u2069 mentioned you")

    expect(told(asha)).to_have_count(1)
    second = open_page("/inbox/open", desk.agent)
    second.get_by_role("button", name=re.compile("unread notification")).click()
    row = second.get_by_role("dialog").get_by_role("listitem").filter(has_text=subject).filter(has_text="mentioned")
    expect(row).to_contain_text("Unread")
    told(asha).click()
    expect(asha.get_by_role("heading", name=subject)).to_be_visible()
    expect(row).not_to_contain_text("Unread")
    expect(told(asha)).to_have_count(0)
    expect(told(other)).to_have_count(0)


def heard(page: Page) -> tuple[list[dict[str, Any]], Callable[[dict[str, Any]], None]]:
    """Every frame that the page hears from now on, and how to make it hear one more."""
    frames: list[dict[str, Any]] = []
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def pass_on(message: str | bytes) -> None:
            frames.append(json.loads(message))
            socket.send(message)

        server.on_message(pass_on)

    page.route_web_socket(re.compile("/api/live"), connect)
    page.reload()
    return frames, lambda frame: sockets[-1].send(json.dumps(frame))


def until_heard(page: Page, frames: list[dict[str, Any]], fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The last frame that is like this, once there is one."""

    def found() -> dict[str, Any] | None:
        # What the page hears is told to this thread only while it waits for the page.
        page.wait_for_timeout(50)
        return next((each for each in reversed(frames) if fits(each)), None)

    return eventually(found, "a frame")


def is_of(frame: dict[str, Any], ticket_id: object, version: int) -> bool:
    """Whether the frame shows the ticket in this version, or in a later one."""
    ticket = frame.get("ticket", {})
    return bool(ticket.get("id") == ticket_id and ticket["version"] >= version)


def all_heard(
    page: Page, say: Callable[[dict[str, Any]], None], other: dict[str, object], seq: int, *, is_missed: bool = True
) -> None:
    """Wait until the page has taken in what it heard before: it shows the clocks of another ticket, told last."""
    sla = MISSED if is_missed else {"next_due_at": None, "state": None, "metric": None}
    say({"type": "ticket.sla", "seq": seq, "ticket_id": other["id"], "sla": sla})
    row = page.get_by_role("option").filter(has_text=str(other["subject"]))
    expect(row.get_by_text("Overdue")).to_have_count(int(is_missed))


def test_events_that_come_late_or_twice_change_nothing(desk: RunningDesk, open_page: OpenPage) -> None:
    """What is older than what is shown, of the ticket or of its clocks, is told again at the end, in wrong order, and
    twice: neither the list nor the ticket goes back."""
    subject = f"Out of order {uuid7()}"
    desk.make_room()
    other = ticket_of(desk, f"Beside it {uuid7()}")
    ticket = ticket_of(desk, subject)
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent, viewport={"width": 1280, "height": 800})
    frames, say = heard(page)
    header = page.locator("header").filter(has=page.get_by_role("heading", name=subject))
    row = page.get_by_role("option").filter(has_text=subject)
    expect(row).to_contain_text("First response: ")
    path = f"/api/tickets/{ticket['id']}"

    with desk.client(desk.agent) as agent:
        for change in ({"priority": "high"}, {"priority": "urgent", "subject": f"{subject} now"}):
            eventually(partial(changed, agent, path, change), "the change")
        now = agent.get(path).json()
    version = now["version"]
    latest = until_heard(page, frames, lambda frame: is_of(frame, ticket["id"], version))
    clocks = until_heard(page, frames, lambda frame: frame.get("ticket_id") == ticket["id"] and "sla" in frame)
    expect(row).to_contain_text("Urgent")
    expect(header).to_contain_text(f"{subject} now")

    seq = max(each.get("seq", 0) for each in frames) + 10
    for again in [each for each in reversed(frames) if each["type"].startswith("ticket.")]:
        say(again)
    all_heard(page, say, other, seq)
    expect(row).to_contain_text("Urgent")
    for shown in (row, header):
        expect(shown).to_contain_text(f"{subject} now")

    # A deadline that nobody else tells of, so that it is known which one is shown.
    due = (datetime.now(UTC) + timedelta(minutes=30, seconds=50)).isoformat()
    running = {"next_due_at": due, "state": "warned", "metric": "resolution"}
    say({"type": "ticket.sla", "seq": seq + 2, "ticket_id": ticket["id"], "sla": running})
    soon = re.compile("Due soon: (28|29|30) min")
    for shown in (row, header):
        expect(shown).to_contain_text(soon)
    older = {**latest["ticket"], "version": version - 1, "priority": "low", "subject": "Long ago", "status": "solved"}
    far = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    for late in (older, {**older, "version": version - 2, "updated_at": far}):
        say({"type": "ticket.upserted", "seq": clocks["seq"], "ticket": late})
    for past in (clocks["seq"], seq + 1, clocks["seq"]):
        say({"type": "ticket.sla", "seq": past, "ticket_id": ticket["id"], "sla": MISSED})
    all_heard(page, say, other, seq + 3, is_missed=False)
    expect(row).to_contain_text("Urgent")
    for shown in (row, header):
        expect(shown).to_contain_text(f"{subject} now")
        expect(shown).to_contain_text(soon)
        expect(shown).not_to_contain_text("Overdue")


def changed(agent: httpx.Client, path: str, change: dict[str, Any]) -> bool:
    """Whether the change was taken: routing may be changing the ticket, too."""
    version = agent.get(path).headers["ETag"]
    return agent.patch(path, json=change, headers={"If-Match": version}).status_code == 200
