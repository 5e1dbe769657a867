"""Who wrote what was forwarded, whether a mail's text is all of it, and agents by the address they write from."""

from collections.abc import Sequence

from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("ALTER TABLE tickets.tickets ADD COLUMN forwarded_from jsonb")
    op.execute("ALTER TABLE tickets.messages ADD COLUMN quoted boolean NOT NULL DEFAULT false")
    # Before the first release no table is large: blocking writes for a moment is simpler than two transactions.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_accounts_email ON tickets.accounts (email) WHERE role <> 'customer'"
    )
