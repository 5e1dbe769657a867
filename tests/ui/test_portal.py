"""A customer without an account, and most of the way without JavaScript: writes, reads, answers, and is done."""

import email
import email.policy
import re
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import PATIENCE_MS
from tests.ui.test_accessibility import AXE, RULES

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser, desk: RunningDesk) -> Iterator[Visit]:
    """Opens a page as somebody whom nobody knows."""
    contexts: list[BrowserContext] = []

    def open_(path: str, **context: Any) -> Page:
        contexts.append(chromium.new_context(base_url=desk.url, **{"locale": "en-US", **context}))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        page = contexts[-1].new_page()
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()


def by_keyboard(page: Page, name: str, typed: str | None = None) -> None:
    """Go to what is called so with the Tab key alone, and type; without a text, press Enter."""
    named = page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name))
    wanted = named if typed is None else page.get_by_label(name)
    for _ in range(40):
        page.keyboard.press("Tab")
        if wanted.first.evaluate("(node) => node === document.activeElement"):
            break
    else:
        raise AssertionError(f"{name} is not reached by the Tab key")
    page.keyboard.press("Enter") if typed is None else page.keyboard.type(typed)


def send(page: Page) -> None:
    """Send the form; what comes sooner than a person writes is shown again, with everything in it."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        with page.expect_navigation():
            by_keyboard(page, "Send")
        if "/portal/sent" in page.url:
            return
    raise AssertionError(page.content())


def arrived(page: Page, wanted: Locator) -> Locator:
    """What is on the page, or on it once it is loaded again: these pages do not change by themselves."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not wanted.first.is_visible():
        assert time.monotonic() < deadline, page.content()
        time.sleep(0.2)
        page.reload()
    return wanted


def mails_to(desk: RunningDesk, address: str) -> list[EmailMessage]:
    found = []
    for path in (desk.home / "outgoing").glob("*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if address in str(mail["To"]):
            found.append(mail)
    return found


def mailed_link(desk: RunningDesk, address: str, saying: str) -> str:
    """The portal's link in the mail to this address that says so."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        for mail in mails_to(desk, address):
            body = mail.get_body(("plain",))
            assert body is not None
            if saying in body.get_content():
                link = re.search(r"/portal/ticket\?link=\S+", body.get_content())
                assert link is not None, body.get_content()
                return link[0]
        time.sleep(0.2)
    raise AssertionError(f"no mail to {address} says {saying}")


def ticket_id_of(agent: httpx.Client, number: str) -> str:
    """The ticket of this number, among the newest that came by the form."""
    listed = agent.get("/api/tickets", params={"channel": "form", "limit": 100}).raise_for_status().json()["items"]
    return next(str(each["id"]) for each in listed if str(each["number"]) == number)


def test_by_keyboard_without_javascript_from_a_request_to_its_end(desk: RunningDesk, visit: Visit) -> None:
    """Submit, read, answer, solve, and open again. Check 25: it needs neither a mouse nor a script."""
    address = f"ana-{uuid7().hex}@example.org"
    page = visit("/portal/request", java_script_enabled=False, viewport={"width": 320, "height": 700})
    by_keyboard(page, "Your name", "Ana Duarte")
    by_keyboard(page, "Subject", "My parcel")
    by_keyboard(page, "Your message", "It has not come. <script>document.title = 'caught'</script>")
    by_keyboard(page, "Send")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This was not sent yet")
    expect(page.get_by_label("Your e-mail address")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Your e-mail address")).to_have_accessible_description("Please fill this in.")
    expect(page.get_by_label("Your message")).to_have_value(re.compile("It has not come"))
    by_keyboard(page, "Your e-mail address", address)
    page.get_by_label("Files").set_input_files({"name": "label.txt", "mimeType": "text/plain", "buffer": b"A label"})
    send(page)
    expect(page.get_by_role("heading", name="We have your message")).to_be_visible()
    number = arrived(page, page.get_by_text(re.compile(r"^#\d+$"))).inner_text().removeprefix("#")
    by_keyboard(page, "Follow your request")
    arrived(page, page.get_by_role("heading", name="My parcel"))
    expect(page.get_by_role("article")).to_contain_text("<script>document.title = 'caught'</script>")

    with desk.client(desk.agent) as agent:
        answer = f"It left us this morning {uuid7()}. <img src=x onerror=alert(1)>"
        ticket_id = ticket_id_of(agent, number)
        agent.post(f"/api/tickets/{ticket_id}/notes", json={"text": "She is a difficult one."}).raise_for_status()
        agent.post(f"/api/tickets/{ticket_id}/replies", json={"text": answer}).raise_for_status()

        # Whoever only typed the address in does not read what was answered to its owner.
        page.reload()
        expect(page.get_by_text("Our answers go to your e-mail address")).to_be_visible()
        expect(page.get_by_role("article")).to_have_count(1)

        assert mailed_link(desk, address, "Your request has reached us")
        page.goto(mailed_link(desk, address, answer[:30]))
        replied = page.get_by_role("article").filter(has_text=answer)
        arrived(page, replied)
        expect(page.locator("main img, main script")).to_have_count(0)
        expect(page.get_by_role("main")).not_to_contain_text("difficult")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"

        by_keyboard(page, "Your message", "Thank you, I have it.")
        by_keyboard(page, "Send message")
        expect(page.get_by_role("status")).to_have_text(re.compile(r"Your message (was sent\.|is stored)"))
        arrived(page, page.get_by_role("article").last.filter(has_text="Thank you, I have it."))
        thread = agent.get(f"/api/tickets/{ticket_id}/messages").json()["items"]
        assert [each["kind"] for each in thread] == ["customer", "note", "reply", "customer"]
        assert thread[-1]["author"]["name"] == "Ana Duarte"

        by_keyboard(page, "Mark as solved")
        expect(page.get_by_role("status")).to_have_text("You marked this request as solved.")
        assert agent.get(f"/api/tickets/{ticket_id}").json()["status"] == "solved"
        by_keyboard(page, "Your message", "It is the wrong one!")
        by_keyboard(page, "Send message")
        arrived(page, page.get_by_text("We are working on it"))
        assert agent.get(f"/api/tickets/{ticket_id}").json()["status"] == "open"


@pytest.mark.parametrize(
    ("theme", "locale", "width"),
    [("light", "ar-EG", 1280), ("dark", "en-US", 390), ("light", "en-US", 1280), ("dark", "ar-EG", 320)],
)
def test_the_pages_have_no_violations(desk: RunningDesk, visit: Visit, theme: str, locale: str, width: int) -> None:
    """WCAG 2.2 AA as far as axe sees it, and nothing that the pages' own policy refuses."""
    page = visit("/portal/request", color_scheme=theme, locale=locale, viewport={"width": width, "height": 800})
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None)
    found = []

    def look() -> None:
        page.evaluate(AXE.read_text())
        found.extend(page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"])
        assert page.evaluate("document.documentElement.dir") == ("rtl" if locale.startswith("ar") else "ltr")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"

    look()
    page.locator("main form button").click()
    expect(page.get_by_role("alert")).to_be_focused()
    look()
    page.locator("#email").fill(f"{uuid7().hex}@example.org")
    page.locator("#subject").fill("عنوان Mixed 123")
    page.locator("#text").fill("Hello مرحبا")
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while "/portal/sent" not in page.url:
        assert time.monotonic() < deadline, page.content()
        with page.expect_navigation():
            page.locator("main form button").click()
    arrived(page, page.locator("main a.button[href^='/portal/ticket']"))
    look()
    page.locator("main a.button").click()
    arrived(page, page.get_by_role("article"))
    look()
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    assert refused == []
