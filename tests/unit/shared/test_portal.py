"""Sealed links, the visitor's language, and words that are there in every language."""

import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from shared.db import now_utc
from shared.ids import uuid7
from shared.portal import PortalSeal, is_from_elsewhere
from shared.portal.links import FORM_LASTS, LINK_LASTS
from shared.portal.pages import LANGUAGES, language_of

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT / "shared" / "portal"
OWN = [ROOT / "services" / service / "pages" for service in ("ingestion", "tickets")]
OLD, NEW = "o" * 32, "n" * 32
NOW = now_utc()


def request(*, query: str = "", **headers: str) -> Request:
    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": told})


@given(ticket_id=st.uuids(), conversation_id=st.uuids(), mailed=st.booleans(), local=st.text("abcü+.", min_size=1))
def test_a_link_says_what_it_was_made_of(ticket_id: UUID, conversation_id: UUID, mailed: bool, local: str) -> None:
    seal = PortalSeal([NEW])
    link = seal.opened_link(seal.link(ticket_id, conversation_id, f"{local}@example.org", mailed=mailed, now=NOW), NOW)
    assert link is not None
    assert (link.ticket_id, link.conversation_id, link.address, link.mailed) == (
        ticket_id,
        conversation_id,
        f"{local}@example.org",
        mailed,
    )


def test_a_token_for_one_purpose_proves_nothing_for_another() -> None:
    seal, id_ = PortalSeal([NEW]), uuid7()
    link, form, receipt = (
        seal.link(id_, id_, "a@b.example", mailed=True, now=NOW),
        seal.form(id_, NOW),
        seal.receipt(id_, NOW),
    )
    assert [seal.opened_link(each, NOW) is not None for each in (link, form, receipt)] == [True, False, False]
    assert [seal.opened_form(each, NOW) is not None for each in (link, form, receipt)] == [False, True, False]
    assert [seal.opened_receipt(each, NOW) is not None for each in (link, form, receipt)] == [False, False, True]


def test_tokens_end_with_their_time_and_with_their_secret() -> None:
    id_ = uuid7()
    link = PortalSeal([OLD]).link(id_, id_, "a@b.example", mailed=True, now=NOW)
    form = PortalSeal([OLD]).form(id_, NOW)
    both = PortalSeal.of(f"{NEW}, {OLD}")
    assert both is not None
    assert both.opened_link(link, NOW + LINK_LASTS - timedelta(seconds=2)) is not None
    assert both.opened_link(link, NOW + LINK_LASTS + timedelta(seconds=2)) is None
    assert both.opened_form(form, NOW + FORM_LASTS + timedelta(seconds=2)) is None
    assert PortalSeal([NEW]).opened_link(link, NOW) is None
    made = both.link(id_, id_, "a@b.example", mailed=True, now=NOW)
    assert PortalSeal([NEW]).opened_link(made, NOW) is not None, "the first secret seals"
    assert str(id_).replace("-", "") not in made
    assert PortalSeal.of("") is None
    with pytest.raises(ValueError, match="at least 32"):
        PortalSeal.of("short")


@given(st.text())
def test_any_other_text_is_no_token(text: str) -> None:
    assert PortalSeal([NEW]).opened_link(text, NOW) is None


@pytest.mark.parametrize(
    ("chosen", "asked", "language"),
    [
        ("", "de-AT,de;q=0.9,en;q=0.5", "de"),
        ("", "fr, ar-EG;q=0.7, en;q=0.9", "en"),
        ("", "fr;q=x, *;q=0", "en"),
        ("hi", "de", "hi"),
        ("../x", "bn", "bn"),
        ("", "", "en"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_browsers(chosen: str, asked: str, language: str) -> None:
    assert language_of(request(query=f"lang={chosen}", accept_language=asked)) == language


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({}, False),
        ({"sec_fetch_site": "same-origin", "origin": "null"}, False),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "same-site"}, True),
        ({"origin": "null"}, False),
        ({"origin": "https://evil.example", "host": "desk.example"}, True),
        ({"origin": "https://desk.example", "host": "desk.example"}, False),
    ],
)
def test_pages_of_others_send_nothing(headers: dict[str, str], refused: bool) -> None:
    assert is_from_elsewhere(request(**headers), "http://127.0.0.1:8080") == refused


def words(directory: Path, language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((directory / "words" / f"{language}.json").read_text())
    return found


@pytest.mark.parametrize("directory", [SHARED, *OWN])
def test_every_language_has_every_word(directory: Path) -> None:
    english = words(directory, "en")
    for language in LANGUAGES:
        spoken = words(directory, language)
        assert list(spoken) == list(english)
        for key, text in spoken.items():
            assert text.strip()
            assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english[key])), (language, key)


@pytest.mark.parametrize("directory", OWN)
def test_templates_say_what_there_are_words_for_and_bring_no_script(directory: Path) -> None:
    known = words(SHARED, "en") | words(directory, "en")
    for template in (*directory.glob("*.html"), *SHARED.glob("*.html")):
        html = template.read_text()
        assert set(re.findall(r'\bt\("([\w.-]+)"[,)]', html)) <= known.keys(), template
        assert not re.search(r"<script|<style|style=|\son\w+=|\|\s*safe|autoescape", html), template
