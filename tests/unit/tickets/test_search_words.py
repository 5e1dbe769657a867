"""What an index of words answers by itself leaves out nothing that a document matches."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

import pytest

from services.tickets.domain.askable import askable
from services.tickets.domain.conditions import Comparison, Operator
from services.tickets.domain.lifecycle import DEFAULT
from services.tickets.domain.query import read
from services.tickets.domain.search import at_least, matching, words_of
from services.tickets.repository.words import WordRepository
from services.tickets.service.search import _with_other_forms
from shared.words import with_any_letter

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "least"),
    [
        ("late", "'late'"),
        ("late refund", "('late') & ('refund')"),
        ("refu*", "'refu':*"),
        ('"late refund"', "'late' & 'refund'"),
        ('subject:late "so sorry" -"no refund" -lamp', "(('late')) & ('so' & 'sorry') & (!('lamp'))"),
        ('late OR "no refund"', "('late') | ('no' & 'refund')"),
        ("退款申请吧", "'退款' & '申请' & '请吧'"),
        ("退款申", "'退款' & '款申'"),
        ("款", "'款':*"),
        # Anything may match: it is asked for as it is.
        ('-"no refund"', "!('no' <1> 'refund')"),
        ('late OR -"no refund"', "('late') | (!('no' <1> 'refund'))"),
    ],
)
def test_what_all_that_matches_has_at_least(line: str, least: str) -> None:
    known = askable(DEFAULT, words=True)
    assert at_least(read(line, known.fields, known.values)) == least


def test_what_words_with_a_letter_unknown_have_in_common_is_asked_for_once() -> None:
    """Of ten letters there were ten alternatives of nine words, and the index weighed all of them for each document."""
    letters = words_of(Comparison("text", Operator.MATCHES, "退款申请"), with_any_letter("退款申请吧"))
    assert at_least(letters) == ("(('请吧' & (('款申') | ('申请'))) | ('退款' & (('请吧') | ((('款申') | ('申请'))))))")


class _Words(WordRepository):
    """Of two words, one was read in two languages."""

    def __init__(self) -> None: ...

    async def known(self, words: Collection[str]) -> dict[str, list[str]]:
        return {word: ["de=regal", "en=regal"] for word in words}

    async def with_stems(self, stems: Iterable[str]) -> Sequence[tuple[str, list[str]]]:
        assert set(stems) == {"de=regal", "en=regal"}
        return [("regale", ["de=regal"]), ("regals", ["de=regal", "en=regal"]), ("regally", ["en=regal"])]


def test_the_language_is_asked_for_of_words_that_several_have() -> None:
    """Half of all documents have the mark of a language: to ask for it took longer than to ask for the words."""
    condition = asyncio.run(_with_other_forms(_Words(), Comparison("text", Operator.MATCHES, "regal")))
    assert matching(condition, public_only=False) == (
        "('regal') | (('regale') | ('regally')) | (('regals') & ('#lde')) | (('regals') & ('#len'))"
    )


@pytest.mark.parametrize("line", ["late", "late refund", "refu* OR lamp", "-lamp late", "款"])
def test_what_the_index_answers_whole_is_asked_for_as_it_is(line: str) -> None:
    known = askable(DEFAULT, words=True)
    condition = read(line, known.fields, known.values)
    assert at_least(condition) == matching(condition, public_only=False)
