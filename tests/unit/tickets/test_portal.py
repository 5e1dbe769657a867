"""Web addresses in what people wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.api.portal import linked

# Jinja's `urlize` would look at these until the test's time is over.
LONG = ")" * 1_000_000 + "x)"


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("See https://desk.example/a?b=1&c=2#d. Thanks", ["https://desk.example/a?b=1&c=2#d"]),
        ("(see HTTP://desk.example/x)", ["HTTP://desk.example/x"]),
        ("https://desk.example/a_(b), https://desk.example/!", ["https://desk.example/a_(b)", "https://desk.example/"]),
        ('<a href="https://desk.example/">javascript:alert(1) https://', ["https://desk.example/"]),
        (LONG, []),
        ("https://desk.example/" + LONG, ["https://desk.example/"]),
    ],
)
def test_web_addresses_are_found(text: str, addresses: list[str]) -> None:
    assert [part for part, is_address in linked(text) if is_address] == addresses


@given(st.text("htps:/.,)( <x\"'\n") | st.text())
def test_nothing_that_was_written_is_lost(text: str) -> None:
    assert "".join(part for part, _ in linked(text)) == text
