"""What an agent makes of a ticket beside answering it, by the keyboard."""

import re
import time
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import PATIENCE_MS, OpenPage
from tests.ui.test_sla import ticket_called

pytestmark = pytest.mark.browser

WIDE = {"width": 1500, "height": 900}


def write(desk: RunningDesk, sender: str, subject: str, text: str) -> None:
    """A mail of that customer, which opens a ticket."""
    mail = EmailMessage()
    mail["From"] = f"Tom Baker <{sender}>"
    mail["To"] = "support@example.com"
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{uuid7()}@example.org>"
    mail.set_content(text)
    with desk.system() as client:
        answer = client.post("/api/ingest/email", content=bytes(mail), headers={"Content-Type": "message/rfc822"})
        assert answer.status_code == 202, answer.text


def change_settings(admin: httpx.Client, path: str, **added: list[Any]) -> None:
    """Add to lists of the organisation's settings; others may be changing them, too."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        answer = admin.get(path)
        body = {
            key: value for key, value in answer.json().items() if key not in {"version", "changed_at", "changed_by"}
        }
        for name, values in added.items():
            body[name] = [*body[name], *values]
        changed = admin.put(path, json=body, headers={"If-Match": answer.headers["ETag"]})
        if changed.status_code != 412:
            assert changed.status_code == 200, changed.text
            return
    raise AssertionError(f"{path} never held still")


def found_by_number(client: httpx.Client, number: int) -> bool:
    answer = client.get("/api/tickets/search", params={"q": f"number:{number}"})
    return bool(answer.json()["items"])


def choose(page: Page, words: str) -> None:
    """Take what is written so of the list that is open."""
    option = page.locator("[data-overlay]").get_by_role("option", name=words, exact=True)
    expect(option).to_be_visible()
    page.keyboard.type(words)
    expect(option).to_be_focused()
    page.keyboard.press("Enter")


def press(page: Page, name: str | re.Pattern[str]) -> None:
    """Press a button of the sheet that is open."""
    button = page.get_by_role("dialog").get_by_role("button", name=name)
    button.focus()
    page.keyboard.press("Enter")


def pick(page: Page, number: int) -> None:
    """Find a ticket by its number."""
    field = page.get_by_role("dialog").get_by_role("combobox", name="Ticket", exact=True)
    expect(field).to_be_visible()
    field.focus()
    page.keyboard.type(f"#{number}")
    expect(page.locator("[data-overlay]").get_by_role("option", name=re.compile(f"#{number} "))).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name=re.compile(f"#{number}$"))).to_be_visible()


def test_fields_that_depend_on_others_are_asked_for(desk: RunningDesk, open_page: OpenPage) -> None:
    """Own fields appear with what they depend on, are refused at their place, and are asked for before a status."""
    mark = uuid7().hex[-12:]
    tag, device, serial, count = (f"{name}_{mark}" for name in ("tag", "device", "serial", "count"))
    is_tagged = {"field": "tags", "is": [tag]}
    is_laser = {"field": f"fields.{device}", "is": ["printer/laser"]}
    laser = {"value": "laser", "labels": {"en": "Laser"}}
    printer = {"value": "printer", "labels": {"en": "Printer"}, "options": [laser]}
    fields = [
        {"key": device, "kind": "choice", "labels": {"en": f"Device {mark}"}, "options": [printer]},
        {"key": serial, "kind": "text", "labels": {"en": f"Serial {mark}"}, "required_if": is_laser},
        {"key": count, "kind": "number", "labels": {"en": f"Count {mark}"}, "maximum": 10},
    ]
    visible = [is_tagged, is_laser, is_tagged]
    with desk.client(desk.admin) as admin:
        shown = [{**field, "visible_if": condition} for field, condition in zip(fields, visible, strict=True)]
        change_settings(admin, "/api/settings/fields", fields=shown)
        asked = {"to": "on_hold", "fields": [f"fields.{count}"]}
        change_settings(admin, "/api/settings/tickets", requirements=[asked])
    subject = f"Fields {mark}"
    desk.make_room()
    write(desk, f"{mark}@example.org", subject, "My printer is broken.")
    with desk.client(desk.agent) as client:
        ticket = ticket_called(client, subject)
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent, viewport=WIDE)
    panel = page.get_by_role("complementary", name="About this ticket")
    expect(panel).to_be_visible()

    page.keyboard.press("t")
    expect(panel.get_by_role("combobox", name="Add a tag")).to_be_focused()
    page.keyboard.type(tag)
    page.keyboard.press("Enter")
    expect(panel.get_by_role("list", name="Tags")).to_have_text(tag)
    # What depends on the tag is there; what depends on the device is not yet.
    box = panel.get_by_role("button", name=re.compile(f"Device {mark}"))
    expect(box).to_be_visible()
    expect(panel.get_by_text(f"Serial {mark}")).to_have_count(0)

    # Asked for before the status: the sheet takes it, and the status is changed with it.
    page.get_by_role("heading", name=subject).click()
    page.keyboard.press("s")
    choose(page, "On hold")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("Before it is “On hold”")
    sheet.get_by_role("textbox", name=f"Count {mark}").focus()
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    press(page, "Save and go on")
    # What is refused is said where it was given, and nothing of it is lost.
    expect(sheet.get_by_role("alert").filter(has_text="This is outside of what is allowed.")).to_be_visible()
    field = sheet.get_by_role("textbox", name=f"Count {mark}")
    expect(field).to_have_value("12")
    field.fill("7")
    page.keyboard.press("Enter")
    press(page, "Save and go on")
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Status"))).to_contain_text("On hold")

    # A choice by which another field has to be filled in is kept together with it.
    box.focus()
    page.keyboard.press("Enter")
    choose(page, "Printer › Laser")
    sheet.get_by_role("textbox", name=f"Serial {mark}").focus()
    page.keyboard.type("SN 42")
    page.keyboard.press("Enter")
    press(page, "Save and go on")
    expect(panel.get_by_role("textbox", name=re.compile(f"Serial {mark}"))).to_have_value("SN 42")
    with desk.client(desk.agent) as client:
        kept = client.get(f"/api/tickets/{ticket['id']}").json()["fields"]
    assert kept == {device: "printer/laser", serial: "SN 42", count: 7}


def test_merge_link_split_and_snooze(desk: RunningDesk, open_page: OpenPage) -> None:
    """Two tickets are one and two again, what blocks is told, a part becomes its own; somebody quicker is told of."""
    mark = uuid7().hex[-12:]
    first, second = (f"Twin {name} {mark}" for name in ("one", "two"))
    desk.make_room()
    for subject in (first, second):
        write(desk, f"{mark}@example.org", subject, "Hello, where is my order?")
    with desk.client(desk.agent) as client:
        ticket, other = (ticket_called(client, subject) for subject in (first, second))
        numbers = sorted((ticket["number"], other["number"]))
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not found_by_number(client, other["number"]):
            assert time.monotonic() < deadline, "the search never found the ticket"
            time.sleep(0.1)
    page = open_page(f"/inbox/open?ticket={ticket['id']}", desk.agent, viewport=WIDE)
    panel = page.get_by_role("complementary", name="About this ticket")
    heading = page.get_by_role("heading", name=first)
    sheet = page.get_by_role("dialog")
    expect(heading).to_be_visible()
    expect(panel).to_contain_text("Not linked to other tickets")

    # Somebody else is quicker with the very same: told what is true now.
    def overtake(route: Route) -> None:
        with desk.client(desk.admin) as admin:
            path = f"/api/tickets/{ticket['id']}"
            version = admin.get(path).headers["ETag"]
            admin.patch(path, json={"priority": "urgent"}, headers={"If-Match": version}).raise_for_status()
        route.continue_()

    page.route(
        f"**/api/tickets/{ticket['id']}",
        lambda route: overtake(route) if route.request.method == "PATCH" else route.continue_(),
    )
    page.keyboard.press("p")
    choose(page, "High")
    expect(page.get_by_role("alert").filter(has_text="Now it is: Priority: Urgent.")).to_be_visible()
    page.unroute_all()
    heading.click()
    page.keyboard.press("p")
    choose(page, "Low")
    expect(panel.get_by_role("button", name=re.compile("Priority"))).to_contain_text("Low")

    # Put off, and followed.
    heading.click()
    page.keyboard.press("z")
    expect(sheet).to_contain_text("In 3 hours")
    press(page, re.compile("In 3 hours"))
    expect(page.get_by_role("button", name=re.compile("Sleeps until"))).to_be_visible()
    expect(sheet).to_have_count(0)
    heading.click()
    page.keyboard.press("f")
    expect(panel.get_by_role("button", name="Unfollow")).to_be_visible()

    # Merged with a look at both, and taken back.
    page.keyboard.press("u")
    pick(page, other["number"])
    press(page, f"Merge #{numbers[1]} into #{numbers[0]}")
    expect(sheet).to_contain_text(f"#{numbers[1]} is now part of #{numbers[0]}.")
    press(page, "Undo")
    expect(sheet).to_contain_text(f"#{numbers[1]} is on its own again.")
    press(page, "Close")
    expect(sheet).to_have_count(0)

    # What happened stands in its history; who asks has other tickets.
    for key, tab in (("h", "History"), ("c", "Customer")):
        heading.click()
        page.keyboard.press(key)
        expect(panel.get_by_role("tab", name=tab)).to_be_focused()
    expect(panel).to_contain_text(second)

    # Linked as a child that blocks: it has to be solved first.
    heading.click()
    page.keyboard.press("l")
    pick(page, other["number"])
    sheet.get_by_label("The other ticket is the …").select_option("child")
    sheet.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    press(page, "Link")
    expect(sheet).to_have_count(0)
    expect(panel.get_by_role("link", name=re.compile(second))).to_be_visible()
    heading.click()
    page.keyboard.press("e")
    expect(page.get_by_role("alert").filter(has_text="1 child ticket has to be solved first")).to_be_visible()

    # A message becomes a ticket of its own.
    page.get_by_role("button", name="More", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Split")
    page.keyboard.press("Enter")
    sheet.get_by_label("Subject").focus()
    page.keyboard.type(f"Apart {mark}")
    page.keyboard.press("Enter")
    expect(sheet).to_contain_text(re.compile(r"Ticket #\d+ was opened"))
    press(page, "Close")
    expect(sheet).to_have_count(0)


def test_what_a_signature_is_worth_is_said_at_the_message(desk: RunningDesk, open_page: OpenPage) -> None:
    """A badge in words; pressed, it says what follows from it and what does not. Mail without has none."""
    subject = f"Signed {uuid7()}"
    desk.make_room()
    write(desk, f"{uuid7().hex}@example.org", subject, "Please change my address.")
    with desk.client(desk.agent) as client:
        ticket = ticket_called(client, subject)
    page = open_page("/inbox/open", desk.agent, viewport=WIDE)
    security: dict[str, Any] = {"scheme": "pgp", "encrypted": True, "decrypted": True, "signature": "wrong_address"}
    security |= {"signer": "mallory@example.net", "fingerprint": "AB12CD34"}

    def say(route: Route) -> None:
        answer = route.fetch()
        thread = answer.json()
        for message in thread["items"]:
            message["security"] = security or None
        route.fulfill(response=answer, json=thread)

    page.route(re.compile(f"/api/tickets/{ticket['id']}/messages"), say)
    page.goto(f"/inbox/open?ticket={ticket['id']}")
    badge = page.get_by_role("article").get_by_role("button", name="Signed by another address")
    expect(badge).to_contain_text("Decrypted")
    badge.focus()
    page.keyboard.press("Enter")
    details = page.get_by_role("dialog", name="OpenPGP")
    expect(details).to_contain_text("but of another address than the one this mail is from")
    expect(details).to_contain_text("Customers do not see what was decrypted")
    expect(details).to_contain_text("mallory@example.net")
    security.clear()
    page.reload()
    expect(page.get_by_role("article")).to_contain_text("Please change my address.")
    expect(badge).to_have_count(0)
