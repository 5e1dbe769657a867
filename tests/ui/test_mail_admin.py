"""An administrator's way through mail: a mailbox that does not connect, quarantine, and accounts that agree."""

import time
from email.message import EmailMessage

import pytest
from playwright.sync_api import Page, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import PATIENCE_MS, OpenPage
from tests.ui.test_accessibility import AXE, RULES

pytestmark = pytest.mark.browser

SECTIONS = ("mailboxes", "reconciliation", "quarantine", "suppressions")


def hand_in_forged(desk: RunningDesk, subject: str) -> None:
    """A mail that claims to come from the desk's own address: no rule lets it in."""
    mail = EmailMessage()
    mail["From"] = "support@desk.example"
    mail["To"] = "support@desk.example"
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    mail.set_content("Please read this. <script>document.title = 'caught'</script>")
    with desk.system() as client:
        answer = client.post("/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"})
        assert answer.status_code == 202, answer.text


def tab_to(page: Page, name: str) -> None:
    """Go to the control of that name with the Tab key alone."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(name) => document.activeElement.textContent.trim() === name", name):
            return
    raise AssertionError(f"{name} is not reached by the Tab key")


def test_a_mailbox_that_does_not_connect_says_why(desk: RunningDesk, open_page: OpenPage) -> None:
    """By the keyboard alone, from the front page on."""
    address = f"help@{uuid7().hex}.example"
    page = open_page("/", desk.admin, viewport={"width": 1280, "height": 800})
    expect(page.get_by_role("heading", name="Unassigned")).to_be_visible()
    tab_to(page, "Administration")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Accounts")).to_be_visible()
    tab_to(page, "Mailboxes")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Mailboxes")).to_be_visible()
    tab_to(page, "Add mailbox")
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_be_visible()
    sheet.get_by_label("Address").focus()
    page.keyboard.type(address)
    for label, text in (("Server", "127.0.0.1"), ("Port", "1"), ("User", "help"), ("Password", "secret")):
        sheet.get_by_label(label, exact=True).focus()
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
    sheet.get_by_label("Security").select_option("none")
    page.keyboard.press("Tab")
    tab_to(page, "Save")
    page.keyboard.press("Enter")
    expect(sheet).to_have_count(0)

    item = page.get_by_role("listitem").filter(has_text=address)
    expect(item).to_contain_text("Not working")
    item.get_by_role("button", name="Check connection").click()
    expect(item.get_by_role("status")).to_contain_text("Receiving (IMAP): ")

    # Its secret is not shown again, and survives a change of something else.
    item.get_by_role("button", name="Edit").click()
    expect(sheet.locator("input[name=password]")).to_have_value("")
    expect(sheet.get_by_text("It is stored.")).to_be_visible()
    page.keyboard.press("Escape")
    item.get_by_role("button", name="Switch off").click()
    expect(item).to_contain_text("Switched off")
    item.get_by_role("button", name="Delete").click()
    sheet.get_by_role("button", name="Delete").click()
    expect(item).to_have_count(0)


def test_a_forged_mail_waits_is_looked_at_and_let_in(desk: RunningDesk, open_page: OpenPage) -> None:
    subject = f"Forged {uuid7()}"
    hand_in_forged(desk, subject)
    page = open_page("/admin/mail/quarantine", desk.admin, viewport={"width": 1280, "height": 800})
    page.get_by_label("Subject or sender").fill(subject)
    page.keyboard.press("Enter")
    row = page.get_by_role("row").filter(has_text=subject)
    # It may not be read yet when the list is.
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not row.is_visible() and time.monotonic() < deadline:
        page.reload()
        page.get_by_role("button", name="Let in").or_(page.get_by_text("No mail fits")).first.wait_for()
    expect(row).to_contain_text("Claims to come from our own address")
    assert "q=Forged" in page.url

    row.get_by_role("button", name=subject).click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("<script>")
    assert "mail=" in page.url
    sheet.get_by_text("Header lines").click()
    expect(sheet).to_contain_text("Message-ID:")
    sheet.get_by_role("button", name="Let in").click()
    expect(sheet).to_have_count(0)
    expect(row).to_have_count(0)
    assert "Quarantine" in page.title()

    page.get_by_role("link", name="Reconciliation").click()
    expect(page.get_by_role("status").filter(has_text="Balanced")).to_be_visible()
    total = page.get_by_role("row").filter(has_text="All mailboxes")
    expect(total).to_contain_text("Balanced")
    page.get_by_role("link", name="Tickets").click()
    page.get_by_role("link", name="All open").click()
    expect(page.get_by_role("option").filter(has_text=subject)).to_be_visible()


def test_an_address_is_left_alone_and_freed_again(desk: RunningDesk, open_page: OpenPage) -> None:
    address = f"ana@{uuid7().hex}.example"
    page = open_page("/admin/mail/suppressions", desk.admin)
    page.get_by_role("textbox", name="Address").fill(address)
    page.get_by_label("Note").fill("asked by phone")
    page.get_by_role("button", name="Suppress").click()
    row = page.get_by_role("row").filter(has_text=address)
    expect(row).to_contain_text("asked by phone")
    row.get_by_role("button").click()
    expect(row).to_have_count(0)


def test_agents_have_no_such_page(desk: RunningDesk, open_page: OpenPage) -> None:
    page = open_page("/admin/mail", desk.agent)
    expect(page.get_by_text("You are not allowed to see this")).to_be_visible()
    expect(page.get_by_role("link", name="Administration", exact=True)).to_have_count(0)


@pytest.mark.parametrize(("theme", "locale"), [("light", "en"), ("dark", "ar")])
def test_the_sections_have_no_violations(desk: RunningDesk, open_page: OpenPage, theme: str, locale: str) -> None:
    """With a mail in quarantine, wide and narrow, and in the sheet of a mailbox."""
    hand_in_forged(desk, f"Forged {uuid7()}")
    page = open_page(
        "/admin/mail/mailboxes",
        desk.admin,
        color_scheme=theme,
        locale={"en": "en-US", "ar": "ar-EG"}[locale],
        viewport={"width": 390 if theme == "dark" else 1280, "height": 800},
    )
    found = []
    # Before that, the only navigation is that of the whole desk.
    expect(page.get_by_role("main").get_by_role("heading", level=2)).to_be_visible()
    page.evaluate(AXE.read_text())
    for section in SECTIONS:
        page.locator(f"nav a[href$='/admin/mail/{section}']").click()
        page.wait_for_url(f"**/admin/mail/{section}")
        expect(page.get_by_role("main").get_by_role("heading", level=2)).to_be_visible()
        expect(page.locator(".shimmer")).to_have_count(0)
        found += page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"
    page.locator("nav a[href$='/admin/mail/mailboxes']").click()
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    found += page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
