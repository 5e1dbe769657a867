"""The list of tickets: of any length, true while things happen, and many changed at once."""

import json
import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.many import many_tickets

pytestmark = pytest.mark.browser

MANY = 100_000
MOST_ABOVE = 200
TALL = {"width": 1280, "height": 2000}
NORMAL = {"width": 1280, "height": 800}


def open_ticket(agent: httpx.Client, subject: str, *tags: str) -> dict[str, Any]:
    """A ticket that an agent opens for a customer of its own."""
    body = {
        "requester": {"email": f"customer-{uuid7()}@example.org", "name": "Tom Baker"},
        "subject": subject,
        "tags": list(tags),
        "text": "Where is my order?",
    }
    answer = agent.post("/api/tickets", json=body, headers={"Idempotency-Key": str(uuid7())})
    assert answer.status_code == 201, answer.text
    ticket: dict[str, Any] = answer.json()
    return ticket


def change(agent: httpx.Client, ticket: dict[str, Any], **fields: Any) -> None:
    answer = agent.patch(f"/api/tickets/{ticket['id']}", json=fields, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text


def row_of(page: Page, ticket: dict[str, Any]) -> Locator:
    return page.locator(f"#ticket-{ticket['id']}")


def top_of(row: Locator) -> float:
    box = row.bounding_box()
    assert box is not None
    return round(box["y"])


def test_a_list_of_a_hundred_thousand_has_forty_rows_in_the_document(desk: RunningDesk, open_page: OpenPage) -> None:
    """At most 40 rows are drawn wherever one is, each knows its place and how many there are; any row is reached."""
    with many_tickets(desk, MANY), desk.client(desk.agent) as agent:
        # Other tests solve tickets, too.
        done = {"status": ["solved", "closed"], "limit": 1}
        total = agent.get("/api/tickets/window", params=done).json()["total"]["count"]
        assert total >= MANY
        page = open_page("/inbox/solved", desk.agent, viewport=TALL)
        rows = page.get_by_role("listbox", name="Solved").get_by_role("option")
        expect(rows.first).to_have_attribute("aria-setsize", str(total))
        page.keyboard.press("j")
        page.keyboard.press("End")
        last = page.locator(f'[aria-posinset="{total}"]')
        # The oldest: nothing is older than the year 2020.
        expect(last).to_contain_text(re.compile(r"Many \d"))
        expect(last).to_have_attribute("data-active", "true")
        assert rows.count() <= 40
        page.keyboard.press("#")
        page.get_by_label(re.compile("Row")).fill("50000")
        page.keyboard.press("Enter")
        middle = page.locator('[aria-posinset="50000"]')
        expect(middle).to_contain_text(re.compile(r"Many \d"))
        expect(middle).to_have_attribute("aria-setsize", str(total))
        expect(middle).to_have_attribute("data-active", "true")
        assert rows.count() <= 40
        places = [int(each.get_attribute("aria-posinset") or 0) for each in rows.all()]
        assert places == list(range(places[0], places[0] + len(places)))
        page.keyboard.press("Home")
        expect(page.locator('[aria-posinset="1"]')).to_have_attribute("data-active", "true")
        assert rows.count() <= 40


def test_what_is_read_stays_where_it_is(desk: RunningDesk, open_page: OpenPage) -> None:
    """Tickets change, come and leave above the cursor: scroll, cursor and focus stay; a pill leads to the new ones."""
    name = f"Steady {uuid7()}"
    with desk.client(desk.agent) as agent:
        tickets = [open_ticket(agent, f"{name} {number}") for number in range(14)]
        page = open_page("/inbox/open", desk.agent, viewport=NORMAL)
        read = row_of(page, tickets[2])
        newest = row_of(page, tickets[-1])
        expect(newest).to_be_visible()
        listbox = page.get_by_role("listbox", name="All open")
        page.keyboard.press("j")
        # Other tests open tickets, too: the cursor is led to the ticket, however many are above it.
        for _ in range(MOST_ABOVE):
            if read.count() > 0 and read.get_attribute("data-active") is not None:
                break
            page.keyboard.press("j")
        expect(read).to_have_attribute("data-active", "true")
        before = top_of(read)

        change(agent, tickets[2], subject=f"{name} renamed")
        expect(read).to_contain_text(f"{name} renamed")
        change(agent, tickets[8], status="solved")
        arrived = open_ticket(agent, f"{name} arrived")
        expect(page.get_by_role("button", name=re.compile(r"new tickets?$"))).to_be_visible()
        expect(row_of(page, tickets[8])).to_have_count(0)

        assert top_of(read) == before, "what is read moved"
        expect(read).to_have_attribute("data-active", "true")
        expect(listbox).to_have_attribute("aria-activedescendant", f"ticket-{tickets[2]['id']}")
        expect(listbox).to_be_focused()

        page.get_by_role("button", name=re.compile(r"new tickets?$")).click()
        expect(row_of(page, arrived)).to_be_in_viewport()
        expect(page.get_by_role("button", name=re.compile(r"new tickets?$"))).to_have_count(0)


def test_an_older_event_changes_nothing(desk: RunningDesk, open_page: OpenPage) -> None:
    """Frames that come twice and late, in the wrong order, take no ticket back to what it was."""
    sockets: list[WebSocketRoute] = []
    frames: list[str] = []

    def listen(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            frames.append(str(message))
            route.send(message)

        server.on_message(pass_on)
        sockets.append(route)

    name = f"Order {uuid7()}"
    with desk.client(desk.agent) as agent:
        page = open_page("/inbox/open", desk.agent, viewport=NORMAL)
        page.route_web_socket(re.compile("/api/live"), listen)
        page.reload()
        expect(page.get_by_role("listbox", name="All open")).to_be_visible()
        ticket = open_ticket(agent, f"{name} first")
        row = row_of(page, ticket)
        expect(row).to_contain_text(f"{name} first")
        change(agent, ticket, subject=f"{name} second")
        expect(row).to_contain_text(f"{name} second")
        old = [frame for frame in frames if f"{name} first" in frame]
        assert old
        witness = open_ticket(agent, f"{name} witness")
        expect(row_of(page, witness)).to_be_visible()
        seen = next(frame for frame in frames if f"{name} witness" in frame)
        # A frame that is newer than all shows that those sent before it were taken in.
        newer = json.loads(seen)
        newer["ticket"] |= {"subject": f"{name} seen", "version": newer["ticket"]["version"] + 1000}
        for frame in (*old, json.dumps(newer)):
            sockets[-1].send(frame)
        expect(row_of(page, witness)).to_contain_text(f"{name} seen")
        expect(row).to_contain_text(f"{name} second")

        # What left does not come back by what was told before.
        change(agent, ticket, status="solved")
        expect(row).to_have_count(0)
        newer["ticket"] |= {"subject": f"{name} seen again", "version": newer["ticket"]["version"] + 1}
        for frame in (*old, json.dumps(newer)):
            sockets[-1].send(frame)
        expect(row_of(page, witness)).to_contain_text(f"{name} seen again")
        expect(row).to_have_count(0)


def block(agent: httpx.Client, ticket: dict[str, Any]) -> None:
    """Give it a child without which it cannot be solved."""
    child = open_ticket(agent, "A child")
    link = {"relation": "child", "ticket_id": child["id"], "blocks": True}
    assert agent.post(f"/api/tickets/{ticket['id']}/links", json=link).status_code in {200, 201}


def test_shift_selects_what_lies_between(desk: RunningDesk, open_page: OpenPage) -> None:
    """By the mouse and by the keys, forth and back; Ctrl takes one out; a change of them knows of no other."""
    tag = f"range-{uuid7()}"
    with desk.client(desk.agent) as agent:
        tickets = [open_ticket(agent, f"Range {number}", tag) for number in range(6)]
        # The newest is the first.
        rows = [each["id"] for each in reversed(tickets)]
        page = open_page(f"/inbox/open?q=tags:{tag}", desk.agent, viewport=NORMAL)
        listbox = page.get_by_role("listbox", name="Search")
        expect(listbox.get_by_role("option")).to_have_count(6)
        bar = page.get_by_role("region", name="Selected tickets")

        def selected(*places: int) -> None:
            expect(listbox.locator("[aria-selected=true]")).to_have_count(len(places))
            for place in places:
                expect(page.locator(f"#ticket-{rows[place]}")).to_have_attribute("aria-selected", "true")
            expect(bar).to_contain_text(f"{len(places)} selected")

        page.locator(f"#ticket-{rows[1]} > span").first.click()
        page.locator(f"#ticket-{rows[4]}").click(modifiers=["Shift"])
        selected(1, 2, 3, 4)
        page.locator(f"#ticket-{rows[2]}").click(modifiers=["ControlOrMeta"])
        selected(1, 3, 4)
        bar.get_by_role("button", name="Clear the selection").click()
        expect(bar).to_have_count(0)
        page.locator(f"#ticket-{rows[4]} > span").first.click()
        page.locator(f"#ticket-{rows[2]} > span").first.click(modifiers=["Shift"])
        selected(2, 3, 4)
        page.keyboard.press("Escape")
        expect(bar).to_have_count(0)

        page.keyboard.press("j")
        for key in ("Home", "ArrowDown", "Shift+ArrowDown", "Shift+ArrowDown"):
            page.keyboard.press(key)
        selected(1, 2, 3)
        page.keyboard.press("Space")
        selected(1, 2)
        page.keyboard.press("K")
        selected(1, 2, 3)
        bar.get_by_role("button", name="Status").click()
        page.get_by_role("menuitem", name="Solved").click()
        job = page.get_by_role("region", name="Change of many tickets")
        expect(job).to_contain_text("3 tickets changed")
        statuses = [agent.get(f"/api/tickets/{each}").json()["status"] for each in rows]
        assert [place for place, status in enumerate(statuses) if status == "solved"] == [1, 2, 3]


def test_many_are_solved_and_put_back(desk: RunningDesk, open_page: OpenPage) -> None:
    """Selected by keys, solved at once; what could not be is named with its reason and leads there; undone at once."""
    tag = f"many-{uuid7()}"
    with desk.client(desk.agent) as agent:
        tickets = [open_ticket(agent, f"Bulk {number}", tag) for number in range(4)]
        parents = tickets[:2]
        for parent in parents:
            block(agent, parent)

        page = open_page("/inbox/open", desk.agent, viewport=NORMAL)
        box = page.get_by_role("combobox", name="Search tickets")
        expect(box).to_be_visible()
        page.keyboard.press("/")
        expect(box).to_be_focused()
        page.keyboard.type("tag")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(box).to_have_value("tags:")
        page.keyboard.type(tag)
        page.keyboard.press("Enter")
        expect(page.get_by_role("listbox", name="Search").get_by_role("option")).to_have_count(4)
        assert f"q=tags%3A{tag}" in page.url

        # Focus is still in the box, where `x` is a letter.
        page.keyboard.press("Escape")
        for key in ("j", "x", "J", "J", "J"):
            page.keyboard.press(key)
        bar = page.get_by_role("region", name="Selected tickets")
        expect(bar).to_contain_text("4 selected")
        bar.get_by_role("button", name="Status").click()
        page.get_by_role("menuitem", name="Solved").click()
        job = page.get_by_role("region", name="Change of many tickets")
        expect(job).to_contain_text("2 tickets changed · 2 refused")
        refused = job.get_by_role("listitem")
        expect(refused).to_have_count(2)
        for parent in parents:
            expect(refused.filter(has_text=f"#{parent['number']}")).to_contain_text(re.compile("child", re.IGNORECASE))
            expect(row_of(page, parent)).not_to_contain_text("Solved")
        for ticket in tickets[2:]:
            expect(row_of(page, ticket)).to_contain_text("Solved")
        job.get_by_role("button", name=f"#{parents[0]['number']}").click()
        expect(page.get_by_role("heading", level=2, name="Bulk 0", exact=True)).to_be_visible()

        job.get_by_role("button", name="Undo").click()
        expect(job).to_contain_text("2 tickets put back")
        for ticket in tickets[2:]:
            expect(row_of(page, ticket)).not_to_contain_text("Solved")
            assert agent.get(f"/api/tickets/{ticket['id']}").json()["status"] in {"new", "open"}
