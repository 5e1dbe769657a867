"""Routes of knowledge. Staff see drafts; customers and the public see what is published."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from services.knowledge import service
from services.knowledge.domain.articles import LOCALE_PATTERN, ListedVersion, Status
from services.knowledge.repository import ArticleRepository, Filter
from services.knowledge.schemas import ArticleEdit, ArticleRow, ArticleText, NewArticle
from shared.auth import Principal, Scope, public, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, IfMatch, Page, ReadSession, cut_page, etag

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])

Reader = Annotated[Principal, requires("article.read")]
Author = Annotated[Principal, requires("article.write")]

SearchText = Annotated[str | None, Query(max_length=200, description="Words that the article has, in any language.")]
# Archived versions are the record of what was public; nobody lists them.
StatusFilter = Literal[Status.DRAFT, Status.PUBLISHED]
LocaleFilter = Annotated[str | None, Query(pattern=LOCALE_PATTERN, max_length=35)]
ArticleId = Annotated[UUID, Path()]

_PUBLIC = public("published articles are for everybody")


@router.get("/articles")
async def list_articles(
    session: ReadSession,
    reader: Reader,
    page: CursorParams,
    q: SearchText = None,
    locale: LocaleFilter = None,
    status: StatusFilter | None = None,
) -> Page[ArticleRow]:
    """Articles by time, or by how well they answer `q`. Staff see each locale's newest, or those of a status."""
    return await _list(session, page, q, Filter(_published_only(reader), status, locale))


@router.get("/public/articles", dependencies=[_PUBLIC])
async def list_public_articles(
    session: ReadSession, page: CursorParams, q: SearchText = None, locale: LocaleFilter = None
) -> Page[ArticleRow]:
    """Published articles by time, or by how well they answer `q`."""
    return await _list(session, page, q, Filter(published_only=True, locale=locale))


@router.post("/articles", status_code=HTTPStatus.CREATED, response_model=ArticleText)
async def create_article(new: NewArticle, session: DbSession, author: Author, idempotency: Idempotency) -> Response:
    """Start an article with a draft."""

    async def create() -> Response:
        reading = await service.create_article(session, new.edit(), author_id=author.account_id, now=now_utc())
        response = JSONResponse(_text(reading).model_dump(mode="json"), HTTPStatus.CREATED)
        response.headers["Location"] = f"/api/knowledge/articles/{reading.article.id}"
        etag(response, reading.article.version)
        return response

    return await idempotency.run(session, create)


@router.get("/articles/{article_id}")
async def read_article(
    article_id: ArticleId, session: ReadSession, reader: Reader, response: Response, locale: LocaleFilter = None
) -> ArticleText:
    """One article, in the locale that fits best."""
    return await _read(session, article_id, locale, response, published_only=_published_only(reader))


@router.get("/public/articles/{article_id}", dependencies=[_PUBLIC])
async def read_public_article(
    article_id: ArticleId, session: ReadSession, response: Response, locale: LocaleFilter = None
) -> ArticleText:
    """One published article, in the locale that fits best."""
    return await _read(session, article_id, locale, response, published_only=True)


@router.patch("/articles/{article_id}")
async def edit_article(
    article_id: ArticleId, edit: ArticleEdit, session: DbSession, author: Author, if_match: IfMatch, response: Response
) -> ArticleText:
    """Change the draft of one locale; what is published stays public until the draft is."""
    reading = await service.edit_article(
        session, article_id, edit.edit(), if_match=if_match, author_id=author.account_id, now=now_utc()
    )
    etag(response, reading.article.version)
    return _text(reading)


@router.post("/articles/{article_id}/publish", dependencies=[requires("article.publish")])
async def publish_article(
    article_id: ArticleId, session: DbSession, if_match: IfMatch, response: Response, locale: LocaleFilter = None
) -> ArticleText:
    """Make the draft of a locale public; without `locale` every draft of the article."""
    reading = await service.publish_article(session, article_id, locale=locale, if_match=if_match, now=now_utc())
    etag(response, reading.article.version)
    return _text(reading)


def _published_only(reader: Principal) -> bool:
    return reader.scope("article.read") is Scope.OWN


async def _list(session: AsyncSession, page: CursorParams, text: str | None, wanted: Filter) -> Page[ArticleRow]:
    articles = ArticleRepository(session)
    if text is None:
        after = page.after(datetime, UUID, str)
        found = await articles.newest(wanted, after=after, limit=page.limit + 1)
        rows, cursor = cut_page(found, page.limit, lambda row: (row.updated_at, row.article_id, row.locale))
    else:
        after = page.after(int, UUID, str)
        found = await articles.search(wanted, text, after=after, limit=page.limit + 1)
        rows, cursor = cut_page(found, page.limit, lambda row: (row.rank, row.article_id, row.locale))
    return Page(items=[_row(row) for row in rows], next_cursor=cursor)


async def _read(
    session: AsyncSession, article_id: UUID, locale: str | None, response: Response, *, published_only: bool
) -> ArticleText:
    reading = await service.read_article(session, article_id, locale=locale, published_only=published_only)
    etag(response, reading.article.version)
    return _text(reading)


def _row(listed: ListedVersion) -> ArticleRow:
    return ArticleRow(
        id=listed.article_id,
        locale=listed.locale,
        number=listed.number,
        status=listed.status,
        title=listed.title,
        slug=listed.slug,
        excerpt=listed.excerpt,
        updated_at=listed.updated_at,
        published_at=listed.published_at,
    )


def _text(reading: service.Reading) -> ArticleText:
    article, version = reading.article, reading.version
    return ArticleText(
        id=article.id,
        version=article.version,
        default_locale=article.default_locale,
        locales=list(reading.locales),
        locale=version.locale,
        number=version.number,
        status=version.status,
        title=version.title,
        slug=version.slug,
        excerpt=version.excerpt,
        body=version.body,
        updated_at=version.updated_at,
        published_at=version.published_at,
    )
