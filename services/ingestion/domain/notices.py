"""What somebody is told by mail, in their language: plain text, and the same as simple HTML.

Templates are ours; what fills them is not. A value is put in once and never looked at again, so braces in it stay what
they are; in HTML it is escaped and kept apart from the direction of what surrounds it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from services.ingestion.domain.notice_texts import REASONS, RIGHT_TO_LEFT, TEXTS, Template
from services.ingestion.domain.text import clean_line, clean_text
from shared.events.notifications import NotificationKind

DEFAULT_LANGUAGE = "en"
MAX_LINE_CHARS = 300
MAX_TEXT_CHARS = 20_000

_FIELD = re.compile(r"\{(\w+)\}")
# The value that is a text of several lines, and shown as a quotation.
_QUOTED = "text"
_LINKED = "url"
# First strong isolate and its end: a value's own direction does not turn the sentence around it.
_ISOLATED = ("\u2068", "\u2069")


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification as it is read."""

    subject: str
    text: str
    html: str
    language: str


def render(kind: NotificationKind, values: Mapping[str, str], *, language: str | None, organisation: str) -> Notice:
    """A notification in `language` (BCP 47), or in English where there are no texts in it.

    `organisation` is the name of the mailbox it comes from. Fields of the template that `values` lack are left empty.
    """
    spoken = _language(language)
    template = TEXTS[spoken][kind]
    lines = {name: clean_line(value, MAX_LINE_CHARS) for name, value in values.items() if name != _QUOTED}
    lines["organisation"] = clean_line(organisation, MAX_LINE_CHARS)
    if "reason" in lines:
        lines["reason"] = REASONS[spoken].get(lines["reason"].partition(":")[0], lines["reason"])
    quoted = clean_text(values.get(_QUOTED, "")[:MAX_TEXT_CHARS]).strip()
    url = lines.get(_LINKED, "")
    return Notice(
        subject=_filled(template.subject, lines),
        text=_plain(template, lines, quoted=quoted, url=url, isolated=spoken in RIGHT_TO_LEFT),
        html=_page(template, lines, quoted=quoted, url=url, language=spoken),
        language=spoken,
    )


def _language(language: str | None) -> str:
    """The language of ours that fits a tag: `pt-BR` has none, `es-MX` has Spanish."""
    primary = (language or DEFAULT_LANGUAGE).replace("_", "-").partition("-")[0].lower()
    return primary if primary in TEXTS else DEFAULT_LANGUAGE


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda match: values.get(match[1], ""), template)


def _plain(template: Template, values: Mapping[str, str], *, quoted: str, url: str, isolated: bool) -> str:
    before, after = _ISOLATED if isolated else ("", "")
    shown = {name: f"{before}{value}{after}" for name, value in values.items()}
    blocks = [_filled(template.opening, shown)]
    if quoted:
        blocks.append("\n".join(f"> {line}".rstrip() for line in quoted.splitlines()))
    if url:
        blocks.append(url)
    if template.closing:
        blocks.append(_filled(template.closing, shown))
    return "\n\n".join(blocks)


def _page(template: Template, values: Mapping[str, str], *, quoted: str, url: str, language: str) -> str:
    """The body of an HTML mail. Everything that is not a template's is escaped."""
    shown = {name: f"<bdi>{escape(value)}</bdi>" for name, value in values.items()}
    blocks = [f"<p>{_filled(template.opening, shown)}</p>"]
    if quoted:
        inner = "<br>".join(escape(line) for line in quoted.splitlines())
        blocks.append(f'<blockquote dir="auto">{inner}</blockquote>')
    if url:
        blocks.append(f"<p>{_link(url, template.action)}</p>")
    if template.closing:
        blocks.append(f"<p>{_filled(template.closing, shown)}</p>")
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    return f'<div lang="{language}" dir="{direction}">{"".join(blocks)}</div>'


def _link(url: str, label: str) -> str:
    """A link, where the address is one of the web; any other is shown as it is."""
    if urlsplit(url).scheme not in {"http", "https"}:
        return escape(url)
    return f'<a href="{escape(url)}">{escape(label or url)}</a>'
