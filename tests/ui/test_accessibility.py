"""No violation of WCAG 2.2 A or AA that axe can find on any page, in either theme and direction, and room for all."""

import re
from collections.abc import Iterator
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
LOCALES = {"en": "en-US", "ar": "ar-EG"}
WEB = ROOT / "web" / "src"


def sections(feature: str, named: str) -> list[str]:
    """The sections that a part of the administration has."""
    listed = re.search(
        r"SECTIONS = ([\[{].*?[\]}])", (WEB / "features" / feature / "sections.ts").read_text(), re.DOTALL
    )
    assert listed is not None
    return re.findall(named, listed[1])


# Every page but that of a ticket, which is opened from its list. Customers' pages have a test of their own.
ROUTES = (
    "/sign-in",
    "/inbox/mine",
    "/inbox/unassigned",
    "/inbox/solved",
    "/inbox/review",
    "/tickets/new",
    "/inbox/open?q=status:open",
    "/inbox/open?q=nothing-is-called-like-this",
    "/reports/overview",
    "/team",
    *(f"/admin/{section}" for section in ("accounts", "groups", "keys", "workflow", "fields")),
    *(f"/admin/{section}" for section in ("macros", "templates", "levels")),
    *(f"/admin/mail/{section}" for section in ("mailboxes", "reconciliation", "quarantine", "suppressions")),
    "/gallery",
    "/there-is-no-such-page",
    "/sign-in?token=used",
)
# The tabs beside a ticket, and what comes above it, by their keys.
TABS = {"details": "d", "customer": "c", "history": "h"}
OVERLAYS = {"palette": ["Control+k"], "help": ["?"], "macros": ["m"], "merge": ["u"], "notifications": ["g", "n"]}

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

# What can have the focus by the Tab key and does not show it, each having had it. Fields in which one writes show their
# caret, lists the option that is active in them. The Tab key was pressed before, so the browser shows what it would.
UNSEEN_FOCUS = """() => {
    const written = 'textarea, [contenteditable], input:not([type=checkbox], [type=radio], [type=button], [type=file])';
    const isRinged = (element) => {
      const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
      return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && !/, 0\\)|\\/ 0\\)/.test(outlineColor);
    };
    const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')];
    const stops = all.filter((element) => element.tabIndex >= 0 && !element.disabled && !element.closest('[inert]')
      && element.checkVisibility({ visibilityProperty: true }));
    const unseen = stops.filter((element) => {
      element.focus({ preventScroll: true });
      if (document.activeElement !== element || element.matches(written)) return false;
      const active = document.getElementById(element.getAttribute('aria-activedescendant') ?? '');
      return !isRinged(element) && !(active && isRinged(active));
    });
    return { stops: stops.length, unseen: unseen.map((element) => element.outerHTML.slice(0, 160)) };
  }"""

# Signs that point along a line, and are drawn as in a language that is written from left to right.
UNMIRRORED = """() => [...document.querySelectorAll('svg')].filter((svg) => {
    const points = /lucide-(arrow-right|arrow-left|chevron-right|chevron-left|send|undo|redo|log-out|reply)/;
    if (!points.test(svg.getAttribute('class')) || !svg.checkVisibility()) return false;
    const { scale, transform } = getComputedStyle(svg);
    const isBack = svg.matches('.lucide-arrow-right:is(button[aria-label] > *)');
    return !isBack && !scale.startsWith('-1') && !transform.startsWith('matrix(-1');
  }).map((svg) => svg.outerHTML.slice(0, 120))"""


def violations(page: Page) -> list[Any]:
    """What axe-core finds on the page as it is."""
    # Evaluated, not added as a script element: the desk's own policy forbids foreign scripts.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    # Beside a dialog, for readers of the screen, there is a button to dismiss it, which is in no landmark.
    options: dict[str, Any] = {"runOnly": RULES, "resultTypes": ["violations"]}
    if page.get_by_role("dialog").count() > 0:
        options["rules"] = {"region": {"enabled": False}}
    found = page.evaluate("(options) => axe.run(options)", options)["violations"]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways to be read."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def settled(page: Page) -> None:
    """Everything that is waited for is there."""
    # The gallery shows the sign of waiting itself.
    expect(page.locator(".shimmer:not([translate=no] *)")).to_have_count(0)


def go(page: Page, route: str) -> None:
    """As a link would lead there: the page is not loaded anew."""
    # Until the new page's code is there, the old one stays.
    page.evaluate("document.querySelectorAll('main :is(h1, h2)').forEach((each) => each.dataset.before = '')")
    page.evaluate(
        "(path) => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')) }", route
    )
    expect(page.locator("main :is(h1, h2):not([data-before])").first).to_be_visible()
    settled(page)


def overlays(page: Page) -> Iterator[str]:
    """What comes above the page, opened by its keys where the ticket is open, and closed again."""
    overlay = page.get_by_role("dialog")
    for name, keys in OVERLAYS.items():
        for key in keys:
            page.keyboard.press(key)
        expect(overlay).to_be_visible()
        settled(page)
        yield name
        page.keyboard.press("Escape")
        expect(overlay).to_have_count(0)
    page.get_by_role("banner").get_by_role("button").last.press("Enter")
    expect(overlay).to_be_visible()
    yield "preferences"
    page.keyboard.press("Escape")
    expect(overlay).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("[role=listbox][aria-multiselectable]")).to_be_visible()
    expect(page.locator("[role=option][aria-posinset='2']")).to_be_attached()
    for key in ("j", "x", "J"):
        page.keyboard.press(key)
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(2)
    yield "many selected"


def test_every_page_of_the_app_is_looked_at() -> None:
    """A path that the router has and no test here goes to is found before its faults are."""
    paths = re.findall(r'path: "([^"]+)"', (WEB / "app" / "router.tsx").read_text())
    starts = {path.split("$")[0].rstrip("/") for path in paths}
    assert {"/inbox", "/admin", "/admin/mail", "/sign-in"} <= starts
    assert [start for start in starts if not any(route.startswith(start) for route in ROUTES)] == []


@pytest.mark.parametrize("locale", ["en", "ar"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_violation(desk: RunningDesk, open_page: OpenPage, theme: str, locale: str) -> None:
    """Every page, the ticket with each tab beside it, and what opens above it: one walk without loading anew. In Arabic
    what points along the line is mirrored, everywhere."""
    subject = f"Please help me with order {uuid7()}"
    for each in (f"Another {uuid7()}", subject):
        hand_in(desk, each, "Hello, where is my order? I have been waiting for it since last week.")
    page = open_page(
        "/inbox/open",
        desk.admin,
        color_scheme=theme,
        locale=LOCALES[locale],
        reduced_motion="reduce",
        viewport={"width": 1440, "height": 900},
    )
    expect(page.get_by_role("option").filter(has_text=subject)).to_be_visible()
    assert page.evaluate("document.documentElement.dir") == {"en": "ltr", "ar": "rtl"}[locale]
    found: dict[str, list[Any]] = {}

    def look(where: str) -> None:
        found[where] = violations(page) + (page.evaluate(UNMIRRORED) if locale == "ar" else [])

    look("list")
    page.get_by_role("option").filter(has_text=subject).click()
    expect(page.get_by_role("article").first).to_be_visible()
    for tab, key in TABS.items():
        page.keyboard.press(key)
        expect(page.locator("[role=tab][aria-selected=true][id$=" + tab + "]")).to_be_visible()
        settled(page)
        look(tab)
    for name in overlays(page):
        look(name)
    for route in ROUTES:
        go(page, route)
        look(route)
    assert {where: what for where, what in found.items() if what} == {}


@pytest.mark.parametrize(("theme", "locale"), [("light", "en"), ("dark", "ar")])
def test_there_is_room_at_320_pixels_which_is_400_percent(
    desk: RunningDesk, open_page: OpenPage, theme: str, locale: str
) -> None:
    """1280 px at 400 % are 320: nothing scrolls sideways, every target is 24 px, and where the focus is can be seen."""
    subject = f"Narrow {uuid7()}"
    for each in (f"Another {uuid7()}", subject):
        hand_in(desk, each, "Hello, where is my order? " * 20)
    page = open_page(
        "/inbox/open",
        desk.admin,
        color_scheme=theme,
        locale=LOCALES[locale],
        reduced_motion="reduce",
        viewport={"width": 320, "height": 640},
    )
    row = page.get_by_role("option").filter(has_text=subject)
    expect(row).to_be_visible()
    faults: dict[str, list[Any]] = {}

    def look(where: str) -> None:
        page.keyboard.press("Tab")
        focus = page.evaluate(UNSEEN_FOCUS)
        assert focus["stops"] > 0, where
        wide = [] if fits(page) else ["scrolls sideways"]
        faults[where] = [*wide, *page.evaluate(SMALL), *(f"unseen: {each}" for each in focus["unseen"])]

    faults["list has"] = violations(page)
    page.keyboard.press("Tab")
    skip = page.locator("a[href='#main']")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"
    look("list")
    row.click()
    expect(page.get_by_role("article").first).to_be_visible()
    faults["ticket has"] = violations(page)
    look("ticket")
    for name in overlays(page):
        look(name)
    for route in ROUTES:
        go(page, route)
        look(route)
    assert {where: what for where, what in faults.items() if what} == {}
