"""Texts are cut and cleaned without breaking characters."""

from hypothesis import example, given
from hypothesis import strategies as st

from services.tickets.domain.identity import identity
from services.tickets.domain.texts import MAX_SUBJECT_CHARS, cut, storable, subject_of

texts = st.text(st.characters(exclude_categories=["Cs"]))
any_texts = st.text(st.characters())


@given(texts, st.integers(0, 40))
@example("naïve 🖨️", 5)
def test_cut_keeps_the_longest_whole_start(text: str, limit: int) -> None:
    kept = cut(text, limit)
    assert text.startswith(kept)
    assert len(kept.encode()) <= limit
    if kept != text:
        assert len(text[: len(kept) + 1].encode()) > limit


@given(any_texts)
@example("\ud800")
@example("a\x00b\tc\r\nd\x7f")
def test_what_is_storable_has_no_controls_but_tabs_and_breaks(text: str) -> None:
    kept = storable(text)
    assert len(kept) == len(text)
    assert all(character in "\t\n\r" or ord(character) >= 32 for character in kept)
    assert "\x7f" not in kept
    kept.encode()


@given(texts, texts)
@example("", "")
@example("x" * 4000, "")
@example("\r\nBcc: everybody@example.com", "")
def test_a_subject_is_one_line_and_never_empty(subject: str, text: str) -> None:
    line = subject_of(subject, text)
    assert line.strip()
    assert len(line) <= MAX_SUBJECT_CHARS
    assert "\n" not in line
    assert "\r" not in line


def test_a_missing_subject_comes_from_the_text() -> None:
    assert subject_of("  ", "Hello,\nmy printer burns.") == "Hello, my printer burns."
    assert subject_of("", " \n") == "(no subject)"


def test_identities_are_compared_in_one_form() -> None:
    assert identity("email", " Ana@Example.COM ") == identity("email", "ana@example.com")
    assert identity("phone", "+49 30 1234") == identity("phone", "+49301234")
    assert identity("handle", "Ana") != identity("handle", "ana")
