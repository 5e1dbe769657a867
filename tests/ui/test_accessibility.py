"""No violation of WCAG 2.2 A or AA that axe-core can find, in either theme and either direction, and room for all."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from shared.ids import uuid7
from tests.running_desk import ROOT, RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_inbox import hand_in

pytestmark = pytest.mark.browser

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Mail, customers' pages and the sheets of the administration have tests of their own.
SECTIONS = ("accounts", "groups", "keys", "workflow", "macros", "templates", "levels")
ROUTES = ("/reports/overview", "/team", *(f"/admin/{section}" for section in SECTIONS), "/gallery")

# Interactive elements that are seen and smaller than 24 by 24 px (WCAG 2.5.8). Links inside of a text are excepted, and
# what lies inside of something else that does the same: the label of a box to check.
SMALL = """() => [...document.querySelectorAll(
    'button, a[href], input, select, textarea, [role=button], [role=tab], [role=switch], [role=option], [role=menuitem]'
  )].filter((element) => {
    const box = (element.closest('label') ?? element).getBoundingClientRect();
    const own = element.getBoundingClientRect();
    const seen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && own.width > 1;
    return seen && !element.closest('p, [aria-hidden=true]') && Math.min(box.width, box.height) < 23.5;
  }).map((element) => element.outerHTML.slice(0, 160))"""

# What has the focus, if nothing shows it. A field in which one writes shows its caret; after the last comes the page.
UNSEEN_FOCUS = """() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const isRinged = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    const isOther = element.matches('body, textarea, [contenteditable], input, [role=listbox]');
    return isRinged || isOther ? [] : [element.outerHTML.slice(0, 160)];
  }"""


def violations(page: Page) -> list[Any]:
    """What axe-core finds on the page as it is."""
    # Evaluated, not added as a script element: the desk's own policy forbids foreign scripts.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways to be read."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def go(page: Page, route: str) -> None:
    """As a link would lead there: the page is not loaded anew."""
    page.evaluate(
        "(path) => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')) }", route
    )
    page.wait_for_url(f"**{route}*")
    expect(page.get_by_role("heading", level=2).first).to_be_visible()
    expect(page.locator("main .shimmer:not([aria-label] *)")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("locale", ["en", "ar"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_inbox_has_no_violations(
    desk: RunningDesk, open_page: OpenPage, theme: str, locale: str, width: int
) -> None:
    subject = f"Please help me with order {uuid7()}"
    hand_in(desk, subject, "Hello, where is my order? I have been waiting for it since last week.")
    page = open_page(
        "/inbox/open",
        desk.agent,
        color_scheme=theme,
        locale={"en": "en-US", "ar": "ar-EG"}[locale],
        viewport={"width": width, "height": 800},
    )
    row = page.get_by_role("option").filter(has_text=subject)
    expect(row).to_be_visible()
    direction = page.evaluate("document.documentElement.dir")
    assert direction == {"en": "ltr", "ar": "rtl"}[locale]
    # Evaluated, not added as a script element: the desk's own policy forbids foreign scripts.
    page.evaluate(AXE.read_text())
    found = page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"]
    row.click()
    expect(page.get_by_role("article")).to_be_visible()
    found += page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"


def test_there_is_room_at_320_pixels_which_is_400_percent_and_all_targets_can_be_hit(
    desk: RunningDesk, open_page: OpenPage
) -> None:
    """1280 px at 400 % are 320: nothing scrolls sideways, every target is 24 px, and where the focus is can be seen."""
    subject = f"Narrow {uuid7()}"
    hand_in(desk, subject, "Hello, where is my order? " * 20)
    page = open_page("/inbox/open", desk.admin, viewport={"width": 320, "height": 640})
    row = page.get_by_role("option").filter(has_text=subject)
    expect(row).to_be_visible()
    found = violations(page)
    small = {"/inbox/open": page.evaluate(SMALL)}
    assert fits(page), "/inbox/open"
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"
    unseen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        unseen += page.evaluate(UNSEEN_FOCUS)
    assert unseen == [], "the focus cannot be seen"
    row.click()
    expect(page.get_by_role("article").first).to_be_visible()
    found += violations(page)
    small["ticket"] = page.evaluate(SMALL)
    assert fits(page), "ticket"
    for route in ROUTES:
        go(page, route)
        small[route] = page.evaluate(SMALL)
        assert fits(page), route
    assert {where: what for where, what in small.items() if what} == {}
    assert found == []
