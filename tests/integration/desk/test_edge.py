"""The edge as nginx runs it, in front of services that are not there."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from desk.edge import Edge
from desk.ports import free_port
from desk.roster import ROSTER

LIVENESS_SECONDS = 30


@contextmanager
def running_edge(**ports: list[int]) -> Iterator[Edge]:
    """nginx, with an empty web directory, before services on `ports`, or on one where nobody is.

    nginx's account reaches its directory, unlike pytest's own.
    """
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        place.chmod(0o755)
        (place / "web").mkdir()
        edge = Edge(
            host="127.0.0.1",
            port=free_port(),
            upstreams={entry.name: ports.get(entry.name, [free_port()]) for entry in ROSTER},
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
def edge() -> Iterator[Edge]:
    """nginx before services that are not there."""
    with running_edge() as edge:
        yield edge


class Upstream:
    """A process of a service: answers, or ends each connection when it has read a request.

    What it has read is in `seen`, by the header X-Request-ID.
    """

    def __init__(self, port: int, *, dies: bool) -> None:
        self.seen: list[str] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                upstream.seen.append(self.headers["X-Request-ID"])
                if dies:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - the standard library's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


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


KEY = {"Idempotency-Key": "one-of-a-kind"}
ASKED = 6


@pytest.mark.parametrize(
    ("method", "path", "headers", "repeated"),
    [
        ("GET", "/api/tickets", {}, True),
        ("PUT", "/api/tickets/7", {}, True),
        ("POST", "/api/tickets", KEY, True),
        ("POST", "/api/tickets/7/replies", KEY, True),
        ("POST", "/api/tickets", {}, False),
        ("POST", "/api/tickets", {"Idempotency-Key": ""}, False),
        ("PATCH", "/api/tickets/7", KEY, False),
        ("POST", "/api/tickets/7/somewhere-else", KEY, False),
    ],
)
def test_another_process_stands_in_for_one_that_dies(
    method: str, path: str, headers: dict[str, str], repeated: bool
) -> None:
    """A killed api answered 502 to what could have been asked again; what cannot is never sent twice."""
    ports = [free_port(), free_port()]
    with closing(Upstream(ports[0], dies=True)) as dying, closing(Upstream(ports[1], dies=False)) as well:
        with running_edge(tickets=ports) as edge, httpx.Client(base_url=f"http://127.0.0.1:{edge.port}") as client:
            names = [f"request-{number}" for number in range(ASKED)]
            answers = [
                client.request(method, path, headers={**headers, "X-Request-ID": name}, content=name) for name in names
            ]
        assert dying.seen
        if repeated:
            assert [(answer.status_code, answer.text) for answer in answers] == [(200, name) for name in names]
            assert sorted(well.seen) == names
        else:
            failed = [name for name, answer in zip(names, answers, strict=True) if answer.status_code == 502]
            assert failed == dying.seen
            assert sorted(dying.seen + well.seen) == names
            assert {answer.headers["content-type"] for answer in answers if answer.status_code == 502} == {
                "application/problem+json"
            }


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_process_that_is_away_costs_no_request(method: str) -> None:
    ports = [free_port(), free_port()]
    with closing(Upstream(ports[1], dies=False)) as well, running_edge(tickets=ports) as edge:
        with httpx.Client(base_url=f"http://127.0.0.1:{edge.port}") as client:
            assert {client.request(method, "/api/tickets").status_code for _ in range(ASKED)} == {200}
        assert len(well.seen) == ASKED


@pytest.mark.parametrize("back", [0, 1])
def test_a_process_that_is_back_is_asked_at_once(back: int) -> None:
    """nginx's usual ten seconds of avoiding whoever failed: of two processes restarted in turn none was left."""
    ports = [free_port(), free_port()]
    with running_edge(tickets=ports) as edge, httpx.Client(base_url=f"http://127.0.0.1:{edge.port}") as client:
        assert client.post("/api/tickets", headers=KEY).status_code == 502
        assert client.post("/api/tickets", headers=KEY).json()["type"] == "/problems/unavailable"
        with closing(Upstream(ports[back], dies=False)):
            assert {client.get("/api/tickets").status_code for _ in range(ASKED)} == {200}
