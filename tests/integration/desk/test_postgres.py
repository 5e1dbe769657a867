"""The embedded PostgreSQL: starts as root and not, survives a crash, and keeps services apart."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from desk.accounts import SystemAccount, elsewhere, reaches, reaches_below
from desk.embedded import EmbeddedPostgres, PostgresError, provision
from desk.ports import free_port

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only a privileged launcher changes accounts")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "data", free_port())
    try:
        yield server
    finally:
        server.destroy()


async def _fetchval(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def test_data_survives_stop_and_crash(server: EmbeddedPostgres) -> None:
    server.start()
    assert await _fetchval(server.admin_url, "SHOW max_connections") == "200"
    assert await _fetchval(server.admin_url, "SHOW unix_socket_directories") == ""
    locale = "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = 'postgres'"
    assert await _fetchval(server.admin_url, locale) == "bC.UTF-8"
    await _execute(server.admin_url, "CREATE TABLE kept AS SELECT 1 AS n")
    server.stop()
    assert not server.alive
    server.start()
    await _execute(server.admin_url, "INSERT INTO kept VALUES (2)")
    server.kill()
    assert not server.alive
    server.start()
    assert await _fetchval(server.admin_url, "SELECT sum(n) FROM kept") == 3


async def test_a_server_left_by_a_killed_launcher_is_taken_over(server: EmbeddedPostgres) -> None:
    server.start()
    left = server.pid
    again = EmbeddedPostgres(server.log.with_name("data"), free_port())
    try:
        assert again.data_dir == server.data_dir
        again.start()
        assert again.pid != left
        assert not server.alive
        assert await _fetchval(again.admin_url, "SELECT 1") == 1
    finally:
        again.stop()


def test_lost_password_is_told(server: EmbeddedPostgres) -> None:
    server.initialise()
    server.log.with_name("data.password").unlink()
    with pytest.raises(PostgresError, match=r"password .* is gone"):
        server.initialise()


def test_interrupted_initialisation_is_begun_anew(server: EmbeddedPostgres) -> None:
    unfinished = server.data_dir.with_name("data.new")
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    server.start()
    assert server.ready
    assert not unfinished.exists()


@needs_root
def test_data_moves_where_the_unprivileged_account_reaches_it(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """pytest's directories are closed to others, as homes often are."""
    assert not reaches_below(tmp_path, server.account)
    assert server.relocated
    server.initialise()
    assert server.account is not None
    assert server.data_dir.stat().st_uid == server.account.uid
    assert (tmp_path / "data.password").stat().st_mode & 0o077 == 0


def test_two_desks_that_start_first_at_once_share_their_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both copy them to where the unprivileged account reaches them; whoever is second takes what is there."""
    server = EmbeddedPostgres(tmp_path / "data", free_port())
    server.account = server.account or SystemAccount("somebody", 1, 1)
    copy = tmp_path / "copy"
    monkeypatch.setattr("desk.embedded.postgres.reaches", lambda *_: False)
    monkeypatch.setattr("desk.embedded.postgres.elsewhere", lambda *_: copy)

    def copied(_: Path, target: Path, **__: bool) -> None:
        for place in (target, copy):
            place.mkdir(parents=True, exist_ok=True)
            (place / "program").touch()

    monkeypatch.setattr("desk.embedded.postgres.shutil.copytree", copied)
    assert server._binaries().is_relative_to(copy)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("copy")) == ["copy"]


@needs_root
def test_data_stays_where_it_is_wanted_if_that_is_reachable() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o711)
        server = EmbeddedPostgres(Path(directory) / "data", free_port())
        assert not server.relocated
        server.start()
        assert server.ready
        server.stop()


def test_reach_needs_every_directory_on_the_way() -> None:
    stranger = SystemAccount("stranger", 54_321, 54_321)
    with tempfile.TemporaryDirectory() as directory:
        closed = Path(directory) / "closed"
        closed.mkdir()
        file = closed / "file"
        file.write_text("x")
        file.chmod(0o644)
        Path(directory).chmod(0o755)
        closed.chmod(0o755)
        assert reaches(file, stranger)
        closed.chmod(0o700)
        assert not reaches(file, stranger)
        assert reaches(file, None)
        assert elsewhere(file, stranger) == elsewhere(file, stranger)
        assert elsewhere(file, stranger) != elsewhere(closed / "other", stranger)


async def test_no_role_reads_anothers_schema(postgres: EmbeddedPostgres) -> None:
    urls = await provision(postgres.admin_url, "isolation", {"red": "it's", "blue": "two"})
    await _execute(urls["red"], "CREATE TABLE red.secrets (text text)")
    assert await _fetchval(urls["red"], "SELECT count(*) FROM secrets") == 0
    for forbidden in (
        "SELECT * FROM red.secrets",
        "CREATE TABLE red.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE SCHEMA mine",
        "SET ROLE desk_red",
        "CREATE ROLE mine",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _execute(urls["blue"], forbidden)


async def test_provisioning_again_sets_the_passwords_it_is_given(postgres: EmbeddedPostgres) -> None:
    before = await provision(postgres.admin_url, "again", {"green": "first"})
    await _execute(before["green"], "CREATE TABLE kept (a int)")
    after = await provision(postgres.admin_url, "again", {"green": "second"})
    assert await _fetchval(after["green"], "SELECT count(*) FROM kept") == 0
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(before["green"])


async def test_names_are_not_pasted_into_statements(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(ValueError, match="not a plain identifier"):
        await provision(postgres.admin_url, 'x"; DROP DATABASE postgres; --', {})
