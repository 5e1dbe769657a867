"""Signing in and out: whoever comes next finds nothing of whoever was there, and who comes back is where they were."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.running_desk import Login, RunningDesk
from tests.ui.conftest import OpenPage, web_url

pytestmark = pytest.mark.browser


def is_same_page(page: Page) -> bool:
    """Whether the page is still the one that was marked."""
    return bool(page.evaluate("window.isMarked === true"))


def sign_in(page: Page, login: Login) -> None:
    page.get_by_label("E-mail").fill(login.email)
    page.get_by_label("Password").fill(login.password)
    page.get_by_role("button", name="Sign in").click()


def expire(page: Page) -> str:
    """End the session behind the page's back, have it ask for something, and return where it was by then."""
    page.evaluate("window.isMarked = true")
    page.context.clear_cookies()
    # It may have asked for something by itself, and be gone from there.
    page.evaluate("document.querySelector('a[href=\"/inbox/mine\"]')?.click()")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    return parse_qs(urlsplit(page.url).query)["next"][0]


def test_whoever_comes_next_finds_nothing_of_whoever_was_there(desk: RunningDesk, open_page: OpenPage) -> None:
    """What had been begun and refused stayed in the page through signing out, for the next account to see. A session
    that ends by itself leads back to where one was: in the same page, unless somebody else signs in."""
    supervisor = desk.login("supervisor")
    page = open_page("/inbox/solved", desk.agent)
    expect(page.get_by_role("combobox", name="Search tickets")).to_be_visible()
    there = expire(page)
    sign_in(page, desk.agent)
    expect(page).to_have_url(web_url(desk) + there)
    expect(page.get_by_role("combobox", name="Search tickets")).to_be_visible()
    assert is_same_page(page)

    page.get_by_role("link", name="Solved").click()
    there = expire(page)
    sign_in(page, supervisor)
    expect(page).to_have_url(web_url(desk) + there)
    expect(page.get_by_role("button", name=re.compile("Sam Overview"))).to_be_visible()
    assert not is_same_page(page)

    page.evaluate("window.isMarked = true")
    page.get_by_role("button", name=re.compile("Sam Overview")).click()
    with page.expect_event("domcontentloaded"):
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    expect(page).to_have_url(re.compile("/sign-in$"))
    assert not is_same_page(page)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    sign_in(page, desk.agent)
    expect(page.get_by_role("combobox", name="Search tickets")).to_be_visible()
