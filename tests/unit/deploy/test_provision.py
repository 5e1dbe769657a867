"""What the one-shot jobs of compose do to a real server, and what they say when they cannot."""

import json
import stat
from pathlib import Path

import asyncpg
import pytest

from desk.embedded import EmbeddedPostgres
from desk.home import Home
from desk.ports import free_port
from desk.provision import ProvisionError, main, password_variable, provision_database, provision_topics
from desk.roster import SERVICES
from shared.settings import KafkaSettings


def _environment(admin_url: str) -> dict[str, str]:
    passwords = {password_variable(service): f"secret-{service}" for service in SERVICES}
    return {
        "DESK_DATABASE_URL": admin_url,
        "DESK_EDGE_URL": "http://edge:8080",
        "DESK_GATEWAY_BOOTSTRAP_EMAIL": "admin@example.com",
        "DESK_GATEWAY_BOOTSTRAP_PASSWORD": "first",
        **passwords,
    }


async def test_services_sign_in_with_the_given_passwords_and_see_their_own_schema(tmp_path: Path) -> None:
    # A server of its own: roles belong to a whole server, and the other tests' have another password.
    server = EmbeddedPostgres(tmp_path / "postgres" / "data", free_port(), durable=False)
    server.start()
    try:
        home = Home(tmp_path / "home")
        environment = _environment(server.admin_url)
        provision_database(environment, home)
        provision_database({**environment, password_variable("sla"): "changed"}, home)

        urls = home.running()["database"]["urls"]
        assert set(urls) == set(SERVICES)
        assert "changed" in urls["sla"]
        for service, url in urls.items():
            connection = await asyncpg.connect(url)
            assert await connection.fetchval("SELECT current_schema()") == service
            other = "tickets" if service != "tickets" else "gateway"
            assert not await connection.fetchval("SELECT has_schema_privilege($1, 'USAGE')", other)
            await connection.close()
        assert home.running()["url"] == "http://edge:8080"
        assert home.administrator() == ("admin@example.com", "first")
        assert stat.S_IMODE(home.run_file.stat().st_mode) == 0o600
        assert json.loads(home.run_file.read_text())["services"]["sla"]["environment"] == {
            "DESK_DATABASE_URL": urls["sla"]
        }
    finally:
        server.destroy()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    environment = _environment("postgresql://postgres@127.0.0.1:1/postgres")
    del environment[password_variable("routing")]
    with pytest.raises(ProvisionError, match=r"^Set DESK_ROUTING_DATABASE_PASSWORD\.$"):
        provision_database(environment, Home(tmp_path / "home"))


def test_no_server_is_one_sentence(tmp_path: Path) -> None:
    environment = _environment(f"postgresql://postgres@127.0.0.1:{free_port()}/postgres")
    with pytest.raises(ProvisionError, match="The database cannot be prepared"):
        provision_database(environment, Home(tmp_path / "home"))


def test_no_broker_is_one_sentence() -> None:
    settings = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}", partitions=16)
    with pytest.raises(ProvisionError, match="does not have the topics with 16 partitions"):
        provision_topics(settings, patience_seconds=1)


def test_the_command_ends_with_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESK_DATABASE_URL", raising=False)
    with pytest.raises(SystemExit, match="Set DESK_DATABASE_URL"):
        main(["database"])
