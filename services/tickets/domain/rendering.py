"""Texts with placeholders, in a small part of the Liquid language (https://shopify.github.io/liquid/).

    Hello {{ customer.first_name | default: "there" }}, your parcel left on {{ ticket.fields.shipped_on | date }}.

What staff write is a template; what customers write is only ever a value, and what was rendered is not rendered again.
A template cannot do more than its length lets it: there are no loops, no ranges, no includes and no filters but those
below, tags, filters and what is in them are counted, and every value has a bound. So no clock has to stop it.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache, wraps
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

import liquid
from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_datetime
from liquid import BoundTemplate, RenderContext
from liquid.builtin import assign_tag, case_tag, content, if_tag, illegal, output, unless_tag
from liquid.builtin.expressions import tokenize
from liquid.exceptions import LiquidError
from liquid.filter import with_context
from liquid.token import TOKEN_EXPRESSION, TOKEN_RANGE_LITERAL
from liquid.undefined import is_undefined

from services.tickets.domain.texts import MAX_TEXT_BYTES

MAX_CHARACTERS = 20_000
MAX_TAGS = 200
MAX_FILTERS = 200
# Of one `{{ … }}` or `{% … %}`.
MAX_TAG_CHARACTERS = 400
# Names, values and signs in all of them: each takes the parser long, and much memory.
MAX_WORDS = 2_000
# Of what a filter makes.
MAX_VALUE_CHARACTERS = 20_000

# What can be named, by what it belongs to. Beside these, for fields of the organisation's own: `ticket.fields.KEY`, the
# value, and `ticket.labels.KEY`, what a choice is called in the language of the text.
PLACEHOLDERS: Mapping[str, Collection[str]] = MappingProxyType(
    {
        "ticket": (
            "number",
            "subject",
            "status",
            "priority",
            "type",
            "channel",
            "group",
            "brand",
            "language",
            "tags",
            "created_at",
            "assignee",
        ),
        "customer": ("name", "first_name", "email", "language", "tier"),
        "organisation": ("name",),
        "agent": ("name", "first_name", "email"),
        "text": ("language", "time_zone"),
    }
)
TAGS = ("if", "elsif", "else", "endif", "unless", "endunless", "case", "when", "endcase", "assign")
DATE_STYLES = ("short", "medium", "long", "full")

_PARTS = (
    content.Literal,
    output.Output,
    illegal.Illegal,
    if_tag.IfTag,
    unless_tag.UnlessTag,
    case_tag.CaseTag,
    assign_tag.AssignTag,
)
_OPENING = re.compile(r"\{[{%]")
# What its parser takes long for, and nobody needs.
_SLOW = re.compile(r"\s{20}|(?:\[[^\[]*){4}")
_TAG_NAME = re.compile(r"-?\s*(\w+)")
_OF_A_LIST = {"size", "first", "last"}


class TemplateError(ValueError):
    """A text that is no template. `position` is the character where it went wrong, counted from 0."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(problem)
        self.position = position
        self.problem = problem


def check(source: str, fields: Collection[str]) -> None:
    """Raises TemplateError for what could not be rendered, or names what there is not; `fields` are the own ones."""
    with _mistakes_told(source):
        template = _parsed(source, html=False)
        found = template.analyze(include_partials=False)
        for name, places in found.locals.items():
            if name in PLACEHOLDERS:
                raise TemplateError(places[0].span.index, f"{name} is a placeholder already: assign to another name")
        for variable in sorted((v for each in found.globals.values() for v in each), key=lambda v: v.span.index):
            if not _known(variable.segments, fields):
                raise TemplateError(variable.span.index, f"there is no placeholder {variable}")
        if sum(map(len, found.filters.values())) > MAX_FILTERS:
            raise TemplateError(len(source), f"more than {MAX_FILTERS} filters")
        template.render(_NOTHING)


def rendered(source: str, values: Mapping[str, Mapping[str, Any]], *, html: bool = False) -> str:
    """The text that a checked template makes of `values`, whose names are those of `PLACEHOLDERS`.

    What is missing is empty. With `html` every value is escaped. Raises TemplateError for one that grows too large.
    """
    with _mistakes_told(source):
        return _kept(source, html=html).render(values)


@contextmanager
def _mistakes_told(source: str) -> Iterator[None]:
    try:
        yield
    except LiquidError as error:
        problem = str(error.args[0]) if error.args else "this is no template"
        raise TemplateError(_place(source, error), problem) from None
    except RecursionError:
        raise TemplateError(0, "nested too deep") from None


def _place(source: str, error: LiquidError) -> int:
    """Where a mistake is. At the end of a placeholder the parser does not know: then, where one is none by itself."""
    if error.token and error.token.start_index >= 0:
        return error.token.start_index
    for tag in _tags(source):
        if tag.name is None:
            try:
                _ENVIRONMENT.from_string(source[tag.start : tag.end])
            except LiquidError:
                return tag.start
    return len(source)


def _parsed(source: str, *, html: bool) -> BoundTemplate:
    _measure_tags(source)
    _measure_words(source)
    return (_HTML_ENVIRONMENT if html else _ENVIRONMENT).from_string(source)


# Of what is rendered: texts that are refused would push out others. A tree is half a megabyte at most.
_kept = lru_cache(maxsize=128)(_parsed)


def _measure_tags(source: str) -> None:
    """Raises TemplateError for tags that are not closed, unknown, too long or too many: before the parser looks.

    Its time grows with the cube of a tag that never ends: a few kilobytes take it minutes.
    """
    if len(source) > MAX_CHARACTERS:
        raise TemplateError(MAX_CHARACTERS, f"more than {MAX_CHARACTERS} characters")
    for count, tag in enumerate(_tags(source), 1):
        if count > MAX_TAGS:
            raise TemplateError(tag.start, f"more than {MAX_TAGS} placeholders and tags")
        if len(tag.inner) > MAX_TAG_CHARACTERS:
            raise TemplateError(tag.start, f"longer than {MAX_TAG_CHARACTERS} characters")
        if _SLOW.search(tag.inner):
            raise TemplateError(tag.start, "too many spaces or brackets")
        if tag.name is not None and tag.name not in TAGS:
            raise TemplateError(tag.start, f"there is no tag {tag.name[:40]!r}")


def _measure_words(source: str) -> None:
    """Raises TemplateError where there are too many words, and for ranges: looking into one may take hours."""
    expressions = (token for token in _ENVIRONMENT.tokenizer()(source) if token.kind == TOKEN_EXPRESSION)
    words = (word for each in expressions for word in tokenize(each.value, parent_token=each))
    for count, word in enumerate(words, 1):
        if count > MAX_WORDS:
            raise TemplateError(word.start_index, f"more than {MAX_WORDS} words in placeholders and tags")
        if word.kind == TOKEN_RANGE_LITERAL:
            raise TemplateError(word.start_index, "there are no ranges")


class _Tag(NamedTuple):
    start: int
    end: int
    inner: str
    name: str | None  # of `{% … %}`


def _tags(source: str) -> Iterator[_Tag]:
    place = 0
    while match := _OPENING.search(source, place):
        start = match.start()
        closing = "}}" if match[0] == "{{" else "%}"
        end = source.find(closing, start + 2)
        if end < 0:
            raise TemplateError(start, f"this is never closed by {closing}")
        inner = source[start + 2 : end]
        name = _TAG_NAME.match(inner)
        if closing == "%}" and name is None:
            raise TemplateError(start, "a tag has a name")
        place = end + 2
        yield _Tag(start, place, inner, name[1] if name and closing == "%}" else None)


def _known(segments: list[Any], fields: Collection[str]) -> bool:
    match segments:
        case [str(root), str(name), *rest] if name in PLACEHOLDERS.get(root, ()):
            return not rest or (len(rest) == 1 and rest[0] in _OF_A_LIST)
        case ["ticket", "fields" | "labels", str(key), *rest] if key in fields:
            return not rest or (len(rest) == 1 and rest[0] in _OF_A_LIST)
    return False


# What is known before there is a ticket. Of own fields nothing is: a condition that fits one of them may fit no text.
_NOTHING: Mapping[str, Mapping[str, Any]] = {
    **{root: dict.fromkeys(names, "") for root, names in PLACEHOLDERS.items()},
    "ticket": {**dict.fromkeys(PLACEHOLDERS["ticket"], ""), "number": 1},
}


class _Environment(liquid.Environment):
    output_stream_limit = MAX_TEXT_BYTES
    block_nesting_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:  # noqa: ARG002
        for tag in _PARTS:
            self.add_tag(tag)
        for name, function in FILTERS.items():
            self.add_filter(name, _bounded(name, function))


def _plain(value: object) -> str:
    """A value as text. Never markup: what a filter has touched is escaped like any other value."""
    if value is None or is_undefined(value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return str.__str__(value) if isinstance(value, str) else str(value)


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def bounded(*given: Any, **named: Any) -> Any:
        # What the engine gives by name is no value that a text can name.
        if any(not isinstance(value, RenderContext) for value in named.values()):
            raise LiquidError(f"{name} has no arguments with names", token=None)
        try:
            value = function(*given, **named)
        except (TypeError, ValueError, OverflowError) as error:
            problem = str(error) if isinstance(error, _MisuseError) else "is not used like this"
            raise LiquidError(f"{name} {problem}", token=None) from None
        if isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS:
            raise LiquidError(f"a value of more than {MAX_VALUE_CHARACTERS} characters", token=None)
        return value

    return bounded


class _MisuseError(ValueError):
    """What a filter was given, and why it takes something else."""


def _replace(value: object, old: object, new: object = "") -> str:
    text, gone, put = _plain(value), _plain(old), _plain(new)
    if not gone:
        return text
    if len(text) + text.count(gone) * len(put) > MAX_VALUE_CHARACTERS + len(text):
        raise _MisuseError(f"makes more than {MAX_VALUE_CHARACTERS} characters")
    return text.replace(gone, put)


def _truncate(value: object, length: object = 50, end: object = "…") -> str:
    text, tail = _plain(value), _plain(end)
    most = int(_plain(length))
    return text if len(text) <= most else text[: max(most - len(tail), 0)] + tail


def _default(value: object, other: object) -> object:
    return other if is_undefined(value) or value in (None, "", [], False) else value


def _join(value: object, by: object = ", ") -> str:
    return _plain(by).join(map(_plain, value)) if isinstance(value, list) else _plain(value)


def _size(value: object) -> int:
    return len(value) if isinstance(value, list) else len(_plain(value))


@with_context
def _date(value: object, style: object = "medium", *, context: RenderContext) -> str:
    """A day or a moment as it is written in the language of the text, a moment in the customer's time zone."""
    if (told := _plain(style)) not in DATE_STYLES:
        raise _MisuseError(f"is written {', '.join(DATE_STYLES)}")
    text = _plain(value)
    # Not what the text may have assigned to this name.
    about: Mapping[str, str] = context.globals.get("text", {})  # type: ignore[assignment]
    locale = locale_of(about.get("language") or "en")
    try:
        if len(text) == len("2026-01-31"):
            return format_date(date.fromisoformat(text), told, locale)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = _zone(about.get("time_zone") or "UTC")
    return format_datetime(moment.astimezone(zone), told, locale=locale)


def locale_of(language: str) -> Locale:
    """The conventions of a language (BCP 47): its own, else those of its parent, else those of English."""
    parts = language.split("-")
    for end in range(len(parts), 0, -1):
        try:
            return Locale.parse("-".join(parts[:end]), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "append": lambda value, more: _plain(value) + _plain(more),
    "capitalize": lambda value: _plain(value)[:1].upper() + _plain(value)[1:],
    "date": _date,
    "default": _default,
    "downcase": lambda value: _plain(value).lower(),
    "join": _join,
    "prepend": lambda value, more: _plain(more) + _plain(value),
    "remove": lambda value, gone: _replace(value, gone, ""),
    "replace": _replace,
    "size": _size,
    "strip": lambda value: _plain(value).strip(),
    "truncate": _truncate,
    "upcase": lambda value: _plain(value).upper(),
    "url_encode": lambda value: quote(_plain(value), safe=""),
}
_ENVIRONMENT = _Environment()
_HTML_ENVIRONMENT = _Environment(autoescape=True)
