"""All SQL of knowledge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncSession

from services.knowledge.domain.articles import Article, Draft, ListedVersion, Status, Version
from services.knowledge.domain.terms import indexed_terms, searched_terms
from services.knowledge.models import article_versions, articles

_versions = article_versions.c
_TITLE_WEIGHT, _BODY_WEIGHT = "A", "D"

# Ranks are compared between pages, so they are whole numbers.
_RANK_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which versions a list shows: what is published, or for those who write, what is newest in each locale."""

    published_only: bool
    status: Status | None = None
    locale: str | None = None


class ArticleRepository:
    """Articles and their versions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, article: Article) -> None:
        """Insert a new article without versions."""
        await self._session.execute(
            insert(articles).values(
                id=article.id,
                default_locale=article.default_locale,
                version=article.version,
                created_at=article.updated_at,
                updated_at=article.updated_at,
            )
        )

    async def get(self, article_id: UUID, *, lock: bool = False) -> Article | None:
        """One article; locked until the transaction ends where asked for."""
        query = select(articles.c.id, articles.c.default_locale, articles.c.version, articles.c.updated_at)
        query = query.where(articles.c.id == article_id)
        row = (await self._session.execute(query.with_for_update() if lock else query)).one_or_none()
        return Article(*row) if row else None

    async def touch(self, article_id: UUID, version: int, now: datetime) -> None:
        """Give an article its next version."""
        await self._session.execute(
            update(articles).where(articles.c.id == article_id).values(version=version, updated_at=now)
        )

    async def versions(self, article_id: UUID) -> list[Version]:
        """The versions of an article that are drafts or published, by locale."""
        rows = await self._session.execute(
            select(
                _versions.locale,
                _versions.number,
                _versions.status,
                _versions.title,
                _versions.slug,
                _versions.body,
                _versions.excerpt,
                _versions.author_id,
                _versions.updated_at,
                _versions.published_at,
            )
            .where(_versions.article_id == article_id, _versions.status != Status.ARCHIVED)
            .order_by(_versions.locale, _versions.number)
        )
        return [_version(tuple(row)) for row in rows]

    async def save_draft(self, article_id: UUID, draft: Draft, *, author_id: UUID, now: datetime) -> None:
        """Write the draft of a locale: a new version, or the draft that has this number already."""
        values: dict[str, Any] = {
            "title": draft.title,
            "slug": draft.slug,
            "body": draft.body,
            "excerpt": draft.excerpt,
            "author_id": author_id,
            "updated_at": now,
            "terms": literal(_tsvector(draft.title, draft.body)).cast(TSVECTOR),
        }
        key = and_(
            _versions.article_id == article_id, _versions.locale == draft.locale, _versions.number == draft.number
        )
        updated = await self._session.scalars(
            update(article_versions).where(key).values(**values).returning(_versions.number)
        )
        if updated.one_or_none() is None:
            await self._session.execute(
                insert(article_versions).values(
                    article_id=article_id, locale=draft.locale, number=draft.number, status=Status.DRAFT, **values
                )
            )

    async def publish(self, article_id: UUID, locales: Sequence[str], now: datetime) -> None:
        """Make the drafts of these locales public, and archive what was public there before."""
        here = and_(_versions.article_id == article_id, _versions.locale.in_(locales))
        await self._session.execute(
            update(article_versions).where(here, _versions.status == Status.PUBLISHED).values(status=Status.ARCHIVED)
        )
        await self._session.execute(
            update(article_versions)
            .where(here, _versions.status == Status.DRAFT)
            .values(status=Status.PUBLISHED, published_at=now, updated_at=now)
        )

    async def newest(
        self, wanted: Filter, *, after: tuple[datetime, UUID, str] | None, limit: int
    ) -> list[ListedVersion]:
        """Versions by time, newest first; at most `limit`."""
        keys = (_versions.updated_at, _versions.article_id, _versions.locale)
        query = _listed(wanted).order_by(*(key.desc() for key in keys)).limit(limit)
        if after:
            query = query.where(tuple_(*keys) < tuple_(*(literal(value) for value in after)))
        return [_listed_version(tuple(row)) for row in await self._session.execute(query)]

    async def search(
        self, wanted: Filter, text: str, *, after: tuple[int, UUID, str] | None, limit: int
    ) -> list[ListedVersion]:
        """Versions that have all the terms of `text`, best first, with their rank; at most `limit`.

        The last term may be the beginning of a word. A text without letters finds nothing.
        """
        terms = searched_terms(text)
        if not terms:
            return []
        asked = literal(" & ".join(f"'{term}'" for term in terms) + ":*").cast(TSQUERY)
        rank = func.round(func.ts_rank(_versions.terms, asked) * _RANK_STEPS).cast(articles.c.version.type)
        keys = (rank, _versions.article_id, _versions.locale)
        query = (
            _listed(wanted)
            .add_columns(rank.label("rank"))
            .where(_versions.terms.op("@@")(asked))
            .order_by(*(key.desc() for key in keys))
            .limit(limit)
        )
        if after:
            query = query.where(tuple_(*keys) < tuple_(*(literal(value) for value in after)))
        return [_listed_version(tuple(row)) for row in await self._session.execute(query)]


def _version(row: Sequence[Any]) -> Version:
    locale, number, status, *rest = row
    return Version(locale, number, Status(status), *rest)


def _listed_version(row: Sequence[Any]) -> ListedVersion:
    article_id, locale, number, status, *rest = row
    return ListedVersion(article_id, locale, number, Status(status), *rest)


def _listed(wanted: Filter) -> Select[Any]:
    query = select(
        _versions.article_id,
        _versions.locale,
        _versions.number,
        _versions.status,
        _versions.title,
        _versions.slug,
        _versions.excerpt,
        _versions.updated_at,
        _versions.published_at,
    ).where(_versions.status != Status.ARCHIVED)
    status = Status.PUBLISHED if wanted.published_only else wanted.status
    if status is not None:
        query = query.where(_versions.status == status)
    else:
        newer = article_versions.alias("newer")
        has_draft = exists().where(
            newer.c.article_id == _versions.article_id,
            newer.c.locale == _versions.locale,
            newer.c.status == Status.DRAFT,
        )
        query = query.where(or_(_versions.status == Status.DRAFT, ~has_draft))
    if wanted.locale is not None:
        query = query.where(_versions.locale == wanted.locale)
    return query


def _tsvector(title: str, body: str) -> str:
    """The text form of a tsvector. Terms are letters, marks and digits, so none needs escaping."""
    weighted = [(term, _TITLE_WEIGHT) for term in indexed_terms(title)]
    weighted += [(term, _BODY_WEIGHT) for term in indexed_terms(body)]
    return " ".join(f"'{term}':{position}{weight}" for position, (term, weight) in enumerate(weighted, start=1))
