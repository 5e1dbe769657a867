"""Texts of macros are templates that staff write: they can do nothing but say what is known, and customers write none.

Of each class one that was found in other template engines: attributes that lead to code (CVE-2019-8341 and others of
Jinja), values that are rendered again, files that are included, loops and values that never end.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from html.parser import HTMLParser
from typing import Any

import pytest
import pytest_asyncio

from services.tickets.domain.rendering import TemplateError, check, rendered
from shared.db import Database
from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk, Person, running_desk

CODE = (
    "{{''.__class__.__mro__[1].__subclasses__()}}",
    "{{ customer.name.__class__ }}",
    "{{ customer.__class__ }}",
    "{{ customer['__class__'] }}",
    "{{ ticket.fields.__class__ }}",
    "{{ self }}",
    "{{ globals }}",
    "{{ request.environ }}",
    "{{ customer.name | map: '__class__' }}",
    "{{ customer.name | safe }}",
    "{% include '/etc/passwd' %}",
    "{% render 'x' %}",
    "{% extends 'x' %}",
    "{% layout 'x' %}",
    "{% liquid\n include 'x' %}",
    "{% capture x %}{% endcapture %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{% increment x %}",
)
ENDLESS = (
    "{% for i in (1..1000000000) %}x{% endfor %}",
    "{% tablerow i in (1..1000000000) %}x{% endtablerow %}",
    "{% for a in (1..1000) %}{% for b in (1..1000) %}{% for c in (1..1000) %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% if (1..30000000) contains 'x' %}{% endif %}",
    "{% if ticket.subject == 's' %}{% if (1..ticket.number) contains ticket.subject %}{% endif %}{% endif %}",
    '{% if ["a" "] == (1..30000000) contains "x" %}{% endif %}',
    ("{% case 1 %}{% when 1" + ",1" * 180 + " %}{% endcase %}") * 50,
    ("{{ 'x' | append: 1" + ",1" * 180 + " }}") * 50,
    ("{% if 1" + " or 1" * 70 + " %}{% endif %}") * 50,
    "{% if " + " " * 15_000,
    ("{% if" + " " * 390 + "%}") * 45,
    "{{ " + "a[" * 120 + "b" + "]" * 120 + " }}",
    "{{ 'x' " + "| upcase" * 2_000 + " }}",
    ("{{ 'x' " + "| upcase" * 40 + " }}") * 50,
    "{% if true %}" * 100 + "x" + "{% endif %}" * 100,
    "{{ 'x' }}" * 2_000,
    "x" * 1_000_000,
)
BOMBS = (
    "{% assign a = 'xxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 60 + "{{ a }}",
    "{% assign a = customer.name | replace: 'x', customer.name %}{% assign a = a | replace: 'x', a %}{{ a | size }}",
    "{% assign a = customer.name | append: customer.name | append: customer.name %}" + "{{ a }}" * 150,
)
# What customers call themselves, and their tickets.
NAMES = (
    "{{''.__class__}}",
    "{{ agent.email }}",
    "{{ '{{ agent.email }}' }}",
    "{% assign x = 1 %}{% raw %}",
    "{{",
    "}}{{ ticket.number }}{{",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    '" onmouseover="alert(1)',
)


@pytest_asyncio.fixture
async def desk(make_database: Callable[..., Awaitable[Database]]) -> AsyncIterator[Desk]:
    async with running_desk(await make_database("tickets")) as desk:
        yield desk


@pytest.mark.parametrize("source", CODE + ENDLESS)
def test_no_template_leads_further_than_its_placeholders(source: str) -> None:
    with pytest.raises(TemplateError):
        check(source, {"field"})


@pytest.mark.parametrize("source", BOMBS)
def test_a_value_that_grows_too_large_ends_the_text(source: str) -> None:
    """They look harmless where nothing is known of the customer yet."""
    values: dict[str, dict[str, Any]] = {"customer": {"name": "x" * 200}}
    with pytest.raises(TemplateError):
        _said(source, values)


def _said(source: str, values: dict[str, dict[str, Any]]) -> str:
    check(source, ())
    return rendered(source, values)


class _Markup(HTMLParser):
    """Which elements there are, and with which attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs)}


async def a_macro(person: Person, **text: str) -> str:
    body = {"name": "Hello", "texts": {"en": text}, "default_language": "en"}
    answer = await person.client.post("/api/macros", body)
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


async def a_ticket(person: Person, said: str, nth: int) -> str:
    body = {
        "subject": said,
        "text": said,
        "requester": {"email": f"c{nth}@example.com", "name": said},
    }
    answer = await person.client.post("/api/tickets", body)
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


async def test_what_customers_write_is_no_template(desk: Desk) -> None:
    """Their words come out as they wrote them, however often they are taken up again."""
    agent = await desk.person(Role.ADMIN, email="secret@desk.example")
    first = await a_macro(agent, text="{{ customer.name }} / {{ ticket.subject | append: '' }}")
    for nth, said in enumerate(NAMES):
        path = f"/api/tickets/{await a_ticket(agent, said, nth)}"
        for _ in range(2):
            drafted = await agent.client.post(f"{path}/macro", {"macro_id": first}, if_match="*")
            assert drafted.status == 200, drafted.body
            assert drafted.json()["text"]["text"] == f"{said} / {said}"
        draft = (await agent.client.get(f"{path}/draft")).json()["draft"]["text"]
        assert draft == f"{said} / {said}\n\n{said} / {said}"
        sent = await agent.client.post(f"{path}/replies", {"text": draft})
        assert sent.json()["message"]["text"] == draft


async def test_what_customers_write_is_no_markup(desk: Desk) -> None:
    agent = await desk.person(Role.ADMIN)
    source = (
        "<p>{{ customer.name }}</p><script>{{ customer.name }}</script>"
        "<p><a href=\"{{ customer.name }}\" title='{{ customer.name }}'>link</a>"
        " {{ '<i>' | append: ticket.subject }}</p>"
    )
    macro = await a_macro(agent, html=source)
    for nth, said in enumerate(NAMES):
        path = f"/api/tickets/{await a_ticket(agent, said, nth)}"
        answer = await agent.client.post(f"{path}/macro", {"macro_id": macro, "send": True}, if_match="*")
        assert answer.status == 200, answer.body
        html = answer.json()["text"]["html"]
        assert _Markup(html).found <= {"p", "a", "a rel", "a title"}, html
        shown = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert html.startswith(f"<p>{shown}</p>"), html


async def test_templates_that_lead_further_are_not_kept(desk: Desk) -> None:
    agent = await desk.person()
    for source in (CODE[0], *ENDLESS[0:10:3]):
        for kind in ("text", "html"):
            body = {"name": "x", "visibility": "personal", "texts": {"en": {kind: source}}}
            answer = await agent.client.post("/api/macros", body)
            assert (answer.status, answer.json()["type"]) == (422, "/problems/bad-template"), source
