"""A draft survives: a reload, another ticket, a browser that is killed, and the way to another device."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tests.running_desk import RunningDesk
from tests.ui.conftest import FLAGS, PATIENCE_MS, OpenPage, chromium_path, web_url
from tests.ui.test_composer import new_ticket, reply_field

pytestmark = pytest.mark.browser

# Chromium gathers what pages keep for five seconds at most.
KEPT_ON_DISK_MS = 7_000


def until_draft(client: httpx.Client, ticket: dict[str, Any], text: str) -> None:
    """Wait until the server keeps that draft."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        draft = client.get(f"/api/tickets/{ticket['id']}/draft").json()["draft"]
        if draft is not None and draft["text"] == text:
            return
        time.sleep(0.1)
    raise AssertionError(f"the server has no draft {text!r}")


def same_window(context: BrowserContext, path: str) -> Page:
    page = context.new_page()
    page.goto(path)
    return page


def test_drafts_survive_reload_switch_crash_and_the_way_to_another_device(
    desk: RunningDesk, open_page: OpenPage
) -> None:
    """What was typed is there after a reload, another ticket and a page that ended without a word; another device has
    it, too, and of two devices that wrote different things neither loses its own."""
    ticket, other = new_ticket(desk, "Drafts"), new_ticket(desk, "Another")
    path = f"/inbox/open?ticket={ticket['id']}"
    page = open_page(path, desk.agent)
    reply_field(page)
    page.keyboard.press("r")
    page.keyboard.type("Dear Tom, ")
    page.keyboard.press("Control+b")
    page.keyboard.type("not yet")
    page.reload()
    expect(reply_field(page).locator("strong")).to_have_text("not yet")

    page.get_by_role("option").filter(has_text=other["subject"]).click()
    expect(page.get_by_role("heading", level=2, name=other["subject"])).to_be_visible()
    expect(reply_field(page)).to_have_text("")
    page.go_back()
    expect(reply_field(page)).to_have_text("Dear Tom, not yet")
    page.keyboard.press("n")
    page.keyboard.type("he has waited long")
    # Ended by the system: no event of the page's end is sent.
    context = page.context
    page.close(run_before_unload=False)
    page = same_window(context, path)
    note = page.get_by_role("textbox", name="Internal note")
    expect(note).to_have_value("he has waited long")
    page.get_by_role("tab", name="Reply").click()
    expect(reply_field(page)).to_have_text("Dear Tom, not yet")

    reply_field(page).press("Control+End")
    page.keyboard.type("!")
    with desk.client(desk.agent) as agent:
        until_draft(agent, ticket, "Dear Tom, not yet!")
    elsewhere = open_page(path, desk.agent)
    expect(reply_field(elsewhere).locator("strong")).to_contain_text("not yet")
    reply_field(elsewhere).press("Control+End")
    elsewhere.keyboard.type(" But soon.")
    with desk.client(desk.agent) as agent:
        until_draft(agent, ticket, "Dear Tom, not yet! But soon.")

    page.keyboard.type(" Sorry.")
    offer = page.get_by_role("alert").filter(has_text="You wrote another draft elsewhere")
    expect(offer).to_contain_text("But soon.")
    expect(reply_field(page)).to_have_text("Dear Tom, not yet! Sorry.")
    offer.get_by_role("button", name="Keep this one").click()
    with desk.client(desk.agent) as agent:
        until_draft(agent, ticket, "Dear Tom, not yet! Sorry.")


def test_a_draft_survives_a_browser_that_is_killed(desk: RunningDesk, chromium: Browser, tmp_path: Path) -> None:
    """The whole browser ends without a word, while one writes and the network is gone: its next start has the text."""
    ticket = new_ticket(desk, "Killed")
    path = f"/inbox/open?ticket={ticket['id']}"
    with desk_browser(chromium, desk, tmp_path) as context:
        page = same_window(context, path)
        reply_field(page)
        # Nothing reaches the server: what is there afterwards was kept here.
        page.route(re.compile("/draft$"), lambda route: route.abort())
        page.keyboard.press("r")
        page.keyboard.type("Dear Tom, ")
        page.keyboard.press("Control+b")
        page.keyboard.type("not yet")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        page.keyboard.type("he has waited long")
        expect(page.get_by_role("textbox", name="Internal note")).to_have_value("he has waited long")
        # Browsers write what pages keep to the disk some seconds later.
        page.wait_for_timeout(KEPT_ON_DISK_MS)
        killed = kill(tmp_path)
    assert killed > 0
    with desk.client(desk.agent) as agent:
        assert agent.get(f"/api/tickets/{ticket['id']}/draft").json()["draft"] is None
    with desk_browser(chromium, desk, tmp_path) as context:
        page = same_window(context, path)
        expect(page.get_by_role("textbox", name="Internal note")).to_have_value("he has waited long")
        page.get_by_role("tab", name="Reply").click()
        expect(reply_field(page)).to_have_text("Dear Tom, not yet")
        expect(reply_field(page).locator("strong")).to_have_text("not yet")


@contextmanager
def desk_browser(chromium: Browser, desk: RunningDesk, home: Path) -> Iterator[BrowserContext]:
    """A browser of its own that keeps what it knows in `home`, as a person's does, with the agent signed in."""
    context = chromium.browser_type.launch_persistent_context(
        home, executable_path=chromium_path(chromium.browser_type), args=FLAGS, base_url=web_url(desk), locale="en-US"
    )
    context.set_default_timeout(PATIENCE_MS)
    answer = context.request.post(
        "/api/auth/sign-in",
        data={"email": desk.agent.email, "password": desk.agent.password},
        headers={"X-Desk-CSRF": "1", "Origin": desk.url},
    )
    assert answer.ok, answer.text()
    try:
        yield context
    finally:
        with suppress(Error):
            context.close()


def processes(home: Path) -> list[psutil.Process]:
    """Those of the browser that keeps what it knows in `home`."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in part for part in process.info["cmdline"] or ())
    ]


def kill(home: Path) -> int:
    """End the browser at once, with no chance to say anything; returns how many processes it was."""
    ended = processes(home)
    for process in ended:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(ended, timeout=PATIENCE_MS / 1000)
    # What a browser leaves behind that did not end by itself: whose profile it is.
    for lock in home.glob("Singleton*"):
        lock.unlink(missing_ok=True)
    return len(ended)
