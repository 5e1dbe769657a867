"""Documents for full-text search, and how far they follow the history. The worker fills them from its beginning."""

from collections.abc import Sequence

from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_TABLES = """
CREATE TABLE tickets.search_documents (
    ticket_id  uuid NOT NULL,
    written_at timestamptz NOT NULL,
    -- As it is: unpacking it is five times what reading it is, and it is read for each hit of a phrase.
    words      tsvector STORAGE EXTERNAL NOT NULL,
    CONSTRAINT pk_search_documents PRIMARY KEY (ticket_id),
    CONSTRAINT fk_search_documents_ticket_id_tickets FOREIGN KEY (ticket_id) REFERENCES tickets.tickets (id)
);
CREATE TABLE tickets.search_progress (
    rules integer NOT NULL,
    done  bigint NOT NULL,
    CONSTRAINT pk_search_progress PRIMARY KEY (rules)
);
CREATE INDEX ix_search_documents_words ON tickets.search_documents USING gin (words)
    WITH (gin_pending_list_limit = 256);
CREATE INDEX ix_search_documents_written_at ON tickets.search_documents (written_at DESC, ticket_id DESC);
"""


def upgrade() -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
