"""The edge as nginx runs it, in front of services that are not there."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from desk.edge import Edge
from desk.ports import free_port
from desk.roster import ROSTER

LIVENESS_SECONDS = 30


@pytest.fixture
def edge() -> Iterator[Edge]:
    """A running nginx whose web directory is empty; nginx's account reaches it, unlike pytest's own directories."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        place.chmod(0o755)
        (place / "web").mkdir()
        edge = Edge(
            host="127.0.0.1",
            port=free_port(),
            upstreams={entry.name: free_port() for entry in ROSTER},
            state=place / "edge",
            web=place / "web",
            log=place / "edge.log",
        )
        edge.configure()
        edge.launch()
        try:
            deadline = time.monotonic() + LIVENESS_SECONDS
            while not edge.ready:
                assert time.monotonic() < deadline, edge.log.read_text()
                time.sleep(0.02)
            yield edge
        finally:
            edge.stop()


@pytest.fixture
def client(edge: Edge) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{edge.port}") as client:
        yield client


@pytest.fixture
def web(edge: Edge) -> Path:
    return edge.log.parent / "web"


def test_a_missing_asset_is_not_remembered(client: httpx.Client, web: Path) -> None:
    """During an update a 404 was kept for a year, and the page of whoever met it stayed broken."""
    (web / "assets").mkdir()
    (web / "assets" / "app-1a2b.js").write_text("'ten bytes'")
    missing = client.get("/assets/app-3c4d.js")
    assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-store")
    for headers, status in (({}, 200), ({"Range": "bytes=0-3"}, 206)):
        found = client.get("/assets/app-1a2b.js", headers=headers)
        assert (found.status_code, "immutable" in found.headers["cache-control"]) == (status, True)
    unchanged = client.get("/assets/app-1a2b.js", headers={"If-None-Match": found.headers["etag"]})
    assert (unchanged.status_code, "immutable" in unchanged.headers["cache-control"]) == (304, True)


def test_without_a_web_app_the_page_says_what_to_run(client: httpx.Client, web: Path) -> None:
    for path in ("/", "/tickets/7"):
        page = client.get(path)
        assert (page.status_code, page.headers["cache-control"]) == (404, "no-store")
        assert page.headers["content-type"].startswith("text/html")
        assert "make ui" in page.text
    (web / "index.html").write_text("<p>the web app")
    for path in ("/", "/tickets/7"):
        page = client.get(path)
        assert (page.status_code, page.text, page.headers["cache-control"]) == (200, "<p>the web app", "no-cache")
        assert page.headers["content-type"].startswith("text/html")


def test_what_no_service_answers_is_a_problem(client: httpx.Client) -> None:
    """All of /api but three paths answered nginx's own page while a service was away."""
    away, unknown = client.get("/api/tickets"), client.get("/api/nowhere")
    for answer, status in ((away, 502), (unknown, 404)):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.status_code == answer.json()["status"] == status
        assert answer.headers["cache-control"] == "no-store"
    assert away.headers["retry-after"] == "2"


@pytest.mark.parametrize("path", ["/api/tickets", "/api/auth/sign-in", "/api/ingest/email", "/api/live", "/tickets"])
def test_logs_hold_no_query(client: httpx.Client, edge: Edge, path: str) -> None:
    """A search holds a customer's name; the error log quoted the request line with it."""
    answers = [client.post(path, params={"q": "ana-ejemplo"}) for _ in range(25)]
    if path.startswith("/api/"):
        assert {answer.status_code for answer in answers} <= {502, 429}
    edge.stop()
    written = edge.log.read_text()
    assert f'"path":"{path}"' in written or path == "/tickets"
    assert "ana-ejemplo" not in written
