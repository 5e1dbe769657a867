"""Suppressed addresses have their domain as mail servers write it: a bounce names that form, a customer the other."""

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Of two forms of one address what holds longer stays.
_SHORTER = """
DELETE FROM ingestion.suppressions AS s USING ingestion.suppressions AS o
WHERE s.address = ANY(:both) AND o.address = ANY(:both) AND s.id <> o.id
  AND (coalesce(s.expires_at, 'infinity'), s.id) < (coalesce(o.expires_at, 'infinity'), o.id)
"""
_RENAME = "UPDATE ingestion.suppressions SET address = :normal WHERE address = :former"


def upgrade() -> None:
    if op.get_context().as_sql:
        return
    connection = op.get_bind()
    found = connection.scalars(text(r"SELECT address FROM ingestion.suppressions WHERE address ~ '[^\x01-\x7f]'"))
    for former in found.all():
        if (normal := _normal(former)) != former:
            connection.execute(text(_SHORTER), {"both": [former, normal]})
            connection.execute(text(_RENAME), {"former": former, "normal": normal})


def _normal(address: str) -> str:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address
