"""A real browser in front of a whole running desk."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, expect, sync_playwright

from tests.running_desk import ROOT, Login, RunningDesk

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# A bound on liveness, not an expectation.
PATIENCE_MS = 60_000

expect.set_options(timeout=PATIENCE_MS)


def web_url(desk: RunningDesk) -> str:
    """Where the pages are: behind the edge, or from `DESK_TEST_WEB`, a Vite server in front of it (`npm run dev`)."""
    return os.environ.get("DESK_TEST_WEB", desk.url)


class OpenPage(Protocol):
    """Opens the desk in a window of its own, signed in."""

    def __call__(self, path: str, login: Login, **context: Any) -> Page: ...


def _missing(what: str) -> NoReturn:
    """Without a browser these tests show nothing: say so loudly, or fail where a browser is required."""
    if os.environ.get("DESK_REQUIRE_BROWSER") == "1":
        pytest.fail(what)
    pytest.skip(f"NOT TESTED IN A BROWSER: {what}")


def chromium_path(kind: BrowserType) -> str:
    """The Chromium that is named or installed, else the one that Playwright brings."""
    names = (os.environ.get("DESK_CHROMIUM", ""), *CHROMIUM_NAMES)
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    return found or kind.executable_path


# Not for the session: while it is open, Playwright's synchronous API keeps an event loop running in this thread, and
# asynchronous tests of the same process could not start theirs.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not (ROOT / "web" / "dist" / "index.html").exists():
        _missing("web/dist is not built (npm ci && npm run build in web/)")
    with sync_playwright() as playwright:
        path = chromium_path(playwright.chromium)
        if not Path(path).exists():
            _missing("no Chromium (apt-get install chromium, or set DESK_CHROMIUM)")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, desk: RunningDesk) -> Iterator[OpenPage]:
    """Windows of one test. The server's cookies stand in for signing in, which has a test of its own."""
    contexts: list[BrowserContext] = []

    def open_(path: str, login: Login, **context: Any) -> Page:
        contexts.append(chromium.new_context(base_url=web_url(desk), **{"locale": "en-US", **context}))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        answer = contexts[-1].request.post(
            "/api/auth/sign-in",
            data={"email": login.email, "password": login.password},
            headers={"X-Desk-CSRF": "1", "Origin": desk.url},
        )
        assert answer.ok, answer.text()
        page = contexts[-1].new_page()
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
