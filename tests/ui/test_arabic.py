"""The desk in Arabic: mirrored, with the plural forms of the language, and words of others kept apart from its own."""

import re

import pytest
from playwright.sync_api import Locator, Route, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_accessibility import UNMIRRORED
from tests.ui.test_list import change
from tests.ui.test_live import ticket_of
from tests.ui.test_reports import MISPLACED

pytestmark = pytest.mark.browser

OWN_DIRECTION = "(it) => getComputedStyle(it.closest('[dir=auto]') ?? it.querySelector('[dir=auto]') ?? it).direction"
# None, one, two, a few, many, and the rest.
FORMS = {
    0: ("الإشعارات", "لا تذاكر"),
    1: ("إشعار واحد غير مقروء", "تذكرة واحدة"),
    2: ("إشعاران غير مقروءين", "تذكرتان"),
    3: ("3 إشعارات غير مقروءة", "3 تذاكر"),
    11: ("11 إشعارًا غير مقروء", "11 تذكرة"),
    100: ("100 إشعار غير مقروء", "100 تذكرة"),
}
# Whether the letters before a number stand right of it, and its own from left to right: as Arabic is read. Lines break.
READS_FROM_RIGHT = """(it, words) => {
    const walker = document.createTreeWalker(it, NodeFilter.SHOW_TEXT);
    while (walker.nextNode() && !walker.currentNode.data.includes(words));
    const node = walker.currentNode;
    const at = (offset) => {
      const range = document.createRange();
      range.setStart(node, node.data.indexOf(words) + offset);
      range.setEnd(node, node.data.indexOf(words) + offset + 1);
      return range.getBoundingClientRect();
    };
    const number = words.indexOf('ORD');
    const pairs = [[0, 1], [0, number], [number + 1, number], [number, words.length - 1]];
    const beside = pairs.map(([right, left]) => [at(right), at(left)]).filter(([one, other]) => one.top === other.top);
    return beside.length > 1 && beside.every(([right, left]) => right.left > left.left);
  }"""
# Where a text of somebody stands without being set apart from the words around it, and how often it stands anywhere.
LOOSE = """(words) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const loose = [];
    let seen = 0;
    while (walker.nextNode()) {
      const { data, parentElement: parent } = walker.currentNode;
      if (!data.includes(words) || !parent.checkVisibility()) continue;
      seen += 1;
      const own = parent.closest('bdi, [dir=auto], .page-start');
      const isApart = own && own.textContent.trim().length <= words.length + 40;
      if (!isApart && !data.includes(`\u2068${words}`)) loose.push(parent.outerHTML.slice(0, 200));
    }
    return { seen, loose };
  }"""


def left_of(one: Locator, other: Locator) -> bool:
    boxes = one.bounding_box(), other.bounding_box()
    assert boxes[0] is not None
    assert boxes[1] is not None
    return boxes[0]["x"] + boxes[0]["width"] / 2 < boxes[1]["x"] + boxes[1]["width"] / 2


def test_the_page_is_mirrored_and_what_others_wrote_keeps_its_own_direction(
    desk: RunningDesk, open_page: OpenPage
) -> None:
    """Rail right of the list, list right of the ticket, the bell at the left; an English subject reads from left to
    right in it, and its full stop stays at its end."""
    subject = f"Is this right? {uuid7()}."
    ticket = ticket_of(desk, subject)
    page = open_page(
        f"/inbox/open?ticket={ticket['id']}", desk.agent, locale="ar-EG", viewport={"width": 1280, "height": 800}
    )
    heading = page.get_by_role("heading", name=subject)
    expect(heading).to_be_visible()
    assert page.evaluate("[document.documentElement.dir, document.documentElement.lang]") == ["rtl", "ar"]
    rail = page.get_by_role("navigation").last
    row = page.get_by_role("option").filter(has_text=subject)
    assert left_of(row, rail)
    assert left_of(heading, row)
    assert left_of(page.get_by_role("button", name="إشعار").first, page.get_by_role("banner").locator("h1"))
    expect(page.get_by_role("article")).to_have_css("direction", "rtl")
    assert heading.evaluate(OWN_DIRECTION) == "ltr"
    assert page.get_by_text("Tom Baker").first.evaluate("(it) => it.closest('bdi, [dir=auto]') !== null")


def test_counts_take_the_six_forms_of_arabic(desk: RunningDesk, open_page: OpenPage) -> None:
    """None, one, two, a few, many and the rest are said in different words: as a grammar has it, the dual, the plural
    from three to ten, the accusative from eleven on; by the bell and above the list."""
    page = open_page("/inbox/open", desk.agent, locale="ar-EG")
    told: dict[str, object] = {"items": [], "next_cursor": None, "unread": 0}
    total = {"count": 0, "exactness": "exact"}
    page.route("**/api/notifications*", lambda route: route.fulfill(json=told))

    def count_other(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(json={**answer.json(), "total": total, "items": []})

    page.route(re.compile(r"/api/tickets/window"), count_other)
    bell = page.locator("button:has(svg.lucide-bell)")
    counted = page.locator("main section header [role=status] .sr-only")
    for count, (unread, tickets) in FORMS.items():
        told["unread"] = total["count"] = count
        page.reload()
        expect(bell).to_have_accessible_name(unread)
        expect(counted).to_have_text(tickets)


def test_signs_point_and_keys_go_the_other_way(desk: RunningDesk, open_page: OpenPage) -> None:
    """What points along the line is mirrored wherever it stands, and the left arrow goes on through tabs."""
    ticket = ticket_of(desk, f"Mirror {uuid7()}")
    path = f"/inbox/open?ticket={ticket['id']}"
    page = open_page(path, desk.admin, locale="ar-EG", viewport={"width": 1440, "height": 900})
    expect(page.get_by_role("article").first).to_be_visible()
    page.keyboard.press("d")
    tabs = page.get_by_role("complementary").get_by_role("tab")
    expect(tabs.nth(0)).to_be_focused()
    for key, place in (("ArrowLeft", 1), ("ArrowLeft", 2), ("ArrowRight", 1), ("ArrowRight", 0), ("ArrowRight", 2)):
        page.keyboard.press(key)
        expect(tabs.nth(place)).to_be_focused()
        expect(tabs.nth(place)).to_have_attribute("aria-selected", "true")
    assert left_of(tabs.nth(1), tabs.nth(0))

    page.keyboard.press("r")
    expect(page.locator("svg.lucide-send")).to_be_visible()
    page.keyboard.type("مرحبا")
    page.locator("button:has(svg.lucide-send) + button").click()
    expect(page.get_by_role("menu")).to_be_visible()
    assert page.evaluate(UNMIRRORED) == []
    page.keyboard.press("Escape")
    page.get_by_role("banner").get_by_role("button").last.click()
    expect(page.locator("svg.lucide-log-out")).to_be_visible()
    assert page.evaluate(UNMIRRORED) == []
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 800})
    back = page.locator("header svg:is(.lucide-arrow-left, .lucide-arrow-right)").filter(visible=True)
    expect(back).to_have_count(1)
    expect(back).to_have_class(re.compile("lucide-arrow-right"))


@pytest.mark.parametrize("locale", ["ar-EG", "en-US"])
def test_a_mixed_subject_keeps_its_order_wherever_it_stands(
    desk: RunningDesk, open_page: OpenPage, locale: str
) -> None:
    """Arabic with an order's number of Latin letters, in a page of either direction: in list, header, timeline and
    notification it is set apart, and read from right to left with its number at the same place."""
    mark = uuid7().hex[-8:].upper()
    subject = f"الطلب ORD-{mark}-X لم يصل!"
    first = f"Before {mark}"
    ticket = ticket_of(desk, first)
    with desk.client(desk.admin) as admin:
        change(admin, ticket, subject=subject)
        agent_id = next(
            each["id"] for each in admin.get("/api/accounts").json()["items"] if each["email"] == desk.agent.email
        )
        note = {"text": "انظر", "mentions": [agent_id]}
        admin.post(f"/api/tickets/{ticket['id']}/notes", json=note).raise_for_status()
    path = f"/inbox/open?ticket={ticket['id']}"
    page = open_page(path, desk.agent, locale=locale, viewport={"width": 1440, "height": 900})
    heading = page.get_by_role("heading", level=2, name=subject)
    expect(heading).to_be_visible()
    row = page.locator(f"#ticket-{ticket['id']}")
    expect(row).to_contain_text(subject)
    page.keyboard.press("h")
    entry = page.get_by_role("tabpanel").get_by_text(subject)
    expect(entry.first).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("n")
    told = page.get_by_role("dialog").get_by_text(subject)
    expect(told.first).to_be_visible()
    found = page.evaluate(LOOSE, subject)
    assert found["loose"] == []
    # Heading, row, timeline and notification.
    assert found["seen"] >= 4
    for where in (heading, row.locator("bdi, [dir=auto]").filter(has_text=subject).last, entry.first, told.first):
        assert where.evaluate(READS_FROM_RIGHT, subject), where.evaluate("(it) => it.outerHTML")


@pytest.mark.parametrize("width", [390, 1440])
def test_no_words_of_a_chart_lie_upon_others(desk: RunningDesk, open_page: OpenPage, width: int) -> None:
    """By their boxes: the words of each chart beside each other and inside of it, from right to left."""
    page = open_page(
        "/reports/overview", desk.login("supervisor"), locale="ar-EG", viewport={"width": width, "height": 900}
    )
    drawn = page.locator("section:has([role=img] svg)")
    expect(drawn.first).to_be_visible()
    expect(page.locator(".shimmer")).to_have_count(0)
    assert drawn.count() >= 3
    for section in drawn.all():
        assert section.evaluate(MISPLACED) == []
