"""`desk demo`: plays multilingual customer traffic against a running desk.

Every message has an idempotency key made of the run and its place in it, so a run that was interrupted, or a desk that
lost a process in the middle, ends with each message accepted once.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from itertools import count as counting
from typing import Any, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from desk.client import DeskClient, RequestFailed
from desk.home import Home, read_private, write_private
from desk.samples import load_samples, mail_files

T = TypeVar("T")

_BUSY = {0, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
_BUSY |= {HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.CONFLICT}  # a conflict: the first attempt is still in flight
_PAGE = 100
_SETTLE_SECONDS = 15.0
_SILENCE_SECONDS = 30.0  # longer than any restart of a part of the desk takes


class DemoError(Exception):
    """The demo cannot be played; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to send."""

    path: str
    content_type: str
    body: Any


@dataclass(slots=True)
class Summary:
    """What became of a run."""

    accepted: int = 0
    repeated: int = 0
    tickets: int = 0
    seconds: float = 0.0


def playlist() -> Iterator[Part]:
    """Messages with the e-mails spread among them, then the messages again, without end.

    E-mails come once: the desk knows one it has seen already.
    """
    samples, mails = load_samples(), mail_files()
    for turn in counting():
        for place, sample in enumerate(samples):
            yield Part("/api/ingest/messages", "application/json", sample.message)
            if turn == 0 and place < len(mails):
                yield Part("/api/ingest/email", "message/rfc822", mails[place].read_bytes())


class Demo:
    """One run. `kept` in the home remembers how far it got."""

    def __init__(self, home: Home, client: DeskClient, sign_in: Callable[[], Any]) -> None:
        self._file = home.demo_run_file
        self._client = client
        self._sign_in = sign_in
        self.summary = Summary()

    def play(self, *, messages: int, per_second: float, resume: bool, progress: Progress) -> Summary:
        """Send `messages` at `per_second`, then wait for their tickets.

        Raises RequestFailed if one is refused,
        DemoError if the desk is gone.
        """
        kept = read_private(self._file) if resume else {}
        run = kept.get("run") or secrets.token_hex(4)
        begun_at = datetime.fromisoformat(kept["begun_at"]) if kept else datetime.now(UTC)
        done: int = kept.get("done", 0)
        self._patiently(self._sign_in)
        begun = time.monotonic()
        bar = progress.add_task("Customers write", total=messages, completed=done)
        for place, part in enumerate(playlist()):
            if place >= messages:
                break
            if place < done:
                continue
            self._send(part, f"demo-{run}-{place}")
            self.summary.accepted += 1
            write_private(self._file, {"run": run, "begun_at": begun_at.isoformat(), "done": place + 1})
            progress.advance(bar)
            time.sleep(max(0.0, begun + (place - done + 1) / per_second - time.monotonic()))
        self.summary.seconds = time.monotonic() - begun
        self._await_tickets(begun_at, progress)
        self._file.unlink(missing_ok=True)
        return self.summary

    def _send(self, part: Part, key: str) -> None:
        """Send until accepted: a desk that is busy, or lost a process, will take it later."""
        headers = {"Idempotency-Key": key}

        def send() -> None:
            if part.content_type == "application/json":
                self._client.call("POST", part.path, part.body, headers)
            else:
                self._client.send("POST", part.path, part.body, {**headers, "Content-Type": part.content_type})

        self._patiently(send)

    def _patiently(self, ask: Callable[[], T]) -> T:
        """Ask until it is answered. Raises DemoError when nothing answered for half a minute."""
        answered_at = time.monotonic()
        while True:
            try:
                return ask()
            except RequestFailed as error:
                if error.status == HTTPStatus.UNAUTHORIZED and ask is not self._sign_in:
                    self._patiently(self._sign_in)
                elif error.status not in _BUSY:
                    raise
                if error.status:
                    answered_at = time.monotonic()
                elif time.monotonic() - answered_at > _SILENCE_SECONDS:
                    raise DemoError("The desk does not answer; run it again to go on.") from error
                self.summary.repeated += 1
                time.sleep(error.retry_after)

    def _await_tickets(self, since: datetime, progress: Progress) -> None:
        """Count the tickets opened since the run began, until the count stands still."""
        bar = progress.add_task("Tickets appear", total=None)
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline:
            seen = self._opened_since(since)
            progress.update(bar, completed=seen)
            if seen == self.summary.tickets and seen:
                break
            self.summary.tickets = seen
            time.sleep(1.0)
        progress.update(bar, total=max(1, self.summary.tickets), completed=self.summary.tickets)

    def _opened_since(self, since: datetime) -> int:
        opened, cursor = 0, ""
        while True:
            path = f"/api/tickets?sort=-created_at&limit={_PAGE}" + (f"&cursor={cursor}" if cursor else "")
            page = self._patiently(partial(self._client.call, "GET", path))
            new = [row for row in page["items"] if datetime.fromisoformat(row["created_at"]) >= since]
            opened += len(new)
            cursor = page["next_cursor"]
            if len(new) < len(page["items"]) or not cursor:
                return opened


def play_demo(home: Home, *, url: str | None, messages: int, per_second: float, resume: bool) -> Summary:
    """Sign in as the demo organisation's supervisor and play. Raises DemoError or RequestFailed."""
    address = url or home.running().get("url")
    if not address:
        raise DemoError("No desk runs here: start one with `make run`, or name one with --url.")
    logins = read_private(home.demo_file).get("logins", [])
    login = next((each for each in logins if each["role"] == "supervisor"), None)
    if login is None:
        raise DemoError("The demo organisation is not there yet: run `desk seed` first.")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with DeskClient(address) as client, Progress(*columns) as progress:

        def sign_in() -> None:
            client.sign_in(login["email"], login["password"])

        return Demo(home, client, sign_in).play(
            messages=messages, per_second=per_second, resume=resume, progress=progress
        )
