"""Searches find what is wanted, and little else: floors a little below what was measured (docs/search.md)."""

from tests.integration.tickets.harness import Desk
from tests.integration.tickets.search_quality import answers, first_is_right, precision, queries, recall

# Each of these kinds is found whole: nothing that is written there may be missed.
WHOLE = {"exact", "nfd", "number", "address", "emoji", "mixed", "phrase", "prefix", "subject"}


def test_there_are_enough_searches() -> None:
    asked = list(queries())
    assert len(asked) >= 200
    assert len({query.language for query in asked}) >= 10


async def test_searches_find_what_is_wanted(desk: Desk) -> None:
    given = await answers(desk)
    for answer in given:
        if answer.query.kind in WHOLE:
            assert answer.query.wanted <= set(answer.found), answer
    assert recall(given) >= 0.93
    assert precision(given) >= 0.94
    assert first_is_right(given) >= 0.95
    for kind, least in {
        "inflection": 0.87,
        "accents": 0.95,
        "typo": 0.93,
        "middle": 0.95,
        "words": 0.92,
        "written once": 0.74,
    }.items():
        some = [answer for answer in given if answer.query.kind == kind]
        assert recall(some) >= least, (kind, [answer for answer in some if answer.right < len(answer.query.wanted)])
    for language in {answer.query.language for answer in given}:
        some = [answer for answer in given if answer.query.language == language]
        assert recall(some) >= 0.78, language
        assert precision(some) >= 0.84, language
