"""Fields of the organisation's own: what tickets hold, and what lists are filtered by."""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("INSERT INTO tickets.settings (name, version) VALUES ('fields', 0)")
    op.execute("ALTER TABLE tickets.tickets ADD COLUMN fields jsonb NOT NULL DEFAULT '{}'")
    op.execute(
        "CREATE TABLE tickets.field_values (ticket_id uuid NOT NULL "
        "CONSTRAINT fk_field_values_ticket_id_tickets REFERENCES tickets.tickets (id), "
        "field text NOT NULL, word text, number numeric, "
        "CONSTRAINT ck_field_values_value CHECK ((word IS NULL) <> (number IS NULL)))"
    )
    number = "CREATE INDEX ix_field_values_number ON tickets.field_values (field, number, ticket_id)"
    for statement in (
        "CREATE INDEX ix_field_values_ticket_id ON tickets.field_values (ticket_id)",
        "CREATE INDEX ix_field_values_word ON tickets.field_values (field, word, ticket_id) WHERE word IS NOT NULL",
        f"{number} WHERE number IS NOT NULL",
    ):
        op.execute(statement)
