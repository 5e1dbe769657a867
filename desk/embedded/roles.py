"""One database, one role and one schema per service, none of which reads another's."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg


def _identifier(name: str) -> str:
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise ValueError(f"not a plain identifier: {name!r}")
    return f'"{name}"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def service_url(admin_url: str, database: str, service: str, password: str) -> str:
    """The URL with which a service's own role reaches `database` on the server of `admin_url`."""
    parts = urlsplit(admin_url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(
        (parts.scheme, f"desk_{service}:{quote(password, safe='')}@{address}", f"/{database}", parts.query, "")
    )


def prepare_database(
    admin_url: str, database: str = "desk", passwords: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Synchronous `provision`, callable with or without a running event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, provision(admin_url, database, passwords or {})).result()


async def provision(admin_url: str, database: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """Create what is missing: `database`, and for each key of `passwords` a role `desk_<service>` with its schema.

    Sets the given passwords, also on roles that exist. Returns the URL of each service. Raises asyncpg errors, e.g.
    InsufficientPrivilegeError where the admin may not create roles.
    """
    admin = await asyncpg.connect(admin_url)
    try:
        # Launchers and test workers that share a server take turns: roles belong to the whole server.
        await admin.execute("SELECT pg_advisory_lock(hashtext('desk.provision'))")
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
            await admin.execute(f"CREATE DATABASE {_identifier(database)}")
        known = {row["rolname"] for row in await admin.fetch("SELECT rolname FROM pg_roles")}
        inside = await asyncpg.connect(urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}")))
        try:
            async with inside.transaction():
                for statement in _statements(database, passwords, known):
                    await inside.execute(statement)
        finally:
            await inside.close()
    finally:
        await admin.close()
    return {service: service_url(admin_url, database, service, password) for service, password in passwords.items()}


def _statements(database: str, passwords: Mapping[str, str], known: set[str]) -> list[str]:
    name = _identifier(database)
    statements = [
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    ]
    for service, password in passwords.items():
        role, schema = _identifier(f"desk_{service}"), _identifier(service)
        verb = "ALTER" if f"desk_{service}" in known else "CREATE"
        statements += [
            f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT PASSWORD {_literal(password)}",
            f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {role}",
            f"CREATE SCHEMA IF NOT EXISTS {schema}",
            f"ALTER SCHEMA {schema} OWNER TO {role}",
            f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
            f"ALTER ROLE {role} IN DATABASE {name} SET search_path = {schema}",
        ]
    return statements
