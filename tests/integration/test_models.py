"""The migrations and the models of every service describe the same schema."""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from desk.roster import SERVICES
from shared.db import Database, async_url

# Their indexes and unique constraints stand in migrations alone.
COLUMNS_ALONE = {"routing", "sla"}


@pytest.mark.parametrize("service", SERVICES)
async def test_migrations_make_the_tables_of_the_models(
    make_database: Callable[..., Awaitable[Database]], service: str
) -> None:
    metadata: MetaData = import_module(f"services.{service}.models").metadata

    def described(thing: Any, _name: str | None, type_: str, _reflected: bool, _other: object) -> bool:
        if type_ == "table":  # those of what all services share, the outbox for one, have no models
            return f"{service}.{thing.name}" in metadata.tables
        return type_ == "column" or service not in COLUMNS_ALONE

    def differences(connection: Connection) -> list[object]:
        options = {
            "include_schemas": True,
            "include_name": lambda name, type_, _parents: type_ != "schema" or name == service,
            "include_object": described,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    # An engine of its own: with the schema in the search path, reflection would leave its name out.
    engine = create_async_engine(async_url((await make_database(service)).url))
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()
