"""A mail as HTML that can be shown: what formats text stays, what runs, loads, submits or hides does not.

The list says what may stay; whatever is not on it goes, so that nothing has to be known of the next trick. Images come
from the mail itself. Those elsewhere tell their sender who read the mail, and when: they stay away unless asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote

import nh3

from services.ingestion.domain.html_text import html_to_text

_TAGS = {
    *("a", "abbr", "b", "bdi", "bdo", "blockquote", "br", "caption", "center", "cite", "code", "dd", "del", "div"),
    *("dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "q"),
    *("s", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
    *("u", "ul"),
}
_ATTRIBUTES = {
    "*": {"dir", "lang", "title", "align"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_NOT_EVEN_ITS_TEXT = {"script", "style", "title", "template", "noscript", "svg", "math", "iframe", "object", "textarea"}
_LINK = re.compile(r"(https?://|mailto:|tel:)[^\s\x00-\x20]+", re.IGNORECASE)
_REMOTE = re.compile(r"https?://|//", re.IGNORECASE)
_ELSEWHERE = re.compile(r"https://[^\s\x00-\x20]+", re.IGNORECASE)
_OWN_IMAGE = re.compile(r'src="cid:(\d{1,4})"')


# What cleaning takes grows with the square of the depth, and of the attributes of one tag: beyond these, and where it
# could count, the text is shown instead.
_MAX_DEPTH = 1_000
_MAX_ATTRIBUTES = 2_000
_FEW_TAGS = 2_000
_CONTAINER = re.compile(r"<(/?)(?!(?:area|br|col|hr|img|input|link|meta|p|li|td|tr|wbr)\b)[a-zA-Z]")
_LONG_TAG = re.compile(r"<[^<>]{16000,}")


@dataclass(frozen=True, slots=True)
class ShownHtml:
    """HTML that is safe to show. An image of the mail has the source `cid:<place of its attachment, from 0>`."""

    html: str
    images_left_out: int


def shown_html(
    parts: Sequence[tuple[bool, str]], content_ids: Sequence[str], *, remote_images: bool = False
) -> ShownHtml | None:
    """What can be shown of a mail's text parts, each with whether it is HTML; None for a mail without any.

    `content_ids` are those of the attachments, in their order (RFC 2392).
    """
    if not any(is_html for is_html, _ in parts):
        return None
    left_out = 0
    places = {content_id: place for place, content_id in reversed(list(enumerate(content_ids))) if content_id}

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        nonlocal left_out
        if (tag, attribute) == ("a", "href"):
            return value if _LINK.fullmatch(value.strip()) else None
        if (tag, attribute) != ("img", "src"):
            return value
        if value[:4].lower() == "cid:":
            place = places.get(unquote(value[4:]).strip("<> "))
            return None if place is None else f"cid:{place}"
        if remote_images and _ELSEWHERE.fullmatch(value):
            return value
        left_out += bool(_REMOTE.match(value))
        return None

    clean = nh3.clean(
        "\n".join(text if is_html else f"<pre>{escape(text)}</pre>" for is_html, text in map(_bounded, parts)),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=allowed,
        clean_content_tags=_NOT_EVEN_ITS_TEXT,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return ShownHtml(clean, left_out)


def _bounded(part: tuple[bool, str]) -> tuple[bool, str]:
    """The part, as text where it is HTML that nobody would write."""
    is_html, text = part[0], part[1].replace("\x00", "")
    if not is_html or (text.count("<") <= _FEW_TAGS and len(text) <= _FEW_TAGS * 8):
        return is_html, text
    depth = deepest = 0
    for found in _CONTAINER.finditer(text):
        depth = max(0, depth + (-1 if found[1] else 1))
        deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH or any(tag.count("=") > _MAX_ATTRIBUTES for tag in _LONG_TAG.findall(text)):
        return False, html_to_text(text)[0]
    return True, text


def with_images(html: str, urls: Sequence[str]) -> str:
    """The HTML with the addresses of the attachments for their places."""

    def source(match: re.Match[str]) -> str:
        place = int(match[1])
        return f'src="{escape(urls[place])}"' if place < len(urls) else 'src=""'

    return _OWN_IMAGE.sub(source, html)
