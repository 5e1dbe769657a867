"""Words that were written, to be found by their other forms and by what is nearly the same."""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
ALTER TABLE tickets.search_documents ADD COLUMN language text;
CREATE TABLE tickets.search_words (
    word  text NOT NULL,
    stems text[] NOT NULL,
    near  integer[] NOT NULL,
    CONSTRAINT pk_search_words PRIMARY KEY (word)
);
CREATE INDEX ix_search_words_stems ON tickets.search_words USING gin (stems) WITH (gin_pending_list_limit = 256);
CREATE INDEX ix_search_words_near ON tickets.search_words USING gin (near) WITH (gin_pending_list_limit = 256);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
