"""What happens elsewhere shows here: who is at a ticket, what concerns one, and what was missed while away."""

import re

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from shared.ids import uuid7
from tests.e2e.story import eventually
from tests.running_desk import RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_inbox import hand_in

pytestmark = pytest.mark.browser


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
