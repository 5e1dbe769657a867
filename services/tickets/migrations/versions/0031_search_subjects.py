"""Subjects, to be found by any part of them: beside the tickets, so that intake writes no more than before."""

from collections.abc import Sequence

from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# Without a foreign key: adding one would keep everybody from writing tickets until all of this is done.
_STATEMENTS = """
-- Every three letters that stand side by side in a text, whatever their case.
CREATE FUNCTION tickets.grams(text) RETURNS integer[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(
    SELECT DISTINCT hashtext(substr(lower($1), place, 3)) FROM generate_series(1, length(lower($1)) - 2) AS g (place)
);
CREATE TABLE tickets.search_subjects (
    ticket_id uuid NOT NULL,
    subject   text NOT NULL,
    CONSTRAINT pk_search_subjects PRIMARY KEY (ticket_id)
);
INSERT INTO tickets.search_subjects SELECT id, subject FROM tickets.tickets;
CREATE INDEX ix_search_subjects_grams ON tickets.search_subjects USING gin (tickets.grams(subject))
    WITH (gin_pending_list_limit = 256);
"""


def upgrade() -> None:
    for statement in _STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
