"""In which language a customer is written to, what people are called, and texts put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.macros import Because, Text, _called, _first, after, language_of
from services.tickets.domain.rich import clean, text_of

C, T, D = Because.CUSTOMER, Because.TICKET, Because.DEFAULT
TAGS = st.sampled_from(["en", "en-GB", "pt", "pt-BR", "pt-PT", "zh-Hant", "zh-Hant-TW", "de", "DE-at", "fr"])


@pytest.mark.parametrize(
    ("available", "customer", "ticket", "found"),
    [
        (["en", "de"], "de", "en", ("de", C)),
        (["en", "de"], "DE-at", None, ("de", C)),
        (["en", "zh-Hant"], "zh-Hant-TW", None, ("zh-Hant", C)),
        (["en", "pt-BR"], "pt-PT", None, ("pt-BR", C)),
        (["en", "pt-PT", "pt-BR"], "pt", None, ("pt-BR", C)),
        (["en", "pt", "pt-BR"], "pt-PT", None, ("pt", C)),
        (["en", "de"], "fr", "de", ("de", T)),
        (["en", "de"], None, "de-CH", ("de", T)),
        (["en", "de"], None, None, ("en", D)),
        (["en", "den"], "de", None, ("en", D)),
    ],
)
def test_a_text_is_chosen(
    available: list[str], customer: str | None, ticket: str | None, found: tuple[str, Because]
) -> None:
    assert language_of(available, [(C, customer), (T, ticket)], "en") == found


@given(st.sets(TAGS, min_size=1), TAGS, TAGS)
def test_a_language_that_is_there_is_never_passed_over(available: set[str], customer: str, ticket: str) -> None:
    """Of the customer's language any text is nearer than one of another language, and the default is the last."""
    chosen = language_of(available, [(C, customer), (T, ticket)], min(available))
    primary = {tag.lower().split("-")[0] for tag in available}
    expected = next((why for why, tag in ((C, customer), (T, ticket)) if tag.lower().split("-")[0] in primary), D)
    assert chosen.because is expected
    assert chosen.tag in available
    if customer in available:
        assert chosen.tag == customer


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Ana María Ruiz", "Ana"),
        ("Ruiz, Ana María", "Ana"),
        ("王小明", "王小明"),
        (" ", ""),
        ("", ""),
        ("Ruiz,", "Ruiz,"),
    ],
)
def test_people_are_called(name: str, first: str) -> None:
    assert _first(name) == first


def test_choices_are_called() -> None:
    tree = [{"value": "a", "labels": {"en": "A", "de": "Ä"}, "options": [{"value": "b", "labels": {"fr": "Bé"}}]}]
    assert _called(tree, "a", "de-AT") == "Ä"
    assert _called(tree, "a", "fr") == "A"
    assert _called(tree, "a/b", "de") == "Bé"
    assert _called(tree, ["a", "gone"], "de") == ["Ä", "gone"]
    assert _called((), 7, "de") == 7


PLAIN = st.text(st.sampled_from("ab <>&\n"), max_size=30)


@given(PLAIN, PLAIN.filter(str.strip))
def test_nothing_that_was_written_is_lost(begun: str, more: str) -> None:
    plain = after(Text(begun), Text(more))
    assert plain.text.endswith(more)
    assert plain.text.startswith(begun.rstrip() if begun.strip() else more)
    html = after(Text(begun), Text("x", "<p>x</p>"))
    assert html.html is not None
    assert clean(html.html) == html.html, "it is as clean as what it is made of"
    assert html.text == text_of(html.html)
    assert html.text.split() == [*begun.split(), "x"]
