"""The migrations and the models describe the same schema."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from services.tickets.models import metadata
from shared.db import async_url
from tests.integration.tickets.harness import Desk


async def test_migrations_make_the_tables_of_the_models(desk: Desk) -> None:
    ours = set(metadata.tables)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, type_, _parents: type_ != "schema" or name == "tickets",
                "include_object": lambda thing, _name, type_, _reflected, _other: (
                    f"tickets.{thing.name}" in ours if type_ == "table" else True
                ),
                "compare_type": True,
            },
        )
        return list(compare_metadata(context, metadata))

    # An engine of its own: with the schema in the search path, reflection would leave its name out.
    engine = create_async_engine(async_url(desk.database.url))
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()
