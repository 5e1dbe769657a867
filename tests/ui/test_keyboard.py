"""An agent's whole way by the keyboard."""

import re
import time

import pytest
from playwright.sync_api import Browser, Route, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import PATIENCE_MS, OpenPage, web_url
from tests.ui.test_composer import new_ticket, ticket_named
from tests.ui.test_inbox import hand_in

pytestmark = pytest.mark.browser


def test_two_tickets_are_answered_and_solved_without_the_mouse(desk: RunningDesk, chromium: Browser) -> None:
    """Signing in, finding, opening, replying with Ctrl+Enter, and solving, which opens the next: keys alone do it."""
    mark = f"kite{uuid7().hex}"
    with desk.client(desk.agent) as agent:
        for number in ("first", "second"):
            hand_in(desk, f"The {number} {mark}", "Hello, where is my order?")
        for number in ("first", "second"):
            ticket_named(agent, f"The {number} {mark}")
    context = chromium.new_context(base_url=web_url(desk), locale="en-US", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    # Sent at once: what can be taken back has a test of its own.
    context.add_init_script("localStorage.setItem('desk.undoSeconds', '0')")
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("E-mail").focus()
    page.keyboard.type(desk.agent.email)
    page.keyboard.press("Tab")
    page.keyboard.type(desk.agent.password)
    page.keyboard.press("Enter")

    rows = page.get_by_role("option").filter(has_text=mark)
    expect(page.get_by_role("combobox", name="Search tickets")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(mark)
    page.keyboard.press("Enter")
    expect(rows).to_have_count(2)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    opened = []
    for _ in range(2):
        expect(page.get_by_role("article")).to_contain_text("where is my order?")
        opened.append(page.get_by_role("heading", level=2, name=mark).inner_text())
        page.keyboard.press("r")
        page.keyboard.type("It is on its way.")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("article").filter(has_text="It is on its way.")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("E")
        if len(opened) == 1:
            expect(page.get_by_role("heading", level=2, name=mark)).not_to_have_text(opened[0])
    assert sorted(opened) == [f"The {number} {mark}" for number in ("first", "second")]
    expect(rows.filter(has_text="Solved")).to_have_count(2)
    context.close()


def test_what_is_typed_at_once_is_all_there(desk: RunningDesk, open_page: OpenPage) -> None:
    """`r` and typing at once lose no character, though the editor arrives while one types, in the middle of a line."""
    ticket = new_ticket(desk, "Slow network")
    page = open_page("/inbox/open", desk.agent)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile("reply-editor"), hold)
    page.goto(f"/inbox/open?ticket={ticket['id']}")
    expect(page.get_by_role("article")).to_be_visible()
    field = page.get_by_role("textbox", name="Reply", exact=True)
    editor = page.locator(".ProseMirror")

    page.keyboard.press("r")
    page.keyboard.type("Dear , it is on its way.\n\nYours")
    page.keyboard.press("Control+Home")
    for _ in "Dear ":
        page.keyboard.press("ArrowRight")
    assert held, "the editor is asked for as soon as the ticket is open"
    assert editor.count() == 0
    for route in held:
        route.continue_()
    name = ""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while (editor.count() == 0 and time.monotonic() < deadline) or len(name) < 40:
        name += "abcdefghij"[len(name) % 10]
        page.keyboard.type(name[-1])
    expect(editor).to_be_focused()
    expect(editor.locator("p")).to_have_text([f"Dear {name}, it is on its way.", "Yours"])
    page.keyboard.press("Control+End")
    page.keyboard.type(" truly")
    expect(editor.locator("p").last).to_have_text("Yours truly")
    expect(field).to_have_count(1)
