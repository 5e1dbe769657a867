"""Validate the constraints of 0018, in a transaction of its own; international domains take their form on the wire."""

import unicodedata
from collections.abc import Sequence
from contextlib import suppress

import idna
from alembic import op
from sqlalchemy import text

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# An address of an account and that of its customer have to be the same word, as the two are joined by it.
_IDENTITIES = """
UPDATE tickets.customer_identities AS i SET address = :normal
WHERE i.kind = 'email' AND i.address = :former AND NOT EXISTS (
    SELECT FROM tickets.customer_identities AS o WHERE o.kind = 'email' AND o.address = :normal)
"""
_ACCOUNTS = "UPDATE tickets.accounts SET email = :normal WHERE email = :former"


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.customers VALIDATE CONSTRAINT fk_customers_organisation_id_organisations")
    op.execute("ALTER TABLE tickets.customers VALIDATE CONSTRAINT fk_customers_merged_into_customers")
    op.execute("ALTER TABLE tickets.customer_identities VALIDATE CONSTRAINT ck_customer_identities_kind")
    if op.get_context().as_sql:
        return
    connection = op.get_bind()
    found = connection.scalars(
        text(r"""
            SELECT address FROM tickets.customer_identities WHERE kind = 'email' AND address ~ '[^\x01-\x7f]'
            UNION SELECT email FROM tickets.accounts WHERE email ~ '[^\x01-\x7f]'""")
    )
    for former in found.all():
        if (normal := _normal(former)) != former:
            for statement in (_IDENTITIES, _ACCOUNTS):
                connection.execute(text(statement), {"former": former, "normal": normal})


def _normal(address: str) -> str:
    local, at, domain = address.rpartition("@")
    domain = unicodedata.normalize("NFC", domain.lower())
    with suppress(UnicodeError):
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    return f"{unicodedata.normalize('NFC', local.lower())}{at}{domain}"
