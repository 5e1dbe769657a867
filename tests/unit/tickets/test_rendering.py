"""Texts with placeholders: what they may name, what becomes of them, and what they cannot do."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain import rendering
from services.tickets.domain.rendering import (
    MAX_CHARACTERS,
    MAX_FILTERS,
    MAX_TAGS,
    MAX_WORDS,
    PLACEHOLDERS,
    TemplateError,
    check,
    rendered,
)

FIELDS = {"shipped_on", "cost", "weight"}
VALUES = {
    "ticket": {
        "number": 41,
        "subject": "A <b>bold</b> one",
        "tags": ["late", "paid"],
        "created_at": "2026-01-31T23:30:00+00:00",
        # Nobody has given the weight.
        "fields": {"shipped_on": "2026-02-01", "cost": 12.5},
    },
    "customer": {"first_name": "Ana", "name": ""},
    "text": {"language": "de-AT", "time_zone": "Europe/Vienna"},
}

PIECES = (
    *(
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "if ",
        "endif",
        "else",
        "assign ",
        "case ",
        "when ",
        "unless ",
        "for ",
        "x in ",
        "a = ",
    ),
    *("customer.name", "ticket", ".", "[", "]", "'", '"', "| ", "upcase", "append: ", "1", "(1..3)", " == ", " or "),
)


def said(source: str, *, html: bool = False) -> str:
    check(source, FIELDS)
    return rendered(source, VALUES, html=html)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ customer.first_name }}!", "Hello Ana!"),
        ("[{{ customer.name }}]", "[]"),
        ("{{ customer.name | default: 'there' | upcase }}", "THERE"),
        ("{% if customer.name == '' %}a{% elsif 1 == 2 %}b{% else %}c{% endif %}", "a"),
        ("{% unless ticket.tags contains 'late' %}a{% else %}b{% endunless %}", "b"),
        ("{% case customer.first_name %}{% when 'Ana' %}a{% else %}b{% endcase %}", "a"),
        ("{% assign who = customer.first_name | append: '!' %}{{ who | prepend: '¡' }}", "¡Ana!"),
        ("{{ ticket.tags }} / {{ ticket.tags | join: ' + ' }} / {{ ticket.tags.size }}", "latepaid / late + paid / 2"),
        ("{{ ticket.fields.shipped_on | date: 'long' }}", "1. Februar 2026"),
        ("{{ ticket.created_at | date: 'short' }}", "01.02.26, 00:30"),
        ("{{ 'tomorrow' | date }}", "tomorrow"),
        ("{{ 'a b&c' | url_encode }} {{ 'x_y' | replace: '_', ' ' }} {{ 'xyx' | remove: 'x' }}", "a%20b%26c x y y"),
        ("{{ 'abcdef' | truncate: 3 }}|{{ ' a ' | strip }}|{{ 'ana' | capitalize }}", "ab…|a|Ana"),
        ("{{ '{{ ticket.subject }' | append: '}' }}", "{{ ticket.subject }}"),
        ("{{ customer.name | append: ' (Tu..Th)' }}", " (Tu..Th)"),
        ("{% if ticket.number > 40 %}a{% endif %}{% if ticket.fields.cost >= 10 %}b{% endif %}", "ab"),
        ("{% if ticket.fields.weight > 10 %}a{% elsif ticket.fields.weight < 10 %}b{% else %}c{% endif %}", "c"),
        ("[{{ ticket.fields.weight }}{{ ticket.labels.weight | upcase | append: '!' }}]", "[!]"),
    ],
)
def test_a_text_says(source: str, text: str) -> None:
    assert said(source) == text


def test_html_shows_values_as_they_are() -> None:
    assert said("<p>{{ ticket.subject }}</p>", html=True) == "<p>A &lt;b&gt;bold&lt;/b&gt; one</p>"
    assert said("<p>{{ '<i>' | append: ticket.subject }}</p>", html=True) == (
        "<p>&lt;i&gt;A &lt;b&gt;bold&lt;/b&gt; one</p>"
    )


@pytest.mark.parametrize(
    ("source", "position"),
    [
        ("Hello {{ customer.password }}", 9),
        ("{{ nobody }}", 3),
        ("{{ ticket }}", 3),
        ("{{ ticket.fields }}", 3),
        ("{{ ticket.fields.unknown }}", 3),
        ("{{ ticket.subject.upcase }}", 3),
        ("{{ ticket[customer.name] }}", 3),
        ("{{ who }}{% assign who = 'me' %}", 3),
        ("{% if customer.name %}{{ customer.nam }}{% endif %}", 25),
        ("a\n{{ customer.name | shout }}", 21),
        ("Hello {{ customer.name", 6),
        ("Hello {% if customer.name", 6),
        ("Hello {{ customer.name | }}", 6),
        ("Hello {{ }}", 6),
        ("{% if customer.name %}", 22),
        ("x{% endif %}", 4),
        ("{% for tag in ticket.tags %}{% endfor %}", 0),
        ("{% include 'x' %}", 0),
        ("{% raw %}{% endraw %}", 0),
        ("{% %}", 0),
        ("x" * (MAX_CHARACTERS + 1), MAX_CHARACTERS),
        ("{{ customer.name }}" * (MAX_TAGS + 1), 19 * MAX_TAGS),
        (("{% if 1" + " or 1" * 30 + " %}{% endif %}") * (MAX_WORDS // 61 + 1), 5598),
        ("Hello {{ (1..9) }}", 9),
        ("{% assign customer = 'me' %}{{ customer.nobody }}", 10),
    ],
)
def test_what_is_no_template_is_refused_at_its_place(source: str, position: int) -> None:
    with pytest.raises(TemplateError) as caught:
        check(source, FIELDS)
    assert caught.value.position == position, caught.value.problem


def test_filters_are_used_as_they_are_meant() -> None:
    for source in (
        "{{ 'x' | replace }}",
        "{{ 'x' | truncate: 'many' }}",
        "{{ customer.name | date: '%Y' }}",
        "{{ 'x' | replace: old: 'x' }}",
        "{{ '2026-01-31' | date: context: 'x' }}",
        "{{ 'x' | upcase: context: 'x' }}",
    ):
        with pytest.raises(TemplateError):
            check(source, FIELDS)
    with pytest.raises(TemplateError, match="filters"):
        check(("{{ 'x'" + "|upcase" * 51 + "}}") * (MAX_FILTERS // 50), FIELDS)


def test_what_was_kept_before_it_was_refused_harms_nobody() -> None:
    """Of ranges, and of filters with what is no context, some may be behind conditions that were false when saved."""
    with pytest.raises(TemplateError, match="ranges"):
        rendered("{% if (1..9) contains ticket.subject %}{% endif %}", VALUES)
    with pytest.raises(TemplateError, match="names"):
        rendered("{{ ticket.created_at | date: context: 'x' }}", VALUES)
    assert rendered("{% assign text = 'a' %}{{ ticket.fields.shipped_on | date }}", VALUES) == "01.02.2026"


def test_texts_that_are_refused_push_out_no_others() -> None:
    kept = rendering._kept.cache_info().currsize
    for nth in range(9):
        with pytest.raises(TemplateError):
            check(f"{{{{ customer.nobody }}}} {nth}", FIELDS)
    assert rendering._kept.cache_info().currsize == kept


def test_every_placeholder_there_is_can_be_named() -> None:
    check("".join(f"{{{{ {root}.{name} }}}}" for root, names in PLACEHOLDERS.items() for name in names), ())


# Line breaks come out as one kind of them.
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=200))
def test_values_come_out_as_they_are(value: str) -> None:
    """Whatever a customer writes: it is neither read as a template, nor lost, nor markup."""
    values = {"customer": {"name": value}}
    assert rendered("{{ customer.name }}", values) == value
    html = rendered("{{ customer.name }}", values, html=True)
    assert "<" not in html
    assert '"' not in html


@given(st.text(alphabet="{}%|'\"[]().:-= \nabif", max_size=300))
def test_what_passes_can_be_rendered(source: str) -> None:
    with suppress(TemplateError):
        check(source, FIELDS)
        rendered(source, {})


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_mistakes_have_a_place(source: str) -> None:
    try:
        check(source, FIELDS)
    except TemplateError as error:
        place = error.position
    else:
        place = 0
    assert 0 <= place <= len(source)
