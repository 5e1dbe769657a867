"""What an administrator sets up is there for those who work with it."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from shared.ids import uuid7
from tests.running_desk import Login, RunningDesk
from tests.ui.conftest import PATIENCE_MS, OpenPage
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

    page.get_by_role("button", name=f"Try on a ticket: {name}").click()
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


def retire(desk: RunningDesk, mark: str) -> None:
    """Fields and forms of this test are nobody's any more."""
    with desk.client(desk.admin) as admin:
        while True:
            answer = admin.get("/api/settings/fields")
            fields, forms = answer.json()["fields"], answer.json()["forms"]
            for field in fields:
                if mark in field["key"]:
                    field.update(active=False, customers="hidden", required_if=None, visible_if=None)
            body = {"fields": fields, "forms": [form for form in forms if mark not in form["key"]]}
            changed = admin.put("/api/settings/fields", json=body, headers={"If-Match": answer.headers["ETag"]})
            if changed.status_code != 412:
                assert changed.status_code == 200, changed.text
                return


def until_asked(page: Page, label: str) -> None:
    """Wait until visitors' form has the field: it is told of by an event."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while page.get_by_label(label).count() == 0:
        assert time.monotonic() < deadline, page.content()
        time.sleep(0.3)
        page.reload()


def test_fields_of_ones_own_are_made_ordered_and_asked_for(desk: RunningDesk, open_page: OpenPage) -> None:
    """A choice that customers fill in, and a field that is asked for upon it: an agent sees them on a ticket, a visitor
    on the form. What the server refuses stands at its field, and what somebody else changed is not written over."""
    mark = uuid7().hex[-8:]
    device, serial = f"Device {mark}", f"Serial {mark}"
    page = open_page("/admin/fields", desk.admin, viewport=WIDE)
    sheet = page.get_by_role("dialog")

    def begin(name: str, key: str) -> None:
        page.get_by_role("button", name="Add field").click()
        sheet.get_by_label("Name in English").fill(name)
        sheet.get_by_label(re.compile("^Key")).first.fill(key)

    try:
        begin(device, f"device_{mark}")
        sheet.get_by_label(re.compile("^Kind")).select_option("choice")
        sheet.get_by_role("button", name="Add choice").click()
        sheet.get_by_label("Choice 1 in English").fill("Printer")
        sheet.get_by_role("button", name="Divide Printer further").click()
        sheet.get_by_label("Choice 1.1 in English").fill("Laser jet")
        sheet.get_by_role("button", name="Add choice").click()
        sheet.get_by_label("Choice 2 in English").fill("Phone")
        sheet.get_by_label("Names in").select_option("de")
        sheet.get_by_label("Choice 1 in Deutsch").fill("Drucker")
        sheet.get_by_label("Customers").select_option("write")
        sheet.get_by_role("button", name="Apply").click()

        begin(serial, f"serial_{mark}")
        for title in ("Shown", "Required"):
            mode = page.get_by_role("combobox", name=title, exact=True)
            rule = sheet.get_by_role("group").filter(has=mode)
            mode.select_option("when")
            rule.get_by_label("Field of condition 1").select_option(f"fields.device_{mark}")
            if title == "Shown":
                sheet.get_by_role("button", name="Apply").click()
                expect(rule.get_by_role("alert")).to_have_text("Choose a value for each condition.")
            rule.get_by_role("checkbox", name="Printer › Laser jet").check()
        sheet.get_by_role("button", name="Apply").click()
        expect(sheet).to_have_count(0)

        # Above what it rests on it means nothing: the server says so, and the page at which field.
        page.get_by_role("button", name=f"Move {serial} up").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("listitem").filter(has_text=serial)).to_contain_text("there is no field")
        page.get_by_role("button", name=f"Move {serial} down").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("not saved yet")).to_have_count(0)
        with desk.client(desk.agent) as agent:
            kept = agent.get("/api/settings/fields").json()["fields"]
        own = {field["key"]: field for field in kept if mark in field["key"]}
        assert list(own) == [f"device_{mark}", f"serial_{mark}"]
        laser = {"field": f"fields.device_{mark}", "is": ["printer/laser_jet"]}
        assert (own[f"serial_{mark}"]["visible_if"], own[f"serial_{mark}"]["required_if"]) == (laser, laser)
        assert own[f"device_{mark}"]["options"][0]["labels"] == {"en": "Printer", "de": "Drucker"}

        # Saved, it stays; it can only be put out of use.
        item = page.get_by_role("listitem").filter(has_text=device)
        expect(item.get_by_role("button", name=f"Edit {device}")).to_be_visible()
        expect(item.get_by_role("button", name=f"Remove {device}")).to_have_count(0)

        ticket = open_ticket(desk)
        work = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent, viewport={"width": 1500, "height": 900})
        panel = work.get_by_role("complementary", name="About this ticket")
        expect(panel.get_by_role("button", name=re.compile(device))).to_be_visible()
        expect(panel.get_by_role("textbox", name=re.compile(serial))).to_have_count(0)
        panel.get_by_role("button", name=re.compile(device)).click()
        work.get_by_role("option", name="Printer › Laser jet").click()
        asked = work.get_by_role("dialog")
        asked.get_by_role("textbox", name=serial).fill("LJ-4711")
        asked.get_by_role("button", name="Save and go on").click()
        expect(panel.get_by_role("textbox", name=f"{serial} (required)")).to_have_value("LJ-4711")

        visitor = open_page(f"{desk.url}/portal/request", desk.agent)
        until_asked(visitor, device)
        expect(visitor.get_by_label(device).get_by_role("option")).to_contain_text(["Printer › Laser jet"])
        expect(visitor.get_by_label(serial)).to_have_count(0)

        # On a form, tickets of other types do not have it.
        page.get_by_role("button", name="Add form").click()
        sheet.get_by_label("Name in English").fill(f"Repair {mark}")
        sheet.get_by_label(re.compile("^Key")).fill(f"repair_{mark}")
        sheet.get_by_role("checkbox", name=device).check()
        sheet.get_by_role("checkbox", name="Billing").check()
        sheet.get_by_role("button", name="Apply").click()
        # Somebody else was quicker: theirs is not written over, and mine is not gone.
        retire(desk, mark)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert").filter(has_text="Somebody else changed this")).to_be_visible()
        expect(page.get_by_text(f"Repair {mark}")).to_be_visible()
        expect(page.get_by_role("button", name="Save")).to_be_disabled()
        page.get_by_role("button", name="Discard mine and show theirs").click()
        expect(page.get_by_text(f"Repair {mark}")).to_have_count(0)
        expect(item).to_contain_text("Not in use")
    finally:
        retire(desk, mark)


def test_the_administration_is_laid_out_for_everybody(desk: RunningDesk, open_page: OpenPage) -> None:
    """In Arabic, in the dark and at 390 px: no violation, no sideways scroll."""
    page = open_page("/team", desk.admin, color_scheme="dark", locale="ar-EG", viewport={"width": 390, "height": 844})
    for path in ("/team", "/admin/accounts", "/admin/workflow", "/admin/fields", "/admin/macros"):
        page.goto(path)
        expect(page.get_by_role("heading", level=2).last).to_be_visible()
        expect(page.get_by_role("table").or_(page.get_by_role("listitem")).first).to_be_visible()
        page.evaluate(AXE.read_text())
        violations = page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"]
        assert [(path, each["id"], [node["html"] for node in each["nodes"]]) for each in violations] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} scrolls sideways"
