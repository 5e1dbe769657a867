"""Figures as a supervisor reads them: the table, the file and the tickets behind a number are those of the API."""

import csv
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from shared.ids import uuid7
from tests.running_desk import RunningDesk
from tests.ui.conftest import PATIENCE_MS, OpenPage
from tests.ui.test_accessibility import AXE, RULES

pytestmark = pytest.mark.browser

# Texts of a drawing that lie upon each other, or stick out of it.
MISPLACED = """(section) => {
    const svg = section.querySelector("[role=img] svg");
    const box = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    const out = texts.filter(([, r]) => r.left < box.left - 1 || r.right > box.right + 1);
    const over = texts.filter(([, a], i) => texts.slice(i + 1).some(([, b]) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
    return [...out, ...over].map(([words]) => words);
}"""


def work(desk: RunningDesk, group: str) -> None:
    """Three tickets of a group of their own, one of them solved; returns once the figures tell so."""
    with desk.client(desk.admin) as admin:
        for number, kind in enumerate(["technical", "technical", "billing"]):
            body = {
                "requester": {"email": f"{uuid7()}@example.org"},
                "subject": f"Report {uuid7()}",
                "text": "Where is my parcel? I have been waiting for it for a week now.",
                "type": kind,
            }
            made = admin.post("/api/tickets", json=body)
            assert made.status_code == 201, made.text
            path = f"/api/tickets/{made.json()['id']}"
            change(admin, path, {"group": group})
            if number == 0:
                change(admin, path, {"status": "solved"})
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while True:
            figures = admin.get("/api/analytics/overview", params={"group": group}).json()["figures"]
            if (figures["tickets_created"], figures["tickets_solved"]) == (3, 1):
                return
            assert time.monotonic() < deadline, figures
            time.sleep(0.2)


def change(client: httpx.Client, path: str, body: dict[str, str]) -> None:
    """A change upon whatever routing does to the ticket meanwhile."""
    for _ in range(20):
        version = client.get(path).headers["ETag"]
        answer = client.patch(path, json=body, headers={"If-Match": version})
        if answer.status_code != 412:
            break
    assert answer.status_code == 200, answer.text


def rows_of(table: Locator) -> list[list[str]]:
    return [row.locator("th, td").all_inner_texts() for row in table.get_by_role("row").all()]


def downloaded(page: Page, section: Locator) -> list[list[str]]:
    with page.expect_download() as download:
        section.get_by_role("button", name="Download CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.reader(text.splitlines()))


def found(client: httpx.Client, href: str) -> int:
    """How many tickets the search of a link finds."""
    query = parse_qs(urlsplit(href).query)["q"][0]
    answer = client.get("/api/tickets/search", params={"q": query, "limit": 200})
    assert answer.status_code == 200, answer.text
    return len(answer.json()["items"])


def rows_of_volume(figures: dict[str, Any]) -> list[list[int]]:
    """What the API says of new tickets: for each day one number for each key, and of several their sum.

    The keys with the most tickets come first.
    """
    points = figures["volume"]
    sums: dict[str, int] = {}
    for point in points:
        for key, count in point["tickets"].items():
            sums[key] = sums.get(key, 0) + count
    keys = sorted(sums, key=lambda key: (-sums[key], key))
    rows = [[point["tickets"].get(key, 0) for key in keys] for point in points]
    return [[*row, sum(row)] for row in rows] if len(keys) > 1 else rows


def answers_of(client: httpx.Client, page: Page) -> dict[tuple[str, ...], dict[str, Any]]:
    """What the API says to what the page asked for: its figures of the period shown, by path and dimension."""
    urls = [urlsplit(url) for url in page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")]
    asked = [url for url in urls if url.path.startswith("/api/analytics/") and "type=" not in url.query]
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    # The period before is asked for, too: the later one counts.
    for url in sorted(asked, key=lambda url: parse_qs(url.query)["from"]):
        by = parse_qs(url.query).get("by", [])
        found[url.path, *by] = client.get(f"{url.path}?{url.query}").json()["figures"]
    return found


def test_every_chart_has_a_table_a_file_and_the_tickets_behind_it(desk: RunningDesk, open_page: OpenPage) -> None:
    """Each chart's table says what the API says, its file says what the table says, and each number that leads to
    tickets leads to as many."""
    group = f"Reports {uuid7().hex}"
    work(desk, group)
    supervisor = desk.login("supervisor")
    with desk.client(supervisor) as client:
        path = f"/reports/overview?{urlencode({'group': group})}"
        page = open_page(path, supervisor, viewport={"width": 1280, "height": 900})
        expect(page.get_by_label("Group")).to_have_value(group)
        created = page.locator("[data-figure=tickets_created]")
        expect(created).to_have_text("3")
        # The address says what is chosen, so going back takes it back.
        page.get_by_label("Type").select_option("technical")
        expect(created).to_have_text("2")
        page.go_back()
        expect(created).to_have_text("3")
        expect(page.locator("[data-figure=tickets_solved]")).to_have_text("1")
        expect(page.locator("[data-figure=backlog]")).to_have_text("2")

        answers = answers_of(client, page)
        overview = answers["/api/analytics/overview",]
        told = {
            "New tickets by channel": rows_of_volume(answers["/api/analytics/volume", "channel"]),
            "New tickets by language": rows_of_volume(answers["/api/analytics/volume", "language"]),
            "Backlog by day": [[day["tickets"]] for day in overview["backlog_by_day"]],
            "Service levels kept": [
                [clock["met"], clock["breached"], clock["met"] + clock["breached"]]
                for clock in overview["sla_compliance"]
            ],
        }
        for name, numbers in told.items():
            chart = page.get_by_role("region", name=name, exact=True).first
            chart.get_by_role("button", name="Show as table").click()
            shown = rows_of(chart.get_by_role("table"))
            assert shown == downloaded(page, chart), name
            assert [[int(number) for number in row[1:]] for row in shown[1:]] == numbers, name
            links = chart.get_by_role("link").all()
            if name.startswith("New tickets"):
                assert sum(row[-1] for row in numbers) == 3
                # Every number that counts something can be pressed; sums alone cannot.
                assert len(links) == sum(number > 0 for row in numbers for number in row[:-1] or row), name
            for link in links:
                assert found(client, link.get_attribute("href") or "") == int(link.inner_text()) > 0

        for link in page.get_by_role("list", name="Figures").get_by_role("link").all():
            figure = link.locator("xpath=..").get_attribute("data-figure")
            if figure != "resolution_time":
                assert found(client, link.get_attribute("href") or "") == int(link.inner_text()), figure
        created.get_by_role("link").click()
        expect(page.locator("[role=option][aria-setsize='3']")).to_have_count(3)

        # What is drawn leads there, too.
        page.go_back()
        for name in ("New tickets by channel", "New tickets by language"):
            chart = page.get_by_role("region", name=name, exact=True).first
            # Today's are the last, and the only ones.
            chart.locator("[role=img] svg path[fill='var(--color-chart-1)']").last.click()
            counted = int(max(told[name])[0])
            expect(page.locator(f"[role=option][aria-setsize='{counted}']")).to_have_count(counted)
            page.go_back()


@pytest.mark.parametrize(("theme", "locale"), [("light", "en-US"), ("dark", "ar-EG")])
def test_reports_are_laid_out_for_everybody(desk: RunningDesk, open_page: OpenPage, theme: str, locale: str) -> None:
    """No violation in either theme and direction, at 390 px; no text of a chart upon another or out of it."""
    page = open_page(
        "/reports/overview",
        desk.login("supervisor"),
        color_scheme=theme,
        locale=locale,
        viewport={"width": 390, "height": 844},
    )
    drawn = page.locator("section:has([role=img] svg)")
    expect(drawn.first).to_be_visible()
    for section in drawn.all():
        assert section.evaluate(MISPLACED) == []
    page.evaluate(AXE.read_text())
    violations = page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"
