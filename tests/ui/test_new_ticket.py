"""A ticket that an agent opens by hand, for somebody who called."""

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_ticket_pane import change_settings

pytestmark = pytest.mark.browser

WIDE = {"width": 1500, "height": 900}


def template_and_field(desk: RunningDesk, mark: str) -> tuple[str, str]:
    """A template with all that one can fill in, and a number of the organisation's own that its type asks for."""
    field = {
        "key": f"order_{mark}",
        "kind": "number",
        "labels": {"en": f"Order {mark}"},
        "maximum": 100,
        "visible_if": {"field": "tags", "is": [f"return_{mark}"]},
    }
    with desk.client(desk.admin) as admin:
        change_settings(admin, "/api/settings/fields", fields=[field])
        content = {
            "subject": f"Return {mark}",
            "text": "Why it comes back:",
            "priority": "high",
            "type": "billing",
            "group": "billing",
            "tags": [f"return_{mark}"],
        }
        made = admin.post("/api/tickets/templates", json={"name": f"Return {mark}", "content": content})
        assert made.status_code == 201, made.text
    return f"Return {mark}", f"Order {mark}"


def tab_to(page: Page, name: str) -> None:
    """Go on by the Tab key to the field of that name."""
    for _ in range(40):
        named = page.evaluate(
            "document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent ?? ''"
        )
        if re.match(re.escape(name), named):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {name} by the Tab key")


def test_a_ticket_is_opened_from_a_template_by_the_keyboard(desk: RunningDesk, open_page: OpenPage) -> None:
    """Refused, it says why beside the field and keeps all; once mended it opens, with what the template had."""
    mark = uuid7().hex[-12:]
    template, order = template_and_field(desk, mark)
    desk.make_room()
    page = open_page("/inbox/mine", desk.agent, viewport=WIDE)
    expect(page.get_by_role("button", name="Preferences")).to_be_visible()
    page.keyboard.press("N")
    form = page.get_by_role("main").locator("form")
    choice = form.get_by_label("Template")
    expect(choice).to_be_focused()
    page.keyboard.type(template)
    expect(choice.locator("option:checked")).to_have_text(template)
    text = form.get_by_role("textbox", name="What they said *")
    expect(text).to_have_value("Why it comes back:")
    expect(form.get_by_label("Subject")).to_have_value(f"Return {mark}")
    expect(form.get_by_role("list", name="Tags")).to_have_text(f"return_{mark}")

    # Nobody is named: said at once, nothing is sent.
    page.keyboard.press("Control+Enter")
    requester = form.get_by_role("combobox", name="Requester")
    expect(requester).to_be_focused()
    expect(form).to_contain_text("Say whom the ticket is for.")
    page.keyboard.type(f"ana-{mark}@example.org")
    tab_to(page, "Name")
    page.keyboard.type("Ana Silva")
    tab_to(page, "What they said")
    page.keyboard.press("Control+End")
    page.keyboard.type(" the glass is cracked.")
    tab_to(page, order)
    page.keyboard.type("101")
    page.keyboard.press("Control+Enter")
    number = form.get_by_role("textbox", name=order)
    expect(form.get_by_role("alert").filter(has_text="This is outside of what is allowed.")).to_be_visible()
    expect(number).to_be_focused()
    expect(number).to_have_value("101")
    expect(requester).to_have_value(f"ana-{mark}@example.org")
    expect(form.get_by_role("textbox", name=re.compile("^Name"))).to_have_value("Ana Silva")
    expect(text).to_have_value("Why it comes back: the glass is cracked.")

    # Nothing is lost where the page is left, either.
    page.reload()
    expect(number).to_have_value("101")
    tab_to(page, order)
    page.keyboard.press("Control+a")
    page.keyboard.type("7")
    tab_to(page, "Assignee")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=2, name=f"Return {mark}")).to_be_visible()
    expect(page.get_by_role("article")).to_contain_text("Why it comes back: the glass is cracked.")
    with desk.client(desk.agent) as agent:
        ticket = agent.get(f"/api/tickets/{page.url.split('ticket=')[1]}").json()
        me = agent.get("/api/auth/session").json()["account_id"]
    assert ticket["assignee"]["id"] == me
    assert (ticket["requester"]["name"], ticket["priority"], ticket["type"]) == ("Ana Silva", "high", "billing")
    assert (ticket["group"], ticket["tags"]) == ("billing", [f"return_{mark}"])
    assert ticket["fields"] == {f"order_{mark}": 7}
    page.get_by_role("link", name="New ticket").click()
    expect(text).to_have_value("")


def test_a_known_customer_is_found_and_what_was_not_answered_is_one_ticket(
    desk: RunningDesk, open_page: OpenPage
) -> None:
    """Who is known is chosen of those who are found; sent again because no answer came, it is the same ticket.

    Also after a reload: the key was in the memory of the page alone, and the text outlived it.
    """
    mark = uuid7().hex[-12:]
    with desk.client(desk.admin) as admin:
        body = {"name": f"Zoe {mark}", "identities": [{"kind": "email", "address": f"zoe-{mark}@example.org"}]}
        made = admin.post("/api/customers", json=body)
        assert made.status_code == 201, made.text
    page = open_page("/tickets/new", desk.agent, viewport=WIDE)
    form = page.get_by_role("main").locator("form")
    requester = form.get_by_role("combobox", name="Requester")
    requester.focus()
    page.keyboard.type(f"zoe {mark}")
    expect(page.get_by_role("option", name=f"Zoe {mark}")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(requester).to_have_value(f"Zoe {mark} · zoe-{mark}@example.org")
    expect(form.get_by_role("textbox", name=re.compile("^Name"))).to_have_count(0)
    tab_to(page, "What they said")
    page.keyboard.type(f"Where is order {mark}?")
    expect(requester).to_have_value(f"Zoe {mark} · zoe-{mark}@example.org")

    keys: list[str] = []

    def lose_first(route: Route) -> None:
        if route.request.method != "POST":
            route.fallback()
            return
        keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        if len(keys) <= 2:
            route.abort()
        else:
            # While it is under way nobody leaves without a word of what became of it.
            page.keyboard.press("Escape")
            route.fulfill(response=answer)

    page.route("**/api/tickets", lose_first)
    page.keyboard.press("Control+Enter")
    unanswered = form.get_by_role("alert").filter(has_text="The desk did not answer.")
    expect(unanswered).to_be_visible()
    # No field is wrong: what is typed on is text still, and no command.
    text = form.get_by_role("textbox", name="What they said *")
    expect(text).to_be_focused()
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Open the ticket").press("Enter")
    expect(unanswered).to_be_visible()
    page.reload()
    expect(text).to_have_value(f"Where is order {mark}?")
    page.get_by_role("button", name="Open the ticket").press("Enter")
    expect(page.get_by_role("heading", level=2, name=f"Where is order {mark}?")).to_be_visible()
    assert len(keys) == 3
    assert len(set(keys)) == 1
    with desk.client(desk.agent) as agent:
        ticket = agent.get(f"/api/tickets/{page.url.split('ticket=')[1]}").json()
        found = agent.get("/api/tickets", params={"requester": made.json()["id"]}).json()["items"]
    assert [row["id"] for row in found] == [ticket["id"]]
    assert json.dumps(page.evaluate("Object.keys(localStorage)")).count("newTicket") == 0
