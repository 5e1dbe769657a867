"""Events of knowledge: articles. Topic `desk.knowledge`, aggregate: the article."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import EventData


class ArticlePublished(EventData):
    """An article's current text is public in one locale. Text beyond 64 KiB is left out; `excerpt` is always there."""

    type: ClassVar[str] = "article.published.v1"
    topic: ClassVar[str] = "desk.knowledge"
    source: ClassVar[str] = "knowledge"

    article_id: UUID
    locale: str
    title: str
    slug: str
    excerpt: str
    version: int
    published_at: datetime
