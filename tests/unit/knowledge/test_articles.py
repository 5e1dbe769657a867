"""Drafts, locales, slugs and excerpts."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.knowledge.domain.articles import (
    EXCERPT_CHARACTERS,
    MAX_SLUG_CHARACTERS,
    Edit,
    IncompleteDraftError,
    Status,
    Version,
    choose_locale,
    drafted,
    excerpt_of,
    slug_of,
)


def version(status: Status, *, locale: str = "en", number: int = 1, slug: str = "refunds") -> Version:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Version(locale, number, status, "Refunds", slug, "How to", "How to", uuid4(), now, None)


def test_a_first_draft_needs_title_and_body() -> None:
    with pytest.raises(IncompleteDraftError):
        drafted([version(Status.PUBLISHED)], Edit("de", title="Rückzahlung"))


def test_editing_what_is_published_makes_the_next_version() -> None:
    draft = drafted([version(Status.PUBLISHED, number=3)], Edit("en", body="New"))
    assert (draft.number, draft.title, draft.body) == (4, "Refunds", "New")


def test_editing_a_draft_keeps_its_number() -> None:
    both = [version(Status.PUBLISHED, number=3), version(Status.DRAFT, number=4)]
    assert drafted(both, Edit("en", title="Money back")).number == 4


def test_a_published_address_changes_only_on_request() -> None:
    published = [version(Status.PUBLISHED)]
    assert drafted(published, Edit("en", title="Money back")).slug == "refunds"
    assert drafted(published, Edit("en", slug="Money back")).slug == "money-back"
    assert drafted([version(Status.DRAFT)], Edit("en", title="Money back")).slug == "money-back"


@pytest.mark.parametrize(
    ("wanted", "available", "expected"),
    [
        ("de", ["de", "en"], "de"),
        ("de-AT", ["de", "de-CH", "en"], "de"),
        ("pt", ["en", "pt-BR", "pt-PT"], "pt-BR"),
        ("fr", ["de", "en"], "en"),
        (None, ["de", "en"], "en"),
        (None, ["hi", "de"], "de"),
        ("de", [], None),
    ],
)
def test_the_locale_that_fits_best_is_shown(wanted: str | None, available: list[str], expected: str | None) -> None:
    assert choose_locale(wanted, available, "en") == expected


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("How do I get a refund?", "how-do-i-get-a-refund"),
        ("Rückgabe & Größe", "ruckgabe-grosse"),
        ("धनवापसी कैसे मिलेगी", "धनवापसी-कैसे-मिलेगी"),
        ("../../etc/passwd", "etc-passwd"),
        ("???", "article"),
    ],
)
def test_slugs_are_in_the_titles_own_script(title: str, slug: str) -> None:
    assert slug_of(title) == slug


@given(st.text())
def test_slugs_are_bounded_and_never_empty(title: str) -> None:
    slug = slug_of(title)
    assert 0 < len(slug) <= MAX_SLUG_CHARACTERS
    assert not set(slug) & set(" /?#%\\")


def test_an_excerpt_is_plain_text() -> None:
    body = "# Refunds\n\n- **Ask** within [30 days](https://example.org) ![x](y.png)\n\n```sh\nmake\n```\n> Thanks"
    assert excerpt_of(body) == "Refunds Ask within 30 days x make Thanks"


@given(st.text(), st.sampled_from(["word ", "退", ""]))
def test_an_excerpt_is_one_bounded_line(text: str, padding: str) -> None:
    excerpt = excerpt_of(text + padding * 300)
    assert len(excerpt) <= EXCERPT_CHARACTERS
    assert "\n" not in excerpt
