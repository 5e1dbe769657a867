"""Prepares a database server and a broker for services that somebody else starts: compose, or an operator.

`python -m desk.provision database` makes roles and schemas, `python -m desk.provision topics` makes the topics. Both
may run again at any time, and change nothing that is right already.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import asyncpg

from desk.embedded.roles import prepare_database
from desk.home import Home, HomeError, read_private, write_private
from desk.roster import SERVICES
from shared.events import TOPICS
from shared.messaging.kafka import TopicsNotReady, wait_for_topics
from shared.settings import KafkaSettings

DATABASE = "desk"
TOPICS_PATIENCE_SECONDS = 120.0


class ProvisionError(Exception):
    """Something is not prepared; the message is for the operator."""


def password_variable(service: str) -> str:
    """The environment variable with the database password of a service's role."""
    return f"DESK_{service.upper()}_DATABASE_PASSWORD"


def provision_database(environment: Mapping[str, str], home: Home) -> None:
    """Make database, roles and schemas with the superuser's `DESK_DATABASE_URL`, and tell the `desk` command of them.

    The passwords are those of `password_variable`. Raises ProvisionError where settings are missing or the server
    refuses, HomeError where `home` cannot be written.
    """
    wanted = ["DESK_DATABASE_URL", *map(password_variable, SERVICES)]
    if missing := [name for name in wanted if not environment.get(name)]:
        raise ProvisionError(f"Set {', '.join(missing)}.")
    admin_url = environment["DESK_DATABASE_URL"]
    passwords = {service: environment[password_variable(service)] for service in SERVICES}
    database = urlsplit(admin_url).path.lstrip("/") or DATABASE
    try:
        urls = prepare_database(admin_url, database, passwords)
    except (asyncpg.PostgresError, OSError) as error:
        raise ProvisionError(f"The database cannot be prepared: {error}") from error
    home.create()
    _tell_operators(environment, home, urls)


def _tell_operators(environment: Mapping[str, str], home: Home, urls: Mapping[str, str]) -> None:
    """Write what the launcher of an embedded run would have written: `desk` reads its addresses there."""
    home.write_running(
        {
            "url": environment.get("DESK_EDGE_URL"),
            "database": {"urls": dict(urls)},
            "services": {service: {"environment": {"DESK_DATABASE_URL": url}} for service, url in urls.items()},
        }
    )
    email = environment.get("DESK_GATEWAY_BOOTSTRAP_EMAIL")
    password = environment.get("DESK_GATEWAY_BOOTSTRAP_PASSWORD")
    if email and password:
        kept = read_private(home.secrets_file)
        write_private(home.secrets_file, {**kept, "administrator": {"email": email, "password": password}})


def provision_topics(settings: KafkaSettings, *, patience_seconds: float = TOPICS_PATIENCE_SECONDS) -> None:
    """Make every topic of the catalogue and verify its partitions. Raises ProvisionError after `patience_seconds`."""
    try:
        asyncio.run(wait_for_topics(settings, TOPICS, seconds=patience_seconds))
    except (TimeoutError, TopicsNotReady, OSError) as error:
        raise ProvisionError(
            f"{settings.bootstrap} does not have the topics with {settings.partitions} partitions each "
            f"after {patience_seconds:.0f} s."
        ) from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Do one of the two; exits with one sentence when that is impossible."""
    parser = argparse.ArgumentParser(prog="desk.provision", description="Prepare a database server, or a broker.")
    parser.add_argument("what", choices=("database", "topics"))
    what = parser.parse_args(arguments).what
    try:
        if what == "database":
            provision_database(os.environ, Home.from_environment())
        else:
            provision_topics(KafkaSettings())
    except (HomeError, ProvisionError) as error:
        sys.exit(str(error))
    print(f"{what}: ready", flush=True)


if __name__ == "__main__":
    main()
