"""Articles over HTTP on a real database: drafts stay inside, search finds every language, edits never overwrite."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text

from services.knowledge.app import create_app
from shared.db import Database
from shared.events.accounts import Role
from shared.settings import Settings
from tests.asgi import Answer, Callers, callers

ARTICLES = "/api/knowledge/articles"
PUBLIC = "/api/knowledge/public/articles"


class Desk:
    def __init__(self, callers: Callers, database: Database) -> None:
        self.as_, self.nobody, self.database = callers.as_, callers.nobody, database

    async def create(self, title: str = "Refunds", body: str = "How to get one.", locale: str = "en") -> dict[str, Any]:
        response = await self.as_(Role.AGENT).post(ARTICLES, {"locale": locale, "title": title, "body": body})
        assert response.status == 201, response.body
        created: dict[str, Any] = response.json()
        return created

    async def publish(self, article: dict[str, Any], version: int | None = None, **params: str) -> Answer:
        tag = f'"{version or article["version"]}"'
        return await self.as_(Role.AGENT).post(f"{ARTICLES}/{article['id']}/publish", query=params, if_match=tag)

    async def patch(self, article_id: str, version: int, **edit: str) -> Answer:
        return await self.as_(Role.AGENT).patch(f"{ARTICLES}/{article_id}", edit, if_match=f'"{version}"')

    async def titles(self, path: str, role: Role | None = None, **params: str) -> list[str]:
        response = await (self.as_(role) if role else self.nobody()).get(path, **params)
        assert response.status == 200, response.body
        return [item["title"] for item in response.json()["items"]]


@pytest_asyncio.fixture
async def desk(make_database: Callable[..., Awaitable[Database]]) -> AsyncIterator[Desk]:
    database = await make_database("knowledge")
    app = create_app(Settings(database_url=database.url), database)
    yield Desk(await callers(app, database), database)
    await app.state.verifier.close()


async def test_a_draft_is_seen_by_staff_alone_until_it_is_published(desk: Desk) -> None:
    article = await desk.create()
    assert article["status"] == "draft"
    assert await desk.titles(ARTICLES, Role.AGENT) == ["Refunds"]
    assert await desk.titles(ARTICLES, Role.CUSTOMER) == []
    assert await desk.titles(ARTICLES, Role.CUSTOMER, status="draft") == []
    assert await desk.titles(PUBLIC) == []
    hidden = await desk.as_(Role.CUSTOMER).get(f"{ARTICLES}/{article['id']}")
    assert hidden.status == 404
    assert (await desk.nobody().get(f"{PUBLIC}/{article['id']}")).status == 404

    assert (await desk.publish(article)).status == 200
    assert await desk.titles(ARTICLES, Role.CUSTOMER) == ["Refunds"]
    assert await desk.titles(PUBLIC) == ["Refunds"]
    shown = await desk.nobody().get(f"{PUBLIC}/{article['id']}")
    assert shown.json()["body"] == "How to get one."


async def test_what_is_published_stays_while_the_next_draft_is_written(desk: Desk) -> None:
    article = await desk.create()
    await desk.publish(article)
    edited = await desk.patch(article["id"], 2, locale="en", title="Refunds in 2027")
    assert (edited.status, edited.json()["status"], edited.json()["number"]) == (200, "draft", 2)
    assert edited.headers["etag"] == '"3"'
    assert await desk.titles(PUBLIC) == ["Refunds"]
    assert await desk.titles(ARTICLES, Role.AGENT) == ["Refunds in 2027"]
    assert await desk.titles(ARTICLES, Role.AGENT, status="published") == ["Refunds"]

    assert (await desk.publish(article, version=3)).status == 200
    assert await desk.titles(PUBLIC) == ["Refunds in 2027"]
    async with desk.database.read() as session:
        states = await session.execute(text("SELECT number, status FROM article_versions ORDER BY number"))
    assert [tuple(row) for row in states] == [(1, "archived"), (2, "published")]


async def test_archived_versions_are_not_offered_as_a_list(desk: Desk) -> None:
    answer = await desk.as_(Role.AGENT).get(ARTICLES, status="archived")
    assert (answer.status, answer.json()["type"]) == (422, "/problems/validation")


async def test_publishing_tells_the_other_services(desk: Desk) -> None:
    article = await desk.create(body="# Refunds\nAsk **us**.")
    await desk.publish(article)
    async with desk.database.read() as session:
        events = (await session.execute(text("SELECT type, aggregate_id, CAST(data AS jsonb) FROM outbox"))).all()
    ((type_, aggregate_id, data),) = events
    assert (type_, aggregate_id) == ("article.published.v1", article["id"])
    assert (data["locale"], data["title"], data["excerpt"], data["version"]) == ("en", "Refunds", "Refunds Ask us.", 1)


async def test_publishing_twice_publishes_once(desk: Desk) -> None:
    article = await desk.create()
    assert (await desk.publish(article)).status == 200
    again = await desk.publish(article, version=2)
    assert (again.status, again.json()["type"]) == (409, "/problems/nothing-to-publish")


async def test_an_edit_of_an_older_version_is_refused(desk: Desk) -> None:
    article = await desk.create()
    assert (await desk.patch(article["id"], 1, locale="en", title="Mine")).status == 200
    stale = await desk.patch(article["id"], 1, locale="en", title="Yours")
    assert (stale.status, stale.json()["current_version"]) == (412, 2)
    blind = await desk.as_(Role.AGENT).patch(f"{ARTICLES}/{article['id']}", {"locale": "en", "title": "x"})
    assert blind.status == 428
    assert await desk.titles(ARTICLES, Role.AGENT) == ["Mine"]


async def test_a_repeated_creation_makes_one_article(desk: Desk) -> None:
    agent = desk.as_(Role.AGENT)
    new = {"locale": "en", "title": "Refunds", "body": "How"}
    first = await agent.post(ARTICLES, new, idempotency_key="once")
    second = await agent.post(ARTICLES, new, idempotency_key="once")
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert first.headers["location"] == second.headers["location"]
    assert await desk.titles(ARTICLES, Role.AGENT) == ["Refunds"]


async def test_an_article_is_shown_in_the_locale_that_fits_best(desk: Desk) -> None:
    article = await desk.create()
    await desk.patch(article["id"], 1, locale="de", title="Rückzahlung", body="So geht es.")
    await desk.publish(article, version=2)
    shown = await desk.nobody().get(f"{PUBLIC}/{article['id']}", locale="de-AT")
    assert (shown.json()["title"], shown.json()["locales"]) == ("Rückzahlung", ["de", "en"])
    assert (await desk.nobody().get(f"{PUBLIC}/{article['id']}")).json()["title"] == "Refunds"
    assert await desk.titles(PUBLIC, locale="de") == ["Rückzahlung"]


async def test_one_locale_can_be_published_alone(desk: Desk) -> None:
    article = await desk.create()
    await desk.patch(article["id"], 1, locale="de", title="Rückzahlung", body="So geht es.")
    assert (await desk.publish(article, version=2, locale="de")).json()["locale"] == "de"
    assert await desk.titles(PUBLIC) == ["Rückzahlung"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("मेरी शिकायत अभी तक दर्ज नहीं हुई", "शिकायत"),
        ("আমি আমার টাকা ফেরত চাই", "ফেরত"),
        ("أريد استرداد الفاتورة الأخيرة", "فاتورة"),
        ("ฉันต้องการเงินคืนภายในสัปดาห์นี้", "เงินคืน"),
        ("我昨天在网上申请退款但是没有收到", "退款"),
        ("Ich möchte mein Geld zurück", "MOCHTE"),
        ("I want my money back", "mon"),  # the beginning of the last word is enough while typing
    ],
)
async def test_search_finds_a_word_in_the_middle_of_a_text(desk: Desk, body: str, word: str) -> None:
    await desk.create(title="1", body=body)
    await desk.create(title="2", body="nothing to see, niente, rien")
    assert await desk.titles(ARTICLES, Role.AGENT, q=word) == ["1"]


@pytest.mark.parametrize("odd", ["'", "\\", "a' | 'b", ":*", "!!", "(", "&", "\u0301", "<->"])
async def test_odd_searches_are_no_errors(desk: Desk, odd: str) -> None:
    await desk.create()
    assert await desk.titles(ARTICLES, Role.AGENT, q=odd) == []


async def test_a_word_in_the_title_counts_more(desk: Desk) -> None:
    await desk.create(title="Shipping", body="See also refunds, refunds and refunds.")
    await desk.create(title="Refunds", body="How to get one.")
    assert await desk.titles(ARTICLES, Role.AGENT, q="refunds") == ["Refunds", "Shipping"]


@pytest.mark.parametrize("params", [{}, {"q": "common"}], ids=["by time", "by rank"])
async def test_pages_hold_every_article_once(desk: Desk, params: dict[str, str]) -> None:
    created = {(await desk.create(title=f"Article {n}", body="common " * (n % 3 + 1)))["id"] for n in range(7)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        response = await desk.as_(Role.AGENT).get(ARTICLES, **params, **cursor, limit=2)
        page = response.json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == 7
    assert set(seen) == created


async def test_customers_and_strangers_write_nothing(desk: Desk) -> None:
    new = {"locale": "en", "title": "Spam", "body": "Spam"}
    assert (await desk.nobody().post(ARTICLES, new)).status == 401
    assert (await desk.as_(Role.CUSTOMER).post(ARTICLES, new)).status == 403
    assert (await desk.nobody().get(ARTICLES)).status == 401
    assert await desk.titles(ARTICLES, Role.ADMIN) == []


async def test_an_unknown_article_is_not_found(desk: Desk) -> None:
    unknown = str(UUID(int=1))
    assert (await desk.nobody().get(f"{PUBLIC}/{unknown}")).status == 404
    assert (await desk.patch(unknown, 1, locale="en", title="x")).status == 404


async def test_the_longest_text_with_all_different_characters_can_be_stored(desk: Desk) -> None:
    """A tsvector holds 1 MiB; the limit on a body keeps the worst case, all pairs different, below it."""
    han = [chr(code) for code in range(0x4E00, 0x9FFF)]
    body = "".join(han[(n * 7919 + n // len(han)) % len(han)] for n in range(65_536))
    assert (await desk.create(body=body))["number"] == 1
