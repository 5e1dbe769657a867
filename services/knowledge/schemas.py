"""HTTP shapes of knowledge."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.knowledge.domain.articles import LOCALE_PATTERN, MAX_SLUG_CHARACTERS, Edit, Status

# With every character its own term, a text of this length is still well within a tsvector's limit of 1 MiB.
MAX_BODY_CHARACTERS = 65_536

Locale = Annotated[str, StringConstraints(pattern=LOCALE_PATTERN, max_length=35)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SLUG_CHARACTERS)]
Body = Annotated[str, StringConstraints(min_length=1, max_length=MAX_BODY_CHARACTERS)]


class NewArticle(BaseModel):
    """The first draft of a new article. `body` is Markdown."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"locale": "en", "title": "Returns", "body": "Send it back within **30 days**."}]
        },
    )

    locale: Locale
    title: Title
    body: Body
    slug: Slug | None = None

    def edit(self) -> Edit:
        """The edit that this is."""
        return Edit(self.locale, self.title, self.slug, self.body)


class ArticleEdit(BaseModel):
    """What to change in one locale. What is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"locale": "en", "title": "Returns and refunds"}]}
    )

    locale: Locale
    title: Title | None = None
    body: Body | None = None
    slug: Slug | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.title is None and self.body is None and self.slug is None:
            raise ValueError("one of title, body and slug is needed")
        return self

    def edit(self) -> Edit:
        """The edit that this is."""
        return Edit(self.locale, self.title, self.slug, self.body)


class ArticleRow(BaseModel):
    """An article in a list, in one locale."""

    id: UUID
    locale: str
    number: int = Field(description="version of the text in this locale")
    status: Status
    title: str
    slug: str
    excerpt: str
    updated_at: datetime
    published_at: datetime | None


class ArticleText(ArticleRow):
    """An article in one locale. `version` is the article's, and its ETag."""

    version: int
    body: str
    default_locale: str
    locales: list[str]
