"""Replies that agents format: a small subset of HTML, and the text that is made from it.

The subset is what every mail program shows alike. What is not in it loses its formatting, and its text stays.
"""

import re
from html.parser import HTMLParser

import nh3

# An event carries it beside its text, and both twice as large at worst: as JSON, with every quote escaped.
MAX_HTML_BYTES = 48 * 1024
# Elements in elements by the thousand take seconds to read.
MAX_TAGS = 2_000

_TAGS = {"p", "br", "b", "strong", "i", "em", "u", "ul", "ol", "li", "a", "blockquote", "code"}
_NOT_EVEN_ITS_TEXT = {"script", "style", "title", "template", "noscript", "svg", "math", "iframe", "textarea"}
# What a parser opens again in every paragraph if nobody closed it, once for each set of attributes: a thousand such
# tags and as many paragraphs would become a million elements. Without attributes it is three of each.
_REOPENED = re.compile(
    r"<(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])[^>]*>", re.IGNORECASE | re.ASCII
)
_LINK = re.compile(r"(https?://|mailto:|tel:)[^\s\x00-\x20]+", re.IGNORECASE)
# Of lists in lists: thousands of them would make much of little.
_MAX_INDENTS = 8
_BLOCKS = {"p", "ul", "ol", "blockquote"}
_BLANK_RUN = re.compile(r"\n{3,}")
_SPACES = re.compile(r"\s+")
_MARKED = re.compile(r" *(-|\d+\.) ")


def clean(html: str) -> str:
    """The HTML with nothing in it but the subset; cleaning it again changes nothing.

    Raises ValueError for more than MAX_TAGS tags.
    """
    if html.count("<") > MAX_TAGS:
        raise ValueError(f"must have at most {MAX_TAGS} tags")
    return nh3.clean(
        _REOPENED.sub(r"<\1>", html),
        tags=_TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_allowed,
        clean_content_tags=_NOT_EVEN_ITS_TEXT,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
    )


def text_of(html: str) -> str:
    """What clean HTML says, as text: blocks parted by blank lines, items with their marks, links with their address."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


def _allowed(_tag: str, attribute: str, value: str) -> str | None:
    return value if attribute != "href" or _LINK.fullmatch(value) else None


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self._lines = [""]
        # Of each open list the number of its next item; None where items have no numbers.
        self._lists: list[int | None] = []
        # The address of the open link, and what is said of it.
        self._link: tuple[str, list[str]] | None = None

    def text(self) -> str:
        """All that was written."""
        return _BLANK_RUN.sub("\n\n", "\n".join(line.rstrip() for line in self._lines)).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._lines.append("")
        elif tag == "li":
            self._break()
            self._lines[-1] = f"{'  ' * min(len(self._lists) - 1, _MAX_INDENTS)}{self._mark()} "
        elif tag in _BLOCKS:
            self._break(blank=not self._lists)
        if tag in {"ul", "ol"}:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "a":
            self._link = (dict(attrs).get("href") or "", [])

    def handle_endtag(self, tag: str) -> None:
        if tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        if tag in _BLOCKS:
            self._break(blank=not self._lists)
        elif tag == "a" and self._link:
            (address, said), self._link = self._link, None
            if address and "".join(said).strip() not in {address, address.partition(":")[2]}:
                self._lines[-1] += f" <{address}>"

    def handle_data(self, data: str) -> None:
        words = _SPACES.sub(" ", data)
        self._lines[-1] += words if self._lines[-1].strip() else words.lstrip()
        if self._link:
            self._link[1].append(words)

    def _break(self, *, blank: bool = False) -> None:
        """Begin a line, unless one has just begun, be it with the mark of an item."""
        if self._lines[-1].strip() and not _MARKED.fullmatch(self._lines[-1]):
            self._lines.append("")
        if blank and len(self._lines) > 1 and not self._lines[-1].strip() and self._lines[-2].strip():
            self._lines.append("")

    def _mark(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "-"
        self._lists[-1] = number + 1
        return f"{number}."
