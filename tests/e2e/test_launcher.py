"""The launcher as an operator meets it: everything comes back, nothing is lost, a second start keeps what was there."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from desk.samples import load_samples
from tests.running_desk import ON_TEST_KAFKA, ROOT, RunningDesk

PATIENCE_SECONDS = 180
RECYCLE_RECORDS = 600

launchers_broker = pytest.mark.skipif(ON_TEST_KAFKA, reason="the broker is not the launcher's to kill or to recycle")


@pytest.fixture(scope="module")
def own_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """A desk that these tests may hurt, with a broker that is full soon."""
    running = RunningDesk(
        tmp_path_factory.mktemp("launcher") / "home", DESK_BROKER_RECYCLE_RECORDS=str(RECYCLE_RECORDS)
    )
    running.start()
    yield running
    running.stop()
    running.log.unlink()  # ours; what is not the desk's stays
    reset = [sys.executable, "-m", "desk", "reset", "--yes"]
    subprocess.run(reset, cwd=ROOT, env={**os.environ, "DESK_HOME": str(running.home)}, check=True)
    assert not running.home.exists()


def _eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {PATIENCE_SECONDS} s")
        time.sleep(0.2)


def _write(desk: RunningDesk, count: int, run: str) -> None:
    """Customers write `count` messages; each is sent until accepted, under its own key."""
    samples = load_samples()
    with desk.system() as system:
        for number in range(count):
            key = f"{run}-{number}"
            message = {**samples[number % len(samples)].message, "external_id": key}

            def accepted(message: dict[str, object] = message, key: str = key) -> bool:
                try:
                    answer = system.post("/api/ingest/messages", json=message, headers={"Idempotency-Key": key})
                except httpx.TransportError:
                    return False
                assert answer.status_code in {202, 409, 429, 502, 503, 504}, answer.text
                return answer.status_code == 202

            _eventually(accepted, f"message {key} being accepted")


def _tickets(desk: RunningDesk) -> list[int]:
    """Numbers of all tickets; asked again while a part that was killed is on its way back."""
    pages: list[dict[str, Any]] = []

    def listed() -> bool:
        pages.clear()
        try:
            with desk.system() as system:
                while not pages or pages[-1]["next_cursor"]:
                    cursor = {"cursor": pages[-1]["next_cursor"]} if pages else {}
                    answer = system.get("/api/tickets", params={"limit": 100, **cursor})
                    if answer.status_code in {429, 502, 503, 504}:
                        return False
                    pages.append(answer.raise_for_status().json())
        except httpx.TransportError:
            return False
        return True

    _eventually(listed, "a list of the tickets")
    return [row["number"] for page in pages for row in page["items"]]


def _children(desk: RunningDesk) -> dict[str, int]:
    pids: dict[str, int] = desk.facts["pids"]
    return pids


@pytest.mark.parametrize(
    "name", ["tickets", pytest.param("broker", marks=launchers_broker), "edge", "postgres", "gateway"]
)
def test_a_killed_part_comes_back_and_nothing_is_lost(own_desk: RunningDesk, name: str) -> None:
    assert own_desk.ingest_token
    before = set(_tickets(own_desk))
    _write(own_desk, 3, f"before-{name}")
    killed = own_desk.kill(name)
    _write(own_desk, 3, f"after-{name}")
    _eventually(lambda: _children(own_desk)[name] != killed, f"{name} being started again")
    _eventually(lambda: len(set(_tickets(own_desk)) - before) == 6, "a ticket for each message")
    time.sleep(1)
    numbers = _tickets(own_desk)
    assert len(set(numbers) - before) == 6
    assert len(numbers) == len(set(numbers))


@launchers_broker
def test_a_full_broker_is_recycled_without_losing_anything(own_desk: RunningDesk) -> None:
    before = set(_tickets(own_desk))
    recycled = own_desk.log.read_text().count("broker recycled")
    _write(own_desk, 120, "full")
    _eventually(lambda: own_desk.log.read_text().count("broker recycled") > recycled, "the broker being recycled")
    _write(own_desk, 3, "recycled")
    _eventually(lambda: len(set(_tickets(own_desk)) - before) == 123, "a ticket for each message")


def test_a_second_launcher_on_the_same_home_says_where_the_first_is(own_desk: RunningDesk) -> None:
    environment = {**os.environ, "DESK_HOME": str(own_desk.home)}
    second = subprocess.run(
        [sys.executable, "-m", "desk", "up"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert own_desk.url in second.stderr
    assert "Traceback" not in second.stderr


def test_stopping_leaves_no_process_and_starting_again_keeps_the_data(own_desk: RunningDesk) -> None:
    before = sorted(_tickets(own_desk))
    login = own_desk.agent
    children = list(_children(own_desk).values())
    assert own_desk.stop() == 0
    assert [pid for pid in children if psutil.pid_exists(pid)] == []
    assert not (own_desk.home / "run.json").exists()

    own_desk.start()
    assert own_desk.agent == login
    assert sorted(_tickets(own_desk)) == before


def test_secrets_are_private_and_not_in_logs(own_desk: RunningDesk) -> None:
    private = [own_desk.home / name for name in ("secrets.json", "run.json", "demo-logins.json", "postgres.password")]
    for file in private:
        assert file.stat().st_mode & 0o077 == 0, file
    passwords = [url.split(":")[2].split("@")[0] for url in own_desk.database_urls.values()]
    for log in Path(own_desk.home / "logs").iterdir():
        text = log.read_text(errors="replace")
        assert not any(password in text for password in (*passwords, own_desk.admin.password)), log
