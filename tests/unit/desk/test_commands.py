"""The operator's commands: what is kept stays kept, and trouble is one sentence."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from desk import demo
from desk.client import DeskClient, RequestFailed
from desk.demo import Demo, DemoError
from desk.home import ROOT, Home
from desk.seed import PEOPLE


class SeededDesk(BaseHTTPRequestHandler):
    """As much of a desk's API as seeding needs, of a desk that has all accounts already."""

    def do_POST(self) -> None:
        self._answer(409 if self.path == "/api/accounts" else 200, {})

    def do_PUT(self) -> None:
        self._answer(200, {})

    def do_GET(self) -> None:
        items = [{"id": person.email, "email": person.email} for person in PEOPLE]
        self._answer(200, {"items": items, "next_cursor": None})

    def _answer(self, status: int, content: Any) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture
def seeded_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), SeededDesk) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def _desk(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DESK_HOME": str(home.path)}
    return subprocess.run(
        [sys.executable, "-m", "desk", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_seeding_again_keeps_the_log_ins(home: Home, seeded_url: str) -> None:
    """It made up new passwords for accounts that existed already, and the ones that worked were lost."""
    home.write_running({"url": seeded_url})
    first = _desk(home, "seed")
    assert first.returncode == 0, first.stderr
    assert "sam@example.com" in first.stdout
    kept = home.demo_file.read_bytes()
    again = _desk(home, "seed")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert home.demo_file.read_bytes() == kept


def test_reset_refuses_what_never_was_a_desk(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "mine.log").touch()
    refused = _desk(Home(tmp_path), "reset", "--yes")
    assert refused.returncode == 1
    assert "nothing is deleted" in refused.stderr
    assert (tmp_path / "logs" / "mine.log").exists()
    assert not (tmp_path / "lock").exists()


def test_a_killed_desk_does_not_run(home: Home) -> None:
    home.write_running({"url": "http://127.0.0.1:9", "launcher_pid": 1, "database": {"urls": {"sla": "postgres://x"}}})
    for arguments in (["seed"], ["demo"], ["refill"], ["deadletters", "list"]):
        told = _desk(home, *arguments)
        assert told.returncode != 0
        assert "desk runs here" in told.stderr, told.stderr


@pytest.mark.parametrize("url", ["localhost:8080", "http://", "http://localhost:99999", "http://[", "desk"])
def test_what_is_no_address_is_told_with_an_example(url: str) -> None:
    with pytest.raises(RequestFailed, match=r"is not the address of a desk.*http://localhost:8080"):
        DeskClient(url)


class SilentClient:
    """A desk that is gone for good."""

    def call(self, *_: Any) -> Any:
        raise RequestFailed(0, "the desk does not answer (ConnectionRefusedError)", retry_after=0.0)

    send = call


def test_demo_gives_up_on_a_desk_that_is_gone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_SILENCE_SECONDS", 0.01)
    playing = Demo(home, SilentClient(), lambda: None)  # type: ignore[arg-type]  # a stand-in
    with Progress(disable=True) as progress, pytest.raises(DemoError, match="does not answer; run it again to go on"):
        playing.play(messages=1, per_second=100, resume=True, progress=progress)


class RestartingClient:
    """A desk whose parts are on their way up: it takes everything at the second try, and forgets the session once."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def call(self, _method: str, path: str, *_: Any) -> Any:
        self.asked.append(path)
        if self.asked.count(path) == 1:
            raise RequestFailed(503, "Not available right now", retry_after=0.0)
        if len(self.asked) == 4:
            raise RequestFailed(401, "Sign in first", retry_after=0.0)
        return {"items": [], "next_cursor": None}

    send = call


def test_demo_goes_on_when_the_desk_comes_back(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It once gave up because the sign-in, or the count of tickets, met a part that was being started again."""
    monkeypatch.setattr(demo, "_SETTLE_SECONDS", 0.01)
    client = RestartingClient()
    sign_in = partial(client.call, "POST", "/api/auth/sign-in")
    with Progress(disable=True) as progress:
        summary = Demo(home, client, sign_in).play(messages=1, per_second=100, resume=True, progress=progress)  # type: ignore[arg-type]
    assert summary.accepted == 1
    # Sign-in, message and count are each asked again, and the message a third time after another sign-in.
    assert summary.repeated == 4
    assert [path.partition("?")[0].rpartition("/")[2] for path in client.asked] == [
        *("sign-in", "sign-in", "messages", "messages", "sign-in", "messages", "tickets", "tickets")
    ]
