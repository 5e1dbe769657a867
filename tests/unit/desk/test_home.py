"""What a desk keeps: secrets stay, only the owner reads them, and one launcher at a time."""

import json
import stat
from pathlib import Path

import pytest

from desk.home import Home, HomeError, write_private


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "desk")
    home.create()
    return home


def test_passwords_are_made_once_and_kept_private(home: Home) -> None:
    first = home.passwords(["tickets", "sla"])
    assert home.passwords(["sla", "tickets"]) == first
    assert len(set(first.values())) == 2
    assert stat.S_IMODE(home.secrets_file.stat().st_mode) == 0o600


def test_a_new_service_gets_a_password_and_the_others_keep_theirs(home: Home) -> None:
    before = home.passwords(["tickets"])
    assert home.passwords(["tickets", "sla"])["tickets"] == before["tickets"]


def test_second_launcher_is_refused_with_the_address_of_the_first(home: Home) -> None:
    with home.lock():
        home.write_running({"url": "http://127.0.0.1:8080"})
        assert home.is_running()
        with pytest.raises(HomeError, match=r"already runs .*127\.0\.0\.1:8080"):
            home.lock()
    assert not home.is_running()
    home.lock().close()


def test_run_file_is_private_and_whole(home: Home) -> None:
    home.write_running({"pids": {"tickets": 1}})
    assert stat.S_IMODE(home.run_file.stat().st_mode) == 0o600
    assert home.running() == {"pids": {"tickets": 1}}


def test_damaged_secrets_are_told_not_replaced(home: Home) -> None:
    home.secrets_file.write_text("{")
    with pytest.raises(HomeError, match="damaged"):
        home.passwords(["tickets"])
    assert home.secrets_file.read_text() == "{"


def test_a_private_file_does_not_follow_a_planted_link(home: Home, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (home.path / "secrets.json.new").symlink_to(elsewhere)
    write_private(home.secrets_file, {"a": 1})
    assert not elsewhere.exists()
    assert json.loads(home.secrets_file.read_text()) == {"a": 1}


def test_removing_leaves_what_is_not_the_desks(home: Home) -> None:
    """`desk reset` deleted whatever else somebody kept in DESK_HOME."""
    home.passwords(["tickets"])
    home.log("tickets").write_text("log\n")
    mine = home.path / "thesis.txt"
    mine.write_text("mine")
    assert home.remove() == ["thesis.txt"]
    assert [place.name for place in home.path.iterdir()] == ["thesis.txt"]
    mine.unlink()
    assert home.remove() == []
    assert not home.path.exists()


def test_facts_of_a_killed_launcher_count_no_more(home: Home) -> None:
    home.write_running({"url": "http://127.0.0.1:8080", "launcher_pid": 1})
    assert home.running() == {}
    with home.lock():
        assert home.running()["url"] == "http://127.0.0.1:8080"


def test_what_cannot_be_written_is_told(home: Home) -> None:
    with pytest.raises(HomeError, match="Cannot write"):
        write_private(home.path / "missing" / "run.json", {})
