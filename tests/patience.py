"""A database that bears with a slow machine."""

from typing import Any

from sqlalchemy import event

from shared.db import Database

_IDLE_MS = 60_000


def patient(database: Database) -> Database:
    """`database`, whose transactions may pause for longer; to be called before its first connection.

    A batch of hundreds is worked on in Python between two statements. Where the machine is busy that takes longer than
    production lets a transaction be idle; production then tries again, a test that calls the use case itself does not.
    """

    def lengthen(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        settings = options["server_settings"] | {"idle_in_transaction_session_timeout": str(_IDLE_MS)}
        options["server_settings"] = settings

    event.listen(database.engine.sync_engine, "do_connect", lengthen)
    return database
