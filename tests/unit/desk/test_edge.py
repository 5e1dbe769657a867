"""The edge's template: every placeholder is known, nginx accepts it, and each path has one service."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.edge import TEMPLATE, Edge, EdgeError, nginx_binary, render
from desk.home import ROOT
from desk.roster import ROSTER, SERVICES

UPSTREAMS = {entry.name: [entry.port] for entry in ROSTER}

# First segment below /api -> service: the table of the architecture, and the service's own name for its OpenAPI.
ROUTES = {
    "gateway": ("auth", "accounts", "live", "notifications", "gateway"),
    "ingestion": ("ingest", "channels", "attachments", "webhooks", "imports", "ingestion"),
    "tickets": (
        "tickets",
        "bulk",
        "customers",
        "organisations",
        "views",
        "search",
        "macros",
        "settings",
        "audit",
        "privacy",
    ),
    "routing": ("routing", "rules", "agents"),
    "sla": ("sla",),
    "analytics": ("analytics",),
    "knowledge": ("knowledge", "assist", "bot"),
}


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that nginx's account reaches; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def _edge(state: Path, web: Path | None = None) -> Edge:
    return Edge(
        host="127.0.0.1",
        port=18_080,
        upstreams=UPSTREAMS,
        state=state,
        web=web or state / "dist",
        log=state / "edge.log",
    )


def _routed(path: str) -> str:
    """What the template's map makes of a path; its patterns mean the same to Python as to PCRE."""
    body = re.search(r"map \$uri \$desk_upstream \{(.*?)\n    \}", TEMPLATE.read_text(), re.DOTALL)
    assert body is not None
    for pattern, service in re.findall(r'"~(.+?)" (\w+);', body[1]):
        if re.search(pattern, path):
            return str(service)
    return ""


@pytest.mark.parametrize(("service", "segment"), [(name, each) for name, all_ in ROUTES.items() for each in all_])
def test_every_segment_has_its_service(service: str, segment: str) -> None:
    assert _routed(f"/api/{segment}") == service
    assert _routed(f"/api/{segment}/1") == service
    assert _routed(f"/api/{segment}x") != service
    assert service in SERVICES


def test_what_a_service_answers_reaches_it() -> None:
    for service in SERVICES:
        document = json.loads((ROOT / "docs" / "openapi" / f"{service}.json").read_text())
        assert {path: _routed(path) for path in document["paths"]} == dict.fromkeys(document["paths"], service)


def _is_repeated(request: str) -> bool:
    """Whether the edge sends this once more: method, path and key."""
    body = re.search(r"map .* \$desk_repeatable \{\n\s*\"~(.*)\" 1;", TEMPLATE.read_text())
    assert body is not None
    return re.search(body[1], request) is not None


def test_repeated_is_what_keeps_the_key() -> None:
    """A POST sent again to where nobody looks at its key has two effects: two keys, two sessions, two of anything."""
    keeping = set()
    for service in SERVICES:
        document = json.loads((ROOT / "docs" / "openapi" / f"{service}.json").read_text())
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                kept = any(each["name"].lower() == "idempotency-key" for each in operation.get("parameters", ()))
                concrete = re.sub(r"\{\w+\}", "0198b2c4-7a51-7c3e-9d7e-0f3a5b1c2d3e", path)
                assert _is_repeated(f"{method.upper()} {concrete} some-key") == kept, f"{method} {path}"
                assert not _is_repeated(f"{method.upper()} {concrete} ")
                if kept:
                    keeping.add(path)
    assert "/api/tickets" in keeping


def test_pages_of_customers_have_the_service_whose_they_are() -> None:
    for page, service in {
        "portal.css": "ingestion",
        "request": "ingestion",
        "sent": "ingestion",
        "reply": "ingestion",
        "ticket": "tickets",
    }.items():
        assert _routed(f"/portal/{page}") == service
    assert _routed("/portal/tickets") == _routed("/portal/") == _routed("/x/portal/ticket") == ""


def test_unknown_segments_have_none() -> None:
    assert _routed("/api/") == ""
    assert _routed("/api/nowhere") == ""
    assert _routed("/health/ready") == ""
    assert _routed("/metrics") == ""


def test_nginx_accepts_the_rendered_file(open_directory: Path) -> None:
    edge = _edge(open_directory / "a home with spaces" / "edge")
    written = edge.configure()
    assert "${DESK_EDGE_WEB}" not in written.read_text()
    # configure() ran `nginx -t`; see that this says something.
    broken = open_directory / "broken.conf"
    broken.write_text(written.read_text().replace("listen ", "lissen "))
    checked = subprocess.run([nginx_binary(), "-t", "-q", "-c", broken], capture_output=True, check=False)
    assert checked.returncode != 0


def test_a_refused_file_is_told(open_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_EDGE_SIGN_IN_RATE", "very slow")
    with pytest.raises(EdgeError, match=r"refuses its configuration.*limit_req_zone"):
        _edge(open_directory / "edge").configure()


def test_only_our_placeholders_are_filled_in() -> None:
    assert render("${DESK_EDGE_X} $uri ${remote_addr}", {"DESK_EDGE_X": "1"}) == "1 $uri ${remote_addr}"
    with pytest.raises(KeyError):
        render("${DESK_EDGE_UNKNOWN}", {})


def test_clients_cannot_say_who_they_are() -> None:
    """A trusted X-Forwarded-For lets a client choose its address with each request, and so pass every limit."""
    template = TEMPLATE.read_text()
    assert "$proxy_add_x_forwarded_for" not in template
    locations_with_headers = template.count("proxy_set_header X-Forwarded-For $remote_addr;")
    # A location that sets one header inherits none: each place that sets any has to set this one.
    assert locations_with_headers == template.count("proxy_set_header Host $http_host;") == 2


def test_policy_has_no_inline_escape() -> None:
    template = TEMPLATE.read_text()
    assert "unsafe-inline" not in template
    assert "unsafe-eval" not in template
    assert "frame-ancestors 'none'" in template
