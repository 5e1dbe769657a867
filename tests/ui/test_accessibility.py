"""No violation of WCAG 2.2 A or AA that axe-core can find, in either theme and either direction."""

import pytest
from playwright.sync_api import expect

from shared.ids import uuid7
from tests.running_desk import ROOT, RunningDesk
from tests.ui.conftest import OpenPage
from tests.ui.test_inbox import hand_in

pytestmark = pytest.mark.browser

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


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
