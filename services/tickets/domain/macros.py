"""Macros: in which language a customer is written to, and what the placeholders of a text stand for."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from html import escape
from typing import Any, NamedTuple

from babel.numbers import format_currency

from services.tickets.domain.field_values import Kind
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.rendering import locale_of
from services.tickets.domain.rich import text_of
from services.tickets.domain.ticket import Ticket

# The tree of a choice, as it is kept: `value`, `labels` by language, and `options` below.
Options = Sequence[Mapping[str, Any]]


class Because(StrEnum):
    """Why a text is in its language: somebody asked for it, the customer or the ticket has it, or nothing fits."""

    ASKED = "asked"
    CUSTOMER = "customer"
    TICKET = "ticket"
    DEFAULT = "default"


class Language(NamedTuple):
    """A language that a text is there in."""

    tag: str
    because: Because


class Text(NamedTuple):
    """What is said, and the HTML it was made from, if it was."""

    text: str
    html: str | None = None


def language_of(
    available: Collection[str], wanted: Iterable[tuple[Because, str | None]], default: str | None
) -> Language:
    """The first of the wanted languages that is available; else the default.

    A language is looked up as RFC 4647 does (zh-Hant-TW, zh-Hant, zh), and then taken from another country (pt for
    pt-BR): that is nearer than another language.
    """
    known = {tag.lower(): tag for tag in sorted(available, reverse=True)}
    for because, tag in wanted:
        parts = (tag or "").lower().split("-")
        for end in range(len(parts), 0, -1):
            if found := known.get("-".join(parts[:end])):
                return Language(found, because)
        if found := next((known[other] for other in sorted(known) if other.split("-")[0] == parts[0]), None):
            return Language(found, because)
    return Language(default or min(available), Because.DEFAULT)


def values_of(
    ticket: Ticket,
    lifecycle: Lifecycle,
    *,
    language: str,
    organisation: str,
    assignee: str,
    agent: str,
    agent_email: str,
    options: Mapping[str, Options],
) -> dict[str, Mapping[str, Any]]:
    """What `rendering.PLACEHOLDERS` stand for; `options` are those of each field that is a choice.

    What customers wrote is among it: as values, never as templates.
    """
    requester = ticket.requester
    fields = {
        key: _shown(lifecycle.fields.by_key[key].kind, value, language)
        for key, value in ticket.fields.items()
        if key in lifecycle.fields.by_key
    }
    return {
        "ticket": {
            "number": ticket.number,
            "subject": ticket.subject,
            "status": _label(lifecycle.shown(ticket.status, ticket.status_key).labels, language),
            "priority": ticket.priority.value,
            "type": ticket.type.value,
            "channel": ticket.channel.value,
            "group": ticket.group,
            "brand": ticket.brand,
            "language": ticket.language,
            "tags": list(ticket.tags),
            "created_at": ticket.created_at.isoformat(),
            "assignee": assignee,
            "fields": fields,
            "labels": {key: _called(options.get(key, ()), value, language) for key, value in fields.items()},
        },
        "customer": {
            "name": requester.name,
            "first_name": _first(requester.name),
            "email": requester.email,
            "language": requester.language,
            "tier": requester.tier,
        },
        "organisation": {"name": organisation},
        "agent": {"name": agent, "first_name": _first(agent), "email": agent_email},
        "text": {"language": language, "time_zone": requester.time_zone},
    }


def after(before: Text, more: Text) -> Text:
    """A text with another one below it, formatted if one of them is."""
    if not before.text.strip():
        return more
    if before.html is None and more.html is None:
        return Text(f"{before.text.rstrip()}\n\n{more.text}")
    html = (before.html or _html_of(before.text)) + (more.html or _html_of(more.text))
    return Text(text_of(html), html)


def _html_of(text: str) -> str:
    paragraphs = (escape(paragraph).replace("\n", "<br>") for paragraph in text.strip().split("\n\n"))
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


def _shown(kind: Kind, value: Any, language: str) -> Any:
    """Money as it is written in the language; the others as they are kept, so that a condition can test them."""
    if kind is Kind.MONEY:
        return format_currency(Decimal(value["amount"]), value["currency"], locale=locale_of(language))
    return value


def _called(options: Options, value: Any, language: str) -> Any:
    """What choices are called; what is none is as it is."""
    if isinstance(value, list):
        return [_called(options, one, language) for one in value]
    labels: Mapping[str, str] = {}
    for part in str(value).split("/") if options else ():
        option = next((each for each in options if each["value"] == part), None)
        if option is None:
            return value
        labels, options = option["labels"], option.get("options", ())
    return _label(labels, language) if labels else value


def _label(labels: Mapping[str, str], language: str) -> str:
    return labels[language_of(labels, [(Because.ASKED, language)], "en" if "en" in labels else None).tag]


def _first(name: str) -> str:
    """What somebody is called by: `Ana María Ruiz`, and `Ruiz, Ana María`, by Ana."""
    given = name.partition(",")[2].strip() or name.strip()
    return given.partition(" ")[0]
