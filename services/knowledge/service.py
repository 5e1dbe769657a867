"""Use cases of knowledge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.knowledge.domain.articles import (
    Article,
    Edit,
    IncompleteDraftError,
    Status,
    Version,
    choose_locale,
    drafted,
)
from services.knowledge.repository import ArticleRepository
from shared.events.knowledge import ArticlePublished
from shared.ids import uuid7
from shared.messaging import outbox
from shared.web import Conflict, NotFound, PreconditionFailed, Unprocessable


@dataclass(frozen=True, slots=True)
class Reading:
    """An article in one locale, and the locales it can be read in."""

    article: Article
    version: Version
    locales: tuple[str, ...]


async def create_article(session: AsyncSession, edit: Edit, *, author_id: UUID, now: datetime) -> Reading:
    """Start an article with its first draft, whose locale becomes the article's own. Raises Unprocessable."""
    articles = ArticleRepository(session)
    article = Article(id=uuid7(), default_locale=edit.locale, version=1, updated_at=now)
    await articles.add(article)
    await _save(articles, article, edit, author_id=author_id, now=now)
    return await read_article(session, article.id, locale=edit.locale, published_only=False)


async def edit_article(
    session: AsyncSession, article_id: UUID, edit: Edit, *, if_match: int | None, author_id: UUID, now: datetime
) -> Reading:
    """Change the draft of one locale; the published text stays as it is. `if_match` None takes any version.

    Raises NotFound, PreconditionFailed, Unprocessable.
    """
    articles = ArticleRepository(session)
    article = await _locked(articles, article_id, if_match)
    await _save(articles, article, edit, author_id=author_id, now=now)
    await articles.touch(article.id, article.version + 1, now)
    return await read_article(session, article_id, locale=edit.locale, published_only=False)


async def publish_article(
    session: AsyncSession, article_id: UUID, *, locale: str | None, if_match: int | None, now: datetime
) -> Reading:
    """Make the draft of a locale public, or every draft of the article, and tell so.

    Raises NotFound, PreconditionFailed, and Conflict where there is no draft.
    """
    articles = ArticleRepository(session)
    article = await _locked(articles, article_id, if_match)
    drafts = [version for version in await articles.versions(article_id) if version.status is Status.DRAFT]
    chosen = [version for version in drafts if locale in (None, version.locale)]
    if not chosen:
        raise Conflict("There is no draft to publish.", slug="nothing-to-publish")
    await articles.publish(article_id, [version.locale for version in chosen], now)
    await articles.touch(article.id, article.version + 1, now)
    for version in chosen:
        outbox.record(session, _published(article_id, version, now), aggregate_id=article_id, time=now)
    shown = locale or choose_locale(None, [version.locale for version in chosen], article.default_locale)
    return await read_article(session, article_id, locale=shown, published_only=True)


async def read_article(session: AsyncSession, article_id: UUID, *, locale: str | None, published_only: bool) -> Reading:
    """An article in the locale that fits best; a draft goes before what is published, for those who may see it.

    Raises NotFound, also for an article without anything public where only that may be seen.
    """
    articles = ArticleRepository(session)
    article = await articles.get(article_id)
    readable = _readable(await articles.versions(article_id), published_only=published_only)
    chosen = choose_locale(locale, readable, article.default_locale) if article else None
    if article is None or chosen is None:
        raise NotFound("There is no such article.")
    return Reading(article, readable[chosen], tuple(sorted(readable)))


def _readable(versions: Sequence[Version], *, published_only: bool) -> dict[str, Version]:
    """The version to show per locale. Numbers rise, and a draft is always newer than what is published."""
    return {version.locale: version for version in versions if not published_only or version.status is Status.PUBLISHED}


async def _locked(articles: ArticleRepository, article_id: UUID, if_match: int | None) -> Article:
    article = await articles.get(article_id, lock=True)
    if article is None:
        raise NotFound("There is no such article.")
    if if_match is not None and if_match != article.version:
        raise PreconditionFailed("The article was changed in the meantime.", current_version=article.version)
    return article


async def _save(articles: ArticleRepository, article: Article, edit: Edit, *, author_id: UUID, now: datetime) -> None:
    try:
        draft = drafted(await articles.versions(article.id), edit)
    except IncompleteDraftError as error:
        raise Unprocessable(str(error), slug="incomplete-draft") from error
    await articles.save_draft(article.id, draft, author_id=author_id, now=now)


def _published(article_id: UUID, version: Version, now: datetime) -> ArticlePublished:
    return ArticlePublished(
        article_id=article_id,
        locale=version.locale,
        title=version.title,
        slug=version.slug,
        excerpt=version.excerpt,
        version=version.number,
        published_at=now,
    )
