"""An agent's way through one ticket, as she sees it."""

import re
from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import PATIENCE_MS, web_url

pytestmark = pytest.mark.browser


def hand_in(desk: RunningDesk, subject: str, text: str) -> None:
    """A customer's mail, as a mail server would hand it in."""
    mail = EmailMessage()
    mail["From"] = f"Tom Baker <customer-{uuid7()}@example.org>"
    mail["To"] = "support@example.com"
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    mail.set_content(text)
    with desk.system() as client:
        answer = client.post("/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"})
        assert answer.status_code == 202, answer.text


def sign_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_a_ticket_arrives_is_answered_and_leaves(desk: RunningDesk, chromium: Browser) -> None:
    context = chromium.new_context(base_url=web_url(desk), locale="en-US", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    refused: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: refused.append(str(error)))

    page.goto("/")
    sign_in(page, desk.agent.email, "certainly not the password")
    expect(page.get_by_role("alert")).to_have_text("E-mail or password is not right.")
    sign_in(page, desk.agent.email, desk.agent.password)
    expect(page.get_by_role("heading", name="Unassigned")).to_be_visible()
    me = page.evaluate("fetch('/api/auth/session').then((answer) => answer.json())")

    page.get_by_role("link", name="All open").click()
    expect(page.get_by_role("heading", name="All open")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    subject = f"Please help me with order {uuid7()}"
    said = "Hello, where is my order? I have been waiting for it since last week. <b>Thanks</b>!"
    hand_in(desk, subject, said)

    row = page.get_by_role("option").filter(has_text=subject)
    expect(row).to_be_visible()
    # Routing gives it to somebody; before that, two edits at once would race.
    expect(row).not_to_contain_text("Unassigned")
    row.click()
    expect(page.get_by_role("heading", name=subject)).to_be_visible()
    expect(page.get_by_role("article")).to_contain_text(said)
    assignee = page.get_by_role("button", name=re.compile("Assignee"))
    if f"{me['name']} (me)" not in assignee.inner_text():
        page.keyboard.press("a")
    expect(assignee).to_contain_text(f"{me['name']} (me)")

    page.get_by_role("link", name="My tickets").click()
    expect(row).to_be_visible()
    row.click()
    expect(page.get_by_role("article")).to_contain_text(said)
    page.keyboard.press("r")
    page.keyboard.type("Dear Tom, it is on its way.")
    page.keyboard.press("Control+Enter")

    reply = page.get_by_role("article").filter(has_text="Dear Tom, it is on its way.")
    expect(reply).to_be_visible()
    expect(reply).to_contain_text(me["name"])
    expect(page.get_by_label("Reply", exact=True).and_(page.get_by_role("textbox"))).to_have_text("")
    expect(page.get_by_role("button", name=re.compile("Status"))).to_contain_text("Pending")
    expect(row).to_have_count(0)
    expect(reply).to_contain_text("Delivered")

    assert page.evaluate("window.sameDocument"), "it happened without a reload"
    assert refused == []
    context.close()
