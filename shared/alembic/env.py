"""The one Alembic environment: `shared.migrations` passes the connection and the service."""

from alembic import context

from shared.migrations import VERSION_TABLE

_config = context.config
_service = _config.attributes["service"]

context.configure(
    connection=_config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=_service,
    include_schemas=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
