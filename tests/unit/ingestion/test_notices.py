"""Texts of notifications: whole in every language, and values in them are values."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.notice_texts import REASONS, TEXTS
from services.ingestion.domain.notices import render
from shared.events.notifications import NotificationKind

# As the kinds are described where they are defined; the name of the organisation is everywhere.
FIELDS = {
    NotificationKind.MENTION: {"ticket_number", "subject", "author", "text"},
    NotificationKind.ASSIGNMENT: {"ticket_number", "subject", "author"},
    NotificationKind.UNDELIVERED: {"ticket_number", "subject", "recipient", "reason"},
    NotificationKind.SIGN_IN: {"url", "minutes"},
    NotificationKind.SURVEY: {"ticket_number", "subject", "url"},
    NotificationKind.RECEIVED: {"ticket_number", "url"},
}
SHOWN_BESIDE = {"text", "url"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))


def tags(html: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    parser = Tags()
    parser.feed(html)
    return parser.seen


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("kind", NotificationKind)
def test_every_language_says_all_of_it(language: str, kind: NotificationKind) -> None:
    template = TEXTS[language][kind]
    used = set(re.findall(r"\{(\w+)\}", template.subject + template.opening + template.closing))
    assert used - {"organisation"} == FIELDS[kind] - SHOWN_BESIDE
    assert bool(template.action) == ("url" in FIELDS[kind])
    assert REASONS[language].keys() == REASONS["en"].keys()


@given(st.dictionaries(st.sampled_from(sorted(set().union(*FIELDS.values()))), st.text(max_size=80)), st.data())
def test_no_value_is_markup_or_a_template(values: dict[str, str], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(NotificationKind))
    language = data.draw(st.sampled_from(sorted(TEXTS)))
    notice = render(kind, values, language=language, organisation="{text}<i>")
    plain = render(kind, dict.fromkeys(values, "x"), language=language, organisation="x")
    allowed = {"div", "p", "bdi", "blockquote", "br", "a"}
    assert {tag for tag, _ in tags(notice.html)} <= allowed
    assert {tag for tag, _ in tags(notice.html)} - {"br", "a", "blockquote"} == {tag for tag, _ in tags(plain.html)} - {
        "br",
        "a",
        "blockquote",
    }
    for tag, attributes in tags(notice.html):
        assert {name for name, _ in attributes} <= {"lang", "dir", "href"}
        assert tag != "a" or dict(attributes)["href"].startswith(("http:", "https:"))  # type: ignore[union-attr]
    assert "\n" not in notice.subject


def test_what_somebody_wrote_is_escaped_and_its_braces_are_theirs() -> None:
    values = {"ticket_number": "7", "subject": "<script>1</script>", "author": "{text}", "text": "<img src=x>\nb"}
    notice = render(NotificationKind.MENTION, values, language="en", organisation="Desk")
    assert "&lt;script&gt;1&lt;/script&gt;" in notice.html
    assert "<bdi>{text}</bdi>" in notice.html
    assert '<blockquote dir="auto">&lt;img src=x&gt;<br>b</blockquote>' in notice.html
    assert "> <img src=x>\n> b" in notice.text


def test_a_link_leads_into_the_web_or_is_none() -> None:
    values = {"url": 'javascript:alert("1")', "minutes": "15"}
    notice = render(NotificationKind.SIGN_IN, values, language="en", organisation="Desk")
    assert "<a " not in notice.html
    values = {"url": 'https://desk.example/?a="><b>&c', "minutes": "15"}
    notice = render(NotificationKind.SIGN_IN, values, language="en", organisation="Desk")
    assert [attributes for tag, attributes in tags(notice.html) if tag == "a"] == [[("href", values["url"])]]


def test_arabic_runs_from_the_right_and_what_is_in_it_does_not_turn_it() -> None:
    values = {"ticket_number": "7", "subject": "Printer", "author": "Alan"}
    notice = render(NotificationKind.ASSIGNMENT, values, language="ar-EG", organisation="Desk")
    assert notice.html.startswith('<div lang="ar" dir="rtl">')
    assert "\u2068Printer\u2069" in notice.text
    assert render(NotificationKind.ASSIGNMENT, values, language="xx", organisation="Desk").language == "en"
