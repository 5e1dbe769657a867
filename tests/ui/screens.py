"""`make screens`: takes the pictures of `docs/screens` from a desk of its own, after a morning's messages.

`python -m tests.ui.screens NAME …` takes some of them. Whoever changes a screen takes its picture
anew, and looks at it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from shared.ids import uuid7
from tests.running_desk import ROOT, RunningDesk
from tests.ui.conftest import FLAGS, PATIENCE_MS, chromium_path, web_url

SCREENS = ROOT / "docs" / "screens"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LOCALES = {"en": "en-GB", "ar": "ar-EG", "hi": "hi-IN"}
MESSAGES = 70
# The ticket that is shown opened.
TALKED_OVER = "delivered but nothing"

LAMPS = [
    {"value": "desk", "labels": {"en": "Desk lamp", "ar": "مصباح مكتب"}},
    {"value": "floor", "labels": {"en": "Floor lamp", "ar": "مصباح أرضي"}},
]
A_CHARGER = {"field": "fields.product", "is": ["charger"]}
# What a shop that sells lamps asks for.
FIELDS: list[dict[str, Any]] = [
    {"key": "order_number", "kind": "text", "labels": {"en": "Order number"}, "customers": "write", "filterable": True},
    {
        "key": "product",
        "kind": "choice",
        "labels": {"en": "Product", "ar": "المنتج"},
        "customers": "write",
        "options": [
            {"value": "lamp", "labels": {"en": "Lamp", "ar": "مصباح"}, "options": LAMPS},
            {"value": "charger", "labels": {"en": "Charger", "ar": "شاحن"}},
        ],
    },
    {
        "key": "serial_number",
        "kind": "text",
        "labels": {"en": "Serial number", "ar": "الرقم التسلسلي"},
        "customers": "write",
        "max_length": 40,
        "visible_if": A_CHARGER,
        "required_if": {"all": [A_CHARGER, {"field": "status", "is": ["solved"]}]},
    },
    {"key": "bought_on", "kind": "date", "labels": {"en": "Bought on"}, "customers": "read"},
    {
        "key": "refund",
        "kind": "money",
        "labels": {"en": "Refund"},
        "currencies": ["EUR", "GBP"],
        "visible_if": {"field": "type", "is": ["billing"]},
    },
    {"key": "carrier", "kind": "text", "labels": {"en": "Carrier"}, "active": False},
]
FORMS: list[dict[str, Any]] = [
    {
        "key": "repair",
        "labels": {"en": "Repair", "ar": "إصلاح"},
        "fields": ["product", "serial_number"],
        "types": ["technical"],
    },
    {"key": "money_back", "labels": {"en": "Money back"}, "fields": ["order_number", "refund"], "types": ["billing"]},
]


@dataclass(frozen=True)
class Screen:
    """A picture: of what, as whom, and how the browser is set."""

    name: str
    show: Callable[[Page], None]
    role: str = "agent"
    theme: str = "light"
    locale: str = "en"
    narrow: bool = False


def look(path: str) -> Callable[[Page], None]:
    """A page as it opens."""
    return lambda page: _ready(page, path)


def _ready(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.get_by_role("main").or_(page.locator("body > form")).first).to_be_visible()
    expect(page.locator(".shimmer")).to_have_count(0)


def inbox(page: Page) -> None:
    """The list, with the ticket that has a conversation opened."""
    answer = page.request.get("/api/tickets/search", params={"q": f'"{TALKED_OVER}"'})
    _ready(page, f"/inbox/open?ticket={answer.json()['items'][0]['ticket']['id']}")
    expect(page.get_by_role("article").first).to_be_visible()
    expect(page.locator(".shimmer")).to_have_count(0)


def palette(page: Page) -> None:
    """The palette above the list."""
    inbox(page)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()


PICTURES = (
    Screen("inbox", inbox),
    Screen("inbox-dark", inbox, theme="dark"),
    Screen("inbox-arabic", inbox, locale="ar"),
    Screen("inbox-hindi", inbox, locale="hi"),
    Screen("inbox-390", look("/inbox/open"), narrow=True),
    Screen("ticket-390", inbox, narrow=True, theme="dark"),
    Screen("palette", palette),
    Screen("ticket-new", look("/tickets/new")),
    Screen("reports", look("/reports/overview"), role="supervisor"),
    Screen("reports-dark", look("/reports/overview"), role="supervisor", theme="dark"),
    Screen("reports-arabic", look("/reports/overview"), role="supervisor", locale="ar"),
    Screen("reports-390", look("/reports/overview"), role="supervisor", narrow=True),
    Screen("team", look("/team"), role="supervisor"),
    Screen("admin-accounts", look("/admin/accounts"), role="admin"),
    Screen("admin-fields", look("/admin/fields"), role="admin"),
    Screen("admin-statuses-dark", look("/admin/workflow"), role="admin", theme="dark"),
    Screen("mail-reconciliation", look("/admin/mail/reconciliation"), role="admin"),
    Screen("mail-quarantine-390", look("/admin/mail/quarantine"), role="admin", narrow=True),
    Screen("portal-request-390", look("/portal/request?form=repair"), narrow=True),
    Screen("portal-request-arabic", look("/portal/request?form=repair"), locale="ar"),
)


def a_morning(desk: RunningDesk) -> None:
    """Customers write in many languages; agents answer some, and leave a note."""
    environment = {**os.environ, "DESK_HOME": str(desk.home)}
    play = [sys.executable, "-m", "desk", "demo", "--messages", str(MESSAGES), "--rate", "20", "--url", desk.url]
    subprocess.run(play, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    with desk.client(desk.agent) as agent:
        rows = agent.get("/api/tickets", params={"limit": 100}).json()["items"]
        for place, row in enumerate(rows):
            if TALKED_OVER in row["subject"]:
                _converse(agent, row["id"])
            elif place % 4 == 0:
                _write(agent, row["id"], "replies", {"text": "We look into it, and write again today."})
            elif place % 9 == 0:
                _write(agent, row["id"], "replies", {"text": "This is done now.", "status": "solved"})


def set_up(desk: RunningDesk) -> None:
    """The organisation has fields and forms of its own."""
    with desk.client(desk.admin) as admin:
        version = admin.get("/api/settings/fields").headers["ETag"]
        body = {"fields": FIELDS, "forms": FORMS}
        answer = admin.put("/api/settings/fields", json=body, headers={"If-Match": version})
        assert answer.is_success, answer.text


def _converse(agent: httpx.Client, ticket: str) -> None:
    _write(agent, ticket, "notes", {"text": "The carrier has a photo of another door. I asked them to look again."})
    said = "Good morning! The carrier left it at the wrong door; they bring it tomorrow between 9 and 12."
    _write(agent, ticket, "replies", {"text": said, "status": "open"})


def _write(agent: httpx.Client, ticket: str, kind: str, body: dict[str, Any]) -> None:
    path = f"/api/tickets/{ticket}/{kind}"
    answer = agent.post(path, json=body, headers={"Idempotency-Key": str(uuid7())})
    assert answer.is_success, answer.text


def take(browser: Browser, desk: RunningDesk, screen: Screen) -> None:
    """Take one picture."""
    context = browser.new_context(
        base_url=web_url(desk),
        locale=LOCALES[screen.locale],
        color_scheme=screen.theme,
        viewport=NARROW if screen.narrow else WIDE,
        timezone_id="Europe/London",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    login = desk.login(screen.role)
    answer = context.request.post(
        "/api/auth/sign-in",
        data={"email": login.email, "password": login.password},
        headers={"X-Desk-CSRF": "1", "Origin": desk.url},
    )
    assert answer.ok, answer.text()
    page = context.new_page()
    screen.show(page)
    # Charts and pictures draw themselves after the page.
    page.wait_for_load_state("networkidle")
    page.screenshot(path=SCREENS / f"{screen.name}.png")
    context.close()


def main(names: list[str]) -> None:
    """Take all pictures, or those that are named."""
    if unknown := set(names) - {screen.name for screen in PICTURES}:
        sys.exit(
            f"There is no picture of {', '.join(sorted(unknown))}; there are: {', '.join(s.name for s in PICTURES)}"
        )
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        desk = RunningDesk(Path(home) / "home")
        desk.start()
        try:
            desk.make_room(40)
            set_up(desk)
            a_morning(desk)
            browser = playwright.chromium.launch(executable_path=chromium_path(playwright.chromium), args=FLAGS)
            for screen in PICTURES:
                if not names or screen.name in names:
                    take(browser, desk, screen)
            browser.close()
        finally:
            desk.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
