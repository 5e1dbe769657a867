"""What an index of words answers by itself leaves out nothing that a document matches."""

import pytest

from services.tickets.domain.askable import askable
from services.tickets.domain.lifecycle import DEFAULT
from services.tickets.domain.query import read
from services.tickets.domain.search import at_least, matching


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


@pytest.mark.parametrize("line", ["late", "late refund", "refu* OR lamp", "-lamp late", "款"])
def test_what_the_index_answers_whole_is_asked_for_as_it_is(line: str) -> None:
    known = askable(DEFAULT, words=True)
    condition = read(line, known.fields, known.values)
    assert at_least(condition) == matching(condition, public_only=False)
