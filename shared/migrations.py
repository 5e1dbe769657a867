"""Alembic for every service: own schema, own version table, one environment (`shared/alembic/env.py`).

A service keeps only its `migrations/versions/`. Migrating is safe from several processes at once: an advisory lock
lets one through, and the others find nothing left to do.
"""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine

from shared.db import async_url, engine_options
from shared.telemetry import get_logger

log = get_logger(__name__)

_ROOT = Path(__file__).resolve().parent.parent

# Waiting longer for a table's lock would queue every reader behind the migration.
LOCK_TIMEOUT = "1s"
VERSION_TABLE = "alembic_version"
# The first with `RETURNING old.…`, which tells what a row was before a statement changed it.
OLDEST_POSTGRESQL = 18


class CannotMigrate(Exception):
    """The database cannot become what this version needs; the message is for the operator."""


def _config(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / "shared" / "alembic"))
    config.set_main_option("version_locations", str(_ROOT / "services" / service / "migrations" / "versions"))
    config.set_main_option("path_separator", "newline")
    config.attributes["service"] = service
    return config


def _upgrade(connection: Connection, service: str) -> None:
    config = _config(service)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def migrate(service: str, url: str) -> None:
    """Bring the schema of `service` to its newest revision. Each revision is one transaction.

    A schema that a newer version has migrated stays as it is. Raises CannotMigrate where the server, or what is
    stored, is too old.
    """
    options = engine_options(service)
    # A migration, and waiting for another process's one, may take longer than any request.
    options.pop("command_timeout")
    options["server_settings"] |= {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
    engine = create_async_engine(
        async_url(url), connect_args=options, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=1
    )
    try:
        async with engine.connect() as lock:
            found = int(await lock.scalar(text("SHOW server_version_num")) or 0)
            if found < OLDEST_POSTGRESQL * 10_000:
                raise CannotMigrate(
                    f"The database server is PostgreSQL {found // 10_000}; "
                    f"desk needs {OLDEST_POSTGRESQL} or newer: name such a one in DESK_DATABASE_URL."
                )
            await lock.execute(
                text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), {"name": f"migrate:{service}"}
            )
            async with engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
                await connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
                if (revision := await _revision(connection, service)) is None or not _is_newer(service, revision):
                    await connection.commit()
                    await connection.run_sync(_upgrade, service)
                await connection.commit()
    finally:
        await engine.dispose()


@cache
def newest_revision(service: str) -> str | None:
    """The revision this code needs."""
    return ScriptDirectory.from_config(_config(service)).get_current_head()


@cache  # a process says it once, however often it looks
def _is_newer(service: str, revision: str) -> bool:
    """Whether this code does not know the revision: then a newer version made it, which is logged."""
    if revision in {script.revision for script in ScriptDirectory.from_config(_config(service)).walk_revisions()}:
        return False
    log.warning("schema.newer", schema=service, found=revision, known=newest_revision(service))
    return True


async def is_migrated(session: AsyncSession, service: str) -> bool:
    """Whether the schema is at the revision this code needs. Unknown newer revisions count as migrated:

    during a rolling upgrade old processes go on working on the expanded schema.
    """
    current = await _revision(session, service)
    return current is not None and (current == newest_revision(service) or _is_newer(service, current))


async def _revision(connection: AsyncConnection | AsyncSession, service: str) -> str | None:
    # Before the first migration there is no table, nor a schema where nobody has provisioned one.
    if await connection.scalar(text("SELECT to_regclass(:table)"), {"table": f"{service}.{VERSION_TABLE}"}) is None:
        return None
    revision: str | None = await connection.scalar(text(f"SELECT version_num FROM {service}.{VERSION_TABLE}"))
    return revision
