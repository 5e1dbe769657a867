"""`make fresh`: both commands as a stranger meets them. Needs nothing that is installed.

A clone of what is committed, an empty home, no caches: `make test`; then `make run`, an e-mail that has to become an
assigned ticket with a running clock, Ctrl-C, and a second start that has to be quick and to know the ticket.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from desk.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
MAIL = ROOT / "samples" / "mail" / "02-hindi-utf8-base64.eml"
SECOND_START_SECONDS = 20.0
INSTALL_SECONDS = 1800.0
TICKET_SECONDS = 30.0
# How this machine reaches package registries, and which certificates it trusts; everything else stays behind.
_KEPT = re.compile(
    r"PATH|LANG|DESK_REQUIRE_(BROWSER|CLAMAV|MAIL_SERVERS)|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE"
    r"|(PIP|UV|NPM_CONFIG)_\w*|(HTTPS?|NO|ALL)_PROXY",
    re.IGNORECASE,
)


class FreshError(Exception):
    """Something did not work for a stranger; the message says what."""


def _environment(directory: Path, port: int) -> dict[str, str]:
    home = directory / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    return {
        **kept,
        "HOME": str(home),
        "UV_CACHE_DIR": str(directory / "cache" / "uv"),
        "PIP_CACHE_DIR": str(directory / "cache" / "pip"),
        "npm_config_cache": str(directory / "cache" / "npm"),
        "DESK_EDGE_PORT": str(port),
    }


class Run:
    """One `make run`."""

    def __init__(self, clone: Path, environment: dict[str, str], patience_seconds: float) -> None:
        self._started_at = time.monotonic()
        self._log = clone.parent / "run.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                ["make", "run"],  # noqa: S607 - found as the operator finds it
                cwd=clone,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while "The desk is ready" not in self._log.read_text():
            if self._process.poll() is not None or time.monotonic() - self._started_at > patience_seconds:
                self.stop()
                raise FreshError(f"`make run` did not become ready:\n{self._log.read_text()[-3000:]}")
            time.sleep(0.2)
        self.seconds = time.monotonic() - self._started_at

    def stop(self) -> None:
        """Ctrl-C: the terminal sends it to the whole foreground group."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
            self._process.wait(60)


class Caller:
    """A signed-in agent, with nothing but the standard library."""

    def __init__(self, clone: Path, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._cookie = ""
        logins = json.loads((clone / ".desk" / "demo-logins.json").read_text())["logins"]
        login = next(each for each in logins if each["role"] == "supervisor")
        body = json.dumps({"email": login["email"], "password": login["password"]}).encode()
        self.send("POST", "/api/auth/sign-in", body, "application/json")

    def send(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> Any:
        """The JSON answer. Raises FreshError for anything but a 2xx."""
        headers = {"Origin": self._url, "X-Desk-CSRF": "1", "Cookie": self._cookie}
        if content_type:
            headers["Content-Type"] = content_type
        request = urllib.request.Request(self._url + path, body, headers, method=method)  # noqa: S310 - our own desk
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                cookies = [SimpleCookie(header) for header in answer.headers.get_all("Set-Cookie", [])]
                pairs = [f"{name}={morsel.value}" for cookie in cookies for name, morsel in cookie.items()]
                self._cookie = "; ".join(pairs) or self._cookie
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise FreshError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:500]}") from error

    def newest(self) -> dict[str, Any] | None:
        """The newest ticket's row."""
        rows = self.send("GET", "/api/tickets?sort=-created_at&limit=1")["items"]
        return rows[0] if rows else None


def _eventually(look: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + TICKET_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise FreshError(f"{what} did not happen within {TICKET_SECONDS:.0f} s")


def _prove(directory: Path) -> None:
    clone = directory / "desk"
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(clone)], check=True)  # noqa: S603, S607
    port = free_port()
    environment = _environment(directory, port)

    print("make test in a clean clone", flush=True)
    if subprocess.run(["make", "test"], cwd=clone, env=environment, check=False).returncode:  # noqa: S607
        raise FreshError("`make test` failed")

    print("make run", flush=True)
    run = Run(clone, environment, INSTALL_SECONDS)
    try:
        print(f"ready after {run.seconds:.1f} s", flush=True)
        number = _mail_becomes_ticket(Caller(clone, port))
    finally:
        run.stop()

    run = Run(clone, environment, INSTALL_SECONDS)
    try:
        print(f"second start: ready after {run.seconds:.1f} s", flush=True)
        newest = Caller(clone, port).newest()
        if newest is None or newest["number"] < number:
            raise FreshError(f"ticket {number} was lost by a restart")
    finally:
        run.stop()
    if run.seconds > SECOND_START_SECONDS:
        raise FreshError(f"the second start took {run.seconds:.1f} s, more than {SECOND_START_SECONDS:.0f} s")


def _mail_becomes_ticket(caller: Caller) -> int:
    """Post a sample e-mail and wait until it is assigned and has a clock; returns the ticket's number."""
    before = (caller.newest() or {"number": 0})["number"]
    begun = time.monotonic()
    caller.send("POST", "/api/ingest/email", MAIL.read_bytes(), "message/rfc822")

    def assigned() -> dict[str, Any] | None:
        row = caller.newest()
        there = row is not None and row["number"] > before and row["assignee"] and (row["sla"] or {}).get("state")
        return row if there else None

    row = _eventually(assigned, "the e-mail becoming an assigned ticket with a clock")
    print(
        f"e-mail to assigned ticket {row['number']} ({row['language']}): {time.monotonic() - begun:.2f} s", flush=True
    )
    return int(row["number"])


def main() -> None:
    """Exit 0 when a stranger gets what the README promises."""
    directory = Path(tempfile.mkdtemp(prefix="desk-fresh-"))
    try:
        _prove(directory)
    except FreshError as error:
        sys.exit(str(error))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("fresh: both commands work in a clean clone", flush=True)


if __name__ == "__main__":
    main()
