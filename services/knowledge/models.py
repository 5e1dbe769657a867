"""Tables of the schema `knowledge`."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TSVECTOR

from shared.db import schema_metadata

SCHEMA = "knowledge"
metadata = schema_metadata(SCHEMA)

_MOMENT = DateTime(timezone=True)

articles = Table(
    "articles",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("default_locale", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", _MOMENT, nullable=False),
    Column("updated_at", _MOMENT, nullable=False),
)

article_versions = Table(
    "article_versions",
    metadata,
    Column("article_id", Uuid, ForeignKey(articles.c.id, ondelete="CASCADE"), primary_key=True),
    Column("locale", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("slug", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("author_id", Uuid, nullable=False),
    Column("updated_at", _MOMENT, nullable=False),
    Column("published_at", _MOMENT),
    Column("terms", TSVECTOR, nullable=False),
    Index(
        "uq_article_versions_draft",
        "article_id",
        "locale",
        unique=True,
        postgresql_where=text("status = 'draft'"),
    ),
    Index(
        "uq_article_versions_published",
        "article_id",
        "locale",
        unique=True,
        postgresql_where=text("status = 'published'"),
    ),
    Index(
        "ix_article_versions_updated_at",
        "updated_at",
        "article_id",
        "locale",
        postgresql_where=text("status <> 'archived'"),
    ),
    Index(
        "ix_article_versions_terms",
        "terms",
        postgresql_using="gin",
        postgresql_where=text("status <> 'archived'"),
    ),
)
