"""The desk in Arabic: mirrored, with the plural forms of the language, and words of others kept apart from its own."""

import pytest
from playwright.sync_api import Locator, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_live import ticket_of

pytestmark = pytest.mark.browser

OWN_DIRECTION = "(it) => getComputedStyle(it.closest('[dir=auto]') ?? it.querySelector('[dir=auto]') ?? it).direction"
FORMS = {
    0: "الإشعارات",
    1: "إشعار واحد غير مقروء",
    2: "إشعاران غير مقروءين",
    5: "5 إشعارات غير مقروءة",
    11: "11 إشعارًا غير مقروء",
    100: "100 إشعار غير مقروء",
}


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
    from three to ten, the accusative from eleven on."""
    page = open_page("/inbox/open", desk.agent, locale="ar-EG")
    told: dict[str, object] = {"items": [], "next_cursor": None, "unread": 0}
    page.route("**/api/notifications*", lambda route: route.fulfill(json=told))
    bell = page.locator("button:has(svg.lucide-bell)")
    for count, words in FORMS.items():
        told["unread"] = count
        page.reload()
        expect(bell).to_have_accessible_name(words)
