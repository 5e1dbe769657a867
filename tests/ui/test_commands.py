"""Commands by keys, by the palette, and what the help says of them."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.running_desk import RunningDesk
from tests.ui.conftest import OpenPage

pytestmark = pytest.mark.browser


def focused(page: Page) -> str:
    """The name of the element that has the focus."""
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.tagName"))


def test_the_palette_opens_from_anywhere_finds_and_gives_the_focus_back(desk: RunningDesk, open_page: OpenPage) -> None:
    """Ctrl+K in a field, too; what is typed leads to the command; Escape returns to where one was, letter by letter."""
    page = open_page("/inbox/open", desk.admin, viewport={"width": 1280, "height": 800})
    expect(page.get_by_role("button", name="Preferences")).to_be_visible()
    search = page.get_by_role("combobox", name="Search tickets")
    search.click()
    page.keyboard.type("prin")
    before = focused(page)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Commands")
    finder = palette.get_by_role("combobox")
    expect(finder).to_be_focused()
    page.keyboard.press("Escape")
    expect(palette).to_have_count(0)
    page.wait_for_function("(name) => document.activeElement.getAttribute('aria-label') === name", arg=before)
    page.keyboard.type("ter")
    expect(search).to_have_value("printer")

    page.keyboard.press("Control+k")
    page.keyboard.type("gallery")
    expect(palette.get_by_role("option", selected=True)).to_contain_text("Go to the gallery of parts")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="ui/")).to_be_visible()

    # Given once, it comes first; and an option is chosen by the arrows, too.
    page.keyboard.press("Control+k")
    expect(palette.get_by_role("group").first).to_have_accessible_name("Recent")
    expect(palette.get_by_role("option").first).to_contain_text("gallery")
    page.keyboard.type("theme: d")
    expect(palette.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Control+k")
    page.keyboard.type("qqqq")
    expect(palette.get_by_role("option")).to_have_count(0)
    expect(palette.get_by_role("status")).to_have_text("No command is called like that")


def test_the_help_is_what_can_be_done_and_single_keys_can_be_switched_off(
    desk: RunningDesk, open_page: OpenPage
) -> None:
    """Every command with a key that the palette offers stands in the help with it, and no other; keys typed into a
    field are letters; switched off, they do nothing, and Escape and Ctrl+K still do."""
    page = open_page("/inbox/open", desk.admin, viewport={"width": 1280, "height": 900})
    expect(page.get_by_role("button", name="Preferences")).to_be_visible()
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Commands")
    offered = palette.get_by_role("option").filter(has=page.locator("kbd"))
    expect(offered.first).to_be_visible()
    named = {re.sub(r"\s+", " ", text).strip() for text in offered.all_inner_texts()}
    page.keyboard.press("Escape")
    expect(palette).to_have_count(0)

    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    names, keys = (sheet.locator(tag).all_inner_texts() for tag in ("dt", "dd"))
    shown = {re.sub(r"\s+", " ", f"{name} {key}").strip() for name, key in zip(names, keys, strict=True)}
    # The palette does not offer itself, and sending belongs to the field one writes in.
    assert shown - named == {"Find a command Ctrl K", "Send what you wrote Ctrl Enter"}
    assert named <= shown
    sheet.get_by_role("button", name="Switch single keys off").click()
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_have_count(0)
    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    assert page.get_by_role("dialog", name="Keys").count() == 0
    assert "/inbox/" in page.url
    page.keyboard.press("Escape")

    page.get_by_role("button", name=re.compile("Preferences")).click()
    page.get_by_role("switch", name="Single keys as commands").press("Space")
    page.keyboard.press("Escape")
    expect(page.get_by_role("switch")).to_have_count(0)
    search = page.get_by_role("combobox", name="Search tickets")
    search.click()
    page.keyboard.type("gt?")
    expect(search).to_have_value("gt?")
    assert "/inbox/" in page.url
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/team")
