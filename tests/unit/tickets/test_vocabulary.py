"""Other forms of words, and words that are nearly the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.vocabulary import (
    can_be_misspelt,
    distance,
    is_kept,
    language_of,
    language_of_stem,
    languages,
    meant,
    near,
    nearly,
    stems,
)

WORDS = st.text("abcdeé", min_size=4, max_size=12)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("refunded", "Refunds", "en"),
        ("Rückerstattungen", "ruckerstattung", "de"),
        ("reembolsos", "reembolso", "es"),
        ("remboursements", "remboursement", "fr"),
        ("посылку", "посылки", "ru"),
        ("zwroty", "zwrotów", "pl"),
        ("शिकायतों", "शिकायत", "hi"),
        ("الطلبات", "طلبات", "ar"),
    ],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str, language: str) -> None:
    assert stems(one, language) & stems(other, language)
    assert {language_of_stem(stem) for stem in stems(one, language)} == {language}


def test_words_are_read_in_a_language_of_their_script() -> None:
    assert language_of("rechnung", "de-AT") == "de"
    assert language_of("rechnung", None) == "en"
    assert language_of("rechnung", "ru") == "en"
    assert language_of("счет", "de") == "ru"
    assert language_of("הזמנה", "he") is None
    assert language_of("টাকা", "bn") is None
    assert set(languages("शिकायत")) == {"hi", "ne"}
    assert languages("টাকা") == []


def test_numbers_short_words_and_pairs_of_letters_are_not_looked_up() -> None:
    for word in ("退款", "a17", "it", "x" * 40):
        assert not is_kept(word)
        assert not can_be_misspelt(word)
    assert not can_be_misspelt("abc")


@pytest.mark.parametrize(
    ("one", "other", "far"), [("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("ca", "abc", 3), ("abc", "", 3)]
)
def test_distance(one: str, other: str, far: int) -> None:
    assert distance(one, other) == far


@given(WORDS, WORDS)
def test_distance_is_the_same_from_either_side(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)


@given(WORDS, st.data())
def test_what_differs_in_one_place_is_met(word: str, data: st.DataObject) -> None:
    """A letter left out, added or changed, or two neighbours exchanged."""
    place = data.draw(st.integers(0, len(word) - 2))
    letter = data.draw(st.sampled_from("abcx"))
    for other in (
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    ):
        assert near(word) & nearly(other)
        assert distance(word, other) <= 1
        assert other == word or meant(other, [word], most=1) == [word]


def test_the_nearest_are_meant_and_of_these_those_that_begin_so() -> None:
    assert meant("refnud", ["refund", "refunds", "fund"], most=5) == ["refund"]
    assert meant("stuck", ["stack", "stick", "truck", "stuck1"], most=2) == ["stack", "stick"]
    assert meant("subscrbtion", ["subscription"], most=5) == ["subscription"]
    assert meant("late", ["lamp"], most=5) == []
