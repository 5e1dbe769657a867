"""Replies that agents format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.tickets.domain.rich import clean, text_of
from services.tickets.domain.texts import MAX_TEXT_BYTES
from services.tickets.schemas.threads import ReplyBody
from tests.security.test_mail_html import NASTY, require_harmless, tags_of

SUBSET = {"p", "br", "b", "strong", "i", "em", "u", "ul", "ol", "li", "a", "blockquote", "code"}


@pytest.mark.parametrize("name", sorted(NASTY.keys() - {"deep"}))
def test_nothing_but_the_subset_is_left(name: str) -> None:
    html = clean(NASTY[name])
    require_harmless(html)
    assert {tag for tag, _ in tags_of(html)} <= SUBSET
    assert clean(html) == html


def test_what_would_take_seconds_is_refused() -> None:
    with pytest.raises(ValueError, match="tags"):
        clean(NASTY["deep"])


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>Ana</b>,</p><p>do this:</p>", "Hello Ana,\n\ndo this:"),
        ("a<br>b", "a\nb"),
        ("<ol><li>one</li><li><p>two</p></li></ol><p>x</p>", "1. one\n2. two\n\nx"),
        ("<p>x</p><ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "x\n\n- a\n  - b\n- c"),
        ('<a href="https://a.example/x">here</a>', "here <https://a.example/x>"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ("<p>1 &lt; 2 &amp; so on</p>", "1 < 2 & so on"),
        ("<p>  a\n   b </p>", "a b"),
        ("<p>Run <code>ls &lt;dir&gt;</code>.</p>", "Run ls <dir>."),
        ("<p></p><ul></ul>", ""),
    ],
)
def test_the_text_says_what_the_html_says(html: str, text: str) -> None:
    assert text_of(clean(html)) == text


def test_code_within_a_line_stays_code_without_attributes() -> None:
    """The editor makes it: it was sent as plain text, and nobody told who wrote it."""
    assert (
        clean('<p>Run <code class="x" onclick="a()">ls <b>-l</b></code></p>') == "<p>Run <code>ls <b>-l</b></code></p>"
    )


@given(html=st.text(alphabet="<>/ab liuop=\"'&;", max_size=60))
def test_whatever_is_given_cleaning_twice_changes_nothing(html: str) -> None:
    once = clean(html)
    assert clean(once) == once
    text_of(once)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"text": "a", "html": "<p>a</p>"},
        {"html": "<p> </p>"},
        {"html": "<script>a</script>"},
        {"html": "a\x00"},
        {"html": "é" * 40_000},
        {"html": "<" * 20_000},
        {"html": "<p>a" + "<ul><li>" * 1_001},
    ],
)
def test_a_reply_says_something_in_one_way(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ReplyBody.model_validate(wrong)


def test_lists_in_lists_make_no_text_without_end() -> None:
    body = ReplyBody.model_validate({"html": "<ul><li>" * 1_000 + "x"})
    assert len(body.said().encode()) <= MAX_TEXT_BYTES


@pytest.mark.parametrize("tag", ["b", "I", "em/", "u\n"])
def test_formatting_that_nobody_ends_is_not_multiplied_by_its_attributes(tag: str) -> None:
    """A parser opens it again in each paragraph: of 13 KB it made 9 MB, in three seconds."""
    html = "<p>" + "".join(f"<{tag} x={n}>" for n in range(300)) + "<p>x" * 300
    assert len(clean(html)) < 10 * len(html)
