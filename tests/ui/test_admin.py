"""What an administrator sets up is there for those who work with it."""

import pytest
from playwright.sync_api import expect

from shared.ids import uuid7
from tests.running_desk import Login, RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_accessibility import AXE, RULES

pytestmark = pytest.mark.browser

WIDE = {"width": 1280, "height": 900}


def open_ticket(desk: RunningDesk) -> dict[str, str]:
    with desk.client(desk.admin) as admin:
        body = {
            "requester": {"email": f"{uuid7()}@example.org", "name": "Ana Silva"},
            "subject": f"Lamp {uuid7()}",
            "text": "The glass is cracked.",
        }
        made = admin.post("/api/tickets", json=body)
        assert made.status_code == 201, made.text
        ticket: dict[str, str] = made.json()
        return ticket


def test_a_status_of_ones_own_is_offered_to_an_agent(desk: RunningDesk, open_page: OpenPage) -> None:
    name, key = f"Parts {uuid7().hex[-6:]}", f"parts_{uuid7().hex[-6:]}"
    page = open_page("/admin/workflow", desk.admin, viewport=WIDE)
    page.get_by_role("button", name="Add status").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Name in English").fill(name)
    sheet.get_by_label("Key").fill(key)
    sheet.get_by_label("Category").select_option("on_hold")
    sheet.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Save").click()
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)

    with desk.client(desk.agent) as agent:
        offered = agent.get("/api/settings/tickets").json()["statuses"]
    assert [each["labels"] for each in offered if each["key"] == key and each["active"]] == [{"en": name}]

    # Taken away again: nobody has it, and the page says so before.
    page.get_by_role("button", name=f"Remove {name}").click()
    page.get_by_role("button", name="Save").click()
    expect(sheet).to_contain_text(f"{name} goes")
    expect(sheet).to_contain_text("0 tickets have it")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)


def test_a_macro_that_was_made_can_be_tried_and_applied(desk: RunningDesk, open_page: OpenPage) -> None:
    name, ticket = f"Late {uuid7()}", open_ticket(desk)
    page = open_page("/admin/macros", desk.login("supervisor"), viewport=WIDE)
    page.get_by_role("button", name="New macro").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Name", exact=True).fill(name)
    sheet.get_by_label("Priority").select_option("high")
    sheet.get_by_label("Add tags").fill("late, parcel")
    sheet.get_by_label("Text in English").fill("Hello {{ customer.first_name }}, we are sorry.")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)

    page.get_by_role("button", name=f"Try {name} on a ticket").click()
    sheet.get_by_label("Number of the ticket").fill(str(ticket["number"]))
    sheet.get_by_role("button", name="Try on a ticket").click()
    expect(sheet).to_contain_text("Hello Ana, we are sorry.")
    expect(sheet.get_by_role("row", name="priority normal high")).to_be_visible()

    with desk.client(desk.agent) as agent:
        macro = next(each for each in agent.get("/api/macros", params={"q": name}).json()["items"])
        path = f"/api/tickets/{ticket['id']}"
        for _ in range(20):
            version = agent.get(path).headers["ETag"]
            applied = agent.post(f"{path}/macro", json={"macro_id": macro["id"]}, headers={"If-Match": version})
            if applied.status_code != 412:
                break
        assert applied.status_code == 200, applied.text
        after = agent.get(path).json()
        assert (after["priority"], sorted(after["tags"])) == ("high", ["late", "parcel"])


def test_an_account_that_was_made_can_sign_in_until_it_is_switched_off(desk: RunningDesk, open_page: OpenPage) -> None:
    login = Login(f"{uuid7()}@example.com", f"secret {uuid7()}")
    page = open_page("/admin/accounts", desk.admin, viewport=WIDE)
    page.get_by_role("button", name="Add account").click()
    sheet = page.get_by_role("dialog")
    name = f"Ada {uuid7().hex[-6:]}"
    for label, text in (("Name", name), ("E-mail", login.email), ("Password", login.password)):
        sheet.get_by_label(label).first.fill(text)
    sheet.get_by_label("Role").select_option("agent")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text=login.email)).to_contain_text("Agent")
    with desk.client(login) as agent:
        assert agent.get("/api/auth/session").json()["name"] == name

    # An agent sees honestly that this is not for them.
    theirs = open_page("/admin/accounts", login, viewport=WIDE)
    expect(theirs.get_by_text("This is for administrators.")).to_be_visible()

    page.get_by_role("button", name=f"Edit {name}").click()
    sheet.get_by_label("May sign in").uncheck()
    sheet.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text=login.email)).to_have_count(0)
    with pytest.raises(AssertionError), desk.client(login):
        pass


def test_the_administration_is_laid_out_for_everybody(desk: RunningDesk, open_page: OpenPage) -> None:
    """In Arabic, in the dark and at 390 px: no violation, no sideways scroll."""
    page = open_page("/team", desk.admin, color_scheme="dark", locale="ar-EG", viewport={"width": 390, "height": 844})
    for path in ("/team", "/admin/accounts", "/admin/workflow", "/admin/macros"):
        page.goto(path)
        expect(page.get_by_role("heading", level=2).last).to_be_visible()
        expect(page.get_by_role("table").or_(page.get_by_role("listitem")).first).to_be_visible()
        page.evaluate(AXE.read_text())
        violations = page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"]
        assert [(path, each["id"], [node["html"] for node in each["nodes"]]) for each in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
