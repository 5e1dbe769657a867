"""What an article is: one thing to know, in several locales, each with its own line of versions."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.knowledge.domain.terms import words

MAX_SLUG_CHARACTERS = 80
EXCERPT_CHARACTERS = 280

# BCP 47: a language, and what narrows it.
LOCALE_PATTERN = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"

_CODE_FENCE = re.compile(r"^\s*(```|~~~).*$", re.MULTILINE)
_IMAGE_OR_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_LINE_START = re.compile(r"^\s*(#{1,6}\s+|>\s?|[-*+]\s+|\d+[.)]\s+)", re.MULTILINE)
_EMPHASIS = re.compile(r"[*_`~]+")


class Status(StrEnum):
    """What a version is. A locale has at most one draft and one published version; older ones are archived."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class IncompleteDraftError(Exception):
    """The first draft of a locale needs both a title and a text."""


@dataclass(frozen=True, slots=True)
class Article:
    """What all versions have in common. `version` moves with every edit and publication: it is the ETag."""

    id: UUID
    default_locale: str
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One state of an article's text in one locale. `number` counts per locale."""

    locale: str
    number: int
    status: Status
    title: str
    slug: str
    body: str
    excerpt: str
    author_id: UUID
    updated_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version as lists show it. `rank` tells how well it answers a search, where there was one."""

    article_id: UUID
    locale: str
    number: int
    status: Status
    title: str
    slug: str
    excerpt: str
    updated_at: datetime
    published_at: datetime | None
    rank: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """What an author wants to change in one locale; None leaves a field as it is."""

    locale: str
    title: str | None = None
    slug: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a version that nobody else sees yet."""

    locale: str
    number: int
    title: str
    slug: str
    body: str

    @property
    def excerpt(self) -> str:
        """The beginning as plain text."""
        return excerpt_of(self.body)


def drafted(current: Sequence[Version], edit: Edit) -> Draft:
    """The draft after an edit: of the draft there is, else of what is published, else a first one.

    `current` holds the drafts and published versions of the article. A new title of a text that was never published
    makes a new slug; published addresses change only on request. Raises IncompleteDraftError.
    """
    mine = {version.status: version for version in current if version.locale == edit.locale}
    published = mine.get(Status.PUBLISHED)
    known = mine.get(Status.DRAFT) or published
    if known is None:
        if edit.title is None or edit.body is None:
            raise IncompleteDraftError(f"the first text in {edit.locale} needs a title and a body")
        return Draft(edit.locale, 1, edit.title, slug_of(edit.slug or edit.title), edit.body)
    title = known.title if edit.title is None else edit.title
    return Draft(
        locale=edit.locale,
        number=known.number + (known.status is Status.PUBLISHED),
        title=title,
        slug=known.slug if published and edit.slug is None else slug_of(edit.slug or title),
        body=known.body if edit.body is None else edit.body,
    )


def slug_of(title: str) -> str:
    """The part of an address that tells people what is there, in the title's own script; never empty, not unique."""
    return "-".join(words(title))[:MAX_SLUG_CHARACTERS].strip("-") or "article"


def excerpt_of(body: str) -> str:
    """The beginning of a Markdown text as plain text in one line, at most 280 characters."""
    plain = _CODE_FENCE.sub(" ", body)
    plain = _IMAGE_OR_LINK.sub(r"\1", plain)
    plain = _EMPHASIS.sub("", _LINE_START.sub("", plain))
    plain = " ".join(plain.split())
    if len(plain) <= EXCERPT_CHARACTERS:
        return plain
    cut = plain[: EXCERPT_CHARACTERS - 1]
    # A language without spaces is cut anywhere; otherwise the last word that does not fit goes.
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > EXCERPT_CHARACTERS // 2 else cut).rstrip() + "…"


def choose_locale(wanted: str | None, available: Collection[str], default: str) -> str | None:
    """The locale to show: the wanted one, else one of its language, else the article's own, else any; None of none."""
    if wanted in available:
        return wanted
    if wanted is not None:
        language = wanted.partition("-")[0]
        same = sorted(locale for locale in available if locale.partition("-")[0] == language)
        if same:
            return language if language in available else same[0]
    if default in available:
        return default
    return min(available, default=None)
