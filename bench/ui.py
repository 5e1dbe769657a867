"""P6: how long after a key the list of a hundred thousand tickets has moved, at rest and while events come in.

A real Chromium before a whole desk, with the web UI as it was built (`npm run build`). A key counts from its event
until the frame that answers it was drawn, as the browser tells it (W3C Event Timing, in steps of 8 ms), and keys come
faster than any keyboard repeats them; a jump, until the row it leads to is there with its ticket, fetched from the
desk. Events come at the pace of a very busy desk. Who opens a ticket is shown to who is there, by way of the desk.
"""

import asyncio
import json
import re
import shutil
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from bench.result import Figure, Result, circumstances, load_average
from bench.scratch import scratch_desk
from bench.way import percentile
from tests.running_desk import Login, RunningDesk
from tests.ui.conftest import CHROMIUM_NAMES, FLAGS, web_url
from tests.ui.many import many_tickets

TICKETS = 100_000
KEYS = 120
EVENTS = 2_000
EVENTS_PER_SECOND = 100
# Tickets that events tell of: in the list, most of them where nobody looks.
TOLD = 200
JUMPS = 5
MIDDLE = 50_000
_SIZE = {"width": 1280, "height": 900}

# Of what was drawn within 16 ms the browser says nothing.
_AT_LEAST_MS = 16
_WATCH = """(least) => {
  window.frames_ms = [];
  window.tasks_ms = [];
  const keys = (list) => list.getEntries().filter((event) => event.name === "keydown");
  new PerformanceObserver((list) => window.frames_ms.push(...keys(list).map((event) => event.duration)))
    .observe({ type: "event", durationThreshold: least });
  new PerformanceObserver((list) => window.tasks_ms.push(...list.getEntries().map((task) => task.duration)))
    .observe({ type: "longtask" });
}"""
_PRESSED = "performance.eventCounts.get('keydown') ?? 0"
# Until the browser has told of the last ones.
_SETTLED_S = 1.0
# The page's own socket says what we say, so that nothing between us and the page is measured.
_SOCKET = """{
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket { constructor(...given) { super(...given); window.socket = this; } };
}"""
_SPEAK = """([frames, every]) => new Promise((done) => {
  const begun = performance.now();
  let said = 0;
  const timer = setInterval(() => {
    while (said < frames.length && said < (performance.now() - begun) / every) {
      window.socket.dispatchEvent(new MessageEvent("message", { data: frames[said] }));
      said += 1;
    }
    if (said === frames.length) { clearInterval(timer); done(); }
  }, every);
})"""
_THERE = """(place) => new Promise((resolve) => {
  const look = () => document.querySelector(`[id^=ticket-][aria-posinset="${place}"]`)
    ? resolve(performance.now() - window.pressed) : requestAnimationFrame(look);
  window.addEventListener("keydown", (event) => { window.pressed = event.timeStamp; look(); },
    { capture: true, once: true });
})"""


async def run() -> Result:
    """Keys at rest, keys during events, and jumps."""
    load = load_average()
    with scratch_desk() as desk:
        await asyncio.to_thread(desk.start)
        with many_tickets(desk, TICKETS):
            figures = await _measure(desk)
        where = await circumstances(desk, load)
    return Result(
        id="P6",
        circumstances=where,
        parameters={
            "tickets": TICKETS,
            "keys": KEYS,
            "events": EVENTS,
            "events_per_second": EVENTS_PER_SECOND,
            "jumps": JUMPS,
        },
        figures=figures,
        split=[],
    )


async def _measure(desk: RunningDesk) -> list[Figure]:
    names = (path for name in CHROMIUM_NAMES if (path := shutil.which(name)))
    async with async_playwright() as playwright:
        found = next(names, playwright.chromium.executable_path)
        browser = await playwright.chromium.launch(executable_path=found, args=FLAGS)
        page = await _open(browser, desk, desk.agent)
        await page.evaluate(_WATCH, _AT_LEAST_MS)
        rest, _ = await _keys(page)
        rows = await page.evaluate(
            f"fetch('/api/tickets/window?status=closed&sort=created_at&limit={TOLD}').then((answer) => answer.json())"
        )
        events = asyncio.create_task(_tell(page, rows["items"]))
        busy, tasks = await _keys(page, events)
        await events
        jumps = {
            f"row {TICKETS:,} (End)": await _jumps(page, TICKETS, "End"),
            "row 1 (Home)": await _jumps(page, 1, "Home"),
            f"row {MIDDLE:,}": await _jumps(page, MIDDLE, "Enter"),
        }
        came, left = await _presence(page, await _open(browser, desk, desk.admin))
        await browser.close()
    return [
        *_spread("`j`: from the key to the frame", rest),
        *_spread(f"`j` while {EVENTS:,} events come in: from the key to the frame", busy),
        Figure("the longest task meanwhile", max(tasks, default=0.0), "ms", aim="< 200"),
        *(Figure(f"to {name}, median of {JUMPS}", median(took), "ms", aim="< 500") for name, took in jumps.items()),
        Figure(f"until who opens the same ticket is shown, longest of {JUMPS}", max(came), "ms", aim="< 1000"),
        Figure(f"until who leaves it is not, longest of {JUMPS}", max(left), "ms"),
    ]


def _spread(name: str, took: list[float]) -> list[Figure]:
    return [
        Figure(f"{name}, p50", median(took), "ms"),
        Figure(f"{name}, p95", percentile(took, 95), "ms", aim="< 100"),
    ]


async def _open(browser: Browser, desk: RunningDesk, who: Login) -> Page:
    """The list of closed tickets, whose socket we can speak through."""
    context = await browser.new_context(base_url=web_url(desk), viewport=_SIZE, locale="en-US")  # type: ignore[arg-type]
    login = {"email": who.email, "password": who.password}
    answer = await context.request.post(
        "/api/auth/sign-in", data=login, headers={"X-Desk-CSRF": "1", "Origin": desk.url}
    )
    assert answer.ok, await answer.text()
    page = await context.new_page()
    await page.add_init_script(_SOCKET)
    await page.goto("/inbox/solved")
    await page.locator('[aria-posinset="1"][aria-setsize]').wait_for()
    return page


async def _keys(page: Page, during: "asyncio.Task[None] | None" = None) -> tuple[list[float], list[float]]:
    """Milliseconds of each key until its frame, and of each long task; as many keys as it takes to outlast `during`."""
    await page.evaluate("window.frames_ms = []; window.tasks_ms = []")
    before = await page.evaluate(_PRESSED)
    pressed = 0
    while pressed < KEYS or (during is not None and not during.done()):
        await page.keyboard.press("j")
        pressed += 1
    await page.wait_for_function(f"({_PRESSED}) >= {before + pressed}")
    await asyncio.sleep(_SETTLED_S)
    told: list[float] = await page.evaluate("window.frames_ms")
    return [*told, *[_AT_LEAST_MS] * (pressed - len(told))], await page.evaluate("window.tasks_ms")


async def _tell(page: Page, rows: Sequence[dict[str, Any]]) -> None:
    """Events as the gateway sends them: each ticket changes several times."""
    told = []
    for number in range(EVENTS):
        row = rows[number % len(rows)]
        ticket = {name: row[name] for name in row if name not in {"sla", "status_labels", "type_labels"}}
        ticket |= {"version": row["version"] + 1 + number, "subject": f"Told {number}"}
        told.append(json.dumps({"seq": 1, "type": "ticket.upserted", "ticket": ticket}))
    await page.evaluate(_SPEAK, [told, 1000 / EVENTS_PER_SECOND])


async def _jumps(page: Page, place: int, key: str) -> list[float]:
    """Milliseconds from the key until the row is there; from elsewhere each time, where nothing was fetched of it."""
    took = []
    for _ in range(JUMPS):
        await page.reload()
        await page.locator('[id^=ticket-][aria-posinset="1"]').wait_for()
        await page.keyboard.press("j")
        if place == 1:
            await page.keyboard.press("End")
            await page.locator(f'[id^=ticket-][aria-posinset="{TICKETS}"]').wait_for()
        if key == "Enter":
            await page.keyboard.press("#")
            await page.get_by_label(re.compile("Row")).fill(str(place))
        there = asyncio.create_task(page.evaluate(_THERE, place))
        await asyncio.sleep(0.2)  # it has to listen before the key comes
        await page.keyboard.press(key)
        took.append(await there)
    return took


async def _presence(page: Page, other: Page) -> tuple[list[float], list[float]]:
    """Milliseconds from a click until one who comes to the first ticket is shown at it, and until they are not.

    The first time is left out: then both windows load what shows a ticket.
    """
    first = '[id^=ticket-][aria-posinset="1"]'
    await page.goto("/inbox/solved")
    await page.locator(first).click()
    banner = page.get_by_text(re.compile("is here"))
    back = other.get_by_role("button", name="Back to the list")
    came, left = [], []
    for _ in range(JUMPS + 1):
        begun = time.perf_counter()
        await other.locator(first).click()
        await banner.wait_for()
        came.append((time.perf_counter() - begun) * 1000)
        begun = time.perf_counter()
        await back.click()
        await banner.wait_for(state="detached")
        left.append((time.perf_counter() - begun) * 1000)
    return came[1:], left[1:]
