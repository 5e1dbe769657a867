"""What was stored before addresses had one form takes it, so that accounts and customers go on meeting each other."""

from collections.abc import Awaitable, Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db import Database, async_url


async def test_international_domains_take_their_form_on_the_wire(
    make_database: Callable[..., Awaitable[Database]], repository_root: Path
) -> None:
    path = repository_root / "services" / "tickets" / "migrations" / "versions" / "0019_identities.py"
    spec = spec_from_file_location("revision_0019", path)
    assert spec is not None
    assert spec.loader is not None
    revision = module_from_spec(spec)
    spec.loader.exec_module(revision)

    def upgrade(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            revision.upgrade()

    engine = create_async_engine(async_url((await make_database("tickets")).url))
    try:
        async with engine.begin() as connection:
            for number, address in enumerate(
                ["ana@bücher.example", "ben@example.com", "eve@пример.example", "eve@xn--e1afmkfd.example", "x@ü .y"]
            ):
                await connection.execute(
                    text(
                        "WITH c AS (INSERT INTO tickets.customers (id, name, created_at) "
                        "VALUES (uuidv7(), :name, now()) RETURNING id) "
                        "INSERT INTO tickets.customer_identities SELECT 'email', :address, id FROM c"
                    ),
                    {"name": str(number), "address": address},
                )
            await connection.execute(
                text("INSERT INTO tickets.accounts VALUES (uuidv7(), 'Ana', 'ana@bücher.example', 'customer', true, 1)")
            )
            for _ in range(2):
                await connection.run_sync(upgrade)
            addresses = await connection.scalars(
                text("SELECT address FROM tickets.customer_identities ORDER BY address")
            )
            # The last two: another customer has the form already, and there is none.
            assert addresses.all() == [
                "ana@xn--bcher-kva.example",
                "ben@example.com",
                "eve@xn--e1afmkfd.example",
                "eve@пример.example",
                "x@ü .y",
            ]
            assert await connection.scalar(text("SELECT email FROM tickets.accounts")) == "ana@xn--bcher-kva.example"
    finally:
        await engine.dispose()
