"""Articles and their versions."""

from alembic import op

from shared.auth import auth_tables
from shared.messaging.ddl import messaging_tables
from shared.web import idempotency_table

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

_TABLES = """
CREATE TABLE knowledge.articles (
    id             uuid NOT NULL,
    default_locale text NOT NULL,
    version        integer NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT pk_articles PRIMARY KEY (id)
);

-- `terms` is made by services/knowledge/domain/terms.py: PostgreSQL's own parser does not know most scripts' words.
CREATE TABLE knowledge.article_versions (
    article_id   uuid NOT NULL,
    locale       text NOT NULL,
    number       integer NOT NULL,
    status       text NOT NULL CONSTRAINT ck_article_versions_status
                     CHECK (status IN ('draft', 'published', 'archived')),
    title        text NOT NULL,
    slug         text NOT NULL,
    body         text NOT NULL,
    excerpt      text NOT NULL,
    author_id    uuid NOT NULL,
    updated_at   timestamptz NOT NULL,
    published_at timestamptz,
    terms        tsvector NOT NULL,
    CONSTRAINT pk_article_versions PRIMARY KEY (article_id, locale, number),
    CONSTRAINT fk_article_versions_article_id_articles FOREIGN KEY (article_id)
        REFERENCES knowledge.articles (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_article_versions_draft ON knowledge.article_versions (article_id, locale)
    WHERE status = 'draft';
CREATE UNIQUE INDEX uq_article_versions_published ON knowledge.article_versions (article_id, locale)
    WHERE status = 'published';
CREATE INDEX ix_article_versions_updated_at ON knowledge.article_versions (updated_at, article_id, locale)
    WHERE status <> 'archived';
CREATE INDEX ix_article_versions_terms ON knowledge.article_versions USING gin (terms) WHERE status <> 'archived';
"""


def upgrade() -> None:
    messaging_tables("knowledge")
    auth_tables("knowledge")
    idempotency_table("knowledge")
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
