"""The text of an HTML body, as a person would read it.

One pass over the tags without a tree, so that no nesting costs more than its length. Nothing here has to be safe: what
comes out is text, and is escaped like any other.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import islice

from services.ingestion.domain.html_marks import HEAD_RULE, MARKED_ATTRIBUTES, MARKED_TAGS, mark_of

# Of tags and the texts between them; the rest is left out.
MAX_TOKENS = 60_000

_MAX_TAG_CHARS = 16_384
_MAX_BROKEN_TAGS = 100
_MAX_DEPTH = 8
_MAX_LINK_CHARS = 500
_MAX_ALTERNATIVE_CHARS = 200
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,30})((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_NAME = re.compile(r"</?([a-zA-Z][a-zA-Z0-9:_-]{0,30})")
_ATTRIBUTE = re.compile(r"([a-zA-Z-]{1,40})\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_BLANK_RUN = re.compile(r"\n{3,}")
_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:)[^\s<>]+", re.IGNORECASE)

_WITHOUT_TEXT = {
    name: re.compile(f"</{name}[\\s/>]", re.IGNORECASE) for name in ("script", "style", "title", "template")
}
_LINES = frozenset({"div", "tr", "dt", "dd", "address", "section", "article", "header", "footer", "caption", "center"})
_BLOCKS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "dl", "hr", "pre", "figure", "blockquote"})
_CONTAINERS = frozenset({"div", "blockquote", "table", "td"})


@dataclass(slots=True)
class _Tag:
    name: str
    attributes: str
    closing: bool


def html_to_text(html: str) -> tuple[str, bool]:
    """The text, and whether it is all of it.

    Cells stand beside each other, an image is its alternative text, and a link keeps its address where that differs
    from its text. What mail programs mark as quoted, as the head of a message, or as a signature looks as it does in
    plain text.
    """
    page, tokens = _Page(), _tokens(html)
    for token in islice(tokens, MAX_TOKENS):
        if isinstance(token, str):
            page.text(token)
        else:
            page.tag(token)
    return page.finished(), next(tokens, None) is None


def _tokens(html: str) -> Iterator[str | _Tag]:
    """Texts and tags in turn. What a browser would not show (comments, scripts, what never ends) is left out."""
    position = broken = 0
    while (start := html.find("<", position)) >= 0:
        if start > position:
            yield html[position:start]
        if html.startswith("<!--", start):
            position = _after("-->", html, start + 2)
            continue
        found = _TAG.match(html, start, start + _MAX_TAG_CHARS) if broken < _MAX_BROKEN_TAGS else None
        if found is not None:
            position, tag = found.end(), _Tag(found[2].lower(), found[3], closing=bool(found[1]))
        elif (named := _NAME.match(html, start)) is not None:
            broken += 1
            position = _after(">", html, start)
            tag = _Tag(named[1].lower(), "", closing=html[start + 1] == "/")
        elif html[start + 1 : start + 2] in {"!", "?", "/"}:
            position = _after(">", html, start)
            continue
        else:
            yield "<"
            position = start + 1
            continue
        if tag.name not in _WITHOUT_TEXT:
            yield tag
        elif not tag.closing:
            over = _WITHOUT_TEXT[tag.name].search(html, position)
            position = over.start() if over else len(html)
    if position < len(html):
        yield html[position:]


def _after(end: str, html: str, start: int) -> int:
    found = html.find(end, start)
    return found + len(end) if found >= 0 else len(html)


@dataclass(slots=True)
class _Page:
    """Text while it is written, line by line."""

    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    marker: str = ""
    # Of each list that is open the number of its next item, 0 where it has none.
    lists: list[int] = field(default_factory=list)
    # Of each element that is open and may be a quotation, its name and whether it is.
    containers: list[tuple[str, bool]] = field(default_factory=list)
    quoted: int = 0
    # The address of the link that is open, and where its text begins.
    link: tuple[str, int, int] | None = None
    is_cell: bool = False
    is_preformatted: bool = False

    def text(self, text: str) -> None:
        """Write what stands between two tags."""
        if "&" in text:
            text = unescape(text)
        if not self.is_preformatted:
            self._write(_SPACES.sub(" ", text))
            return
        for number, line in enumerate(text.split("\n")):
            if number:
                self.end_line(blank_too=True)
            if line:
                self.line.append(line)

    def tag(self, tag: _Tag) -> None:
        """Do what a tag asks for."""
        name = tag.name
        if name in _LINES:
            self.end_line()
        elif name in _BLOCKS:
            self._end_paragraph()
        elif name == "br":
            self.end_line(blank_too=True)
        elif name in {"td", "th"}:
            self.is_cell = True
        elif name in {"ul", "ol", "li"}:
            self._list(tag)
        elif name == "img":
            self._write(_SPACES.sub(" ", _attribute(tag.attributes, "alt")[:_MAX_ALTERNATIVE_CHARS]))
        elif name == "a":
            self._link("" if tag.closing else tag.attributes)
        if name == "pre":
            self.is_preformatted = not tag.closing
        if name in _CONTAINERS or (tag.attributes and name in MARKED_TAGS):
            self._mark(tag)

    def end_line(self, *, blank_too: bool = False) -> None:
        """The next text begins a line; a line without text is one only with `blank_too`."""
        text = "".join(self.line).rstrip()
        if text:
            indentation = "  " * min(max(len(self.lists) - 1, 0), _MAX_DEPTH)
            hanging = self.marker or ("  " if self.lists else "")
            self._add(f"{indentation}{hanging}{text}")
            self.marker = ""
        elif blank_too:
            self._add("")
        self.line.clear()
        self.is_cell = False

    def finished(self) -> str:
        """All that was written."""
        self.end_line()
        return _BLANK_RUN.sub("\n\n", "\n".join(self.lines)).strip("\n")

    def _add(self, line: str) -> None:
        self.lines.append(f"{'>' * min(self.quoted, _MAX_DEPTH)} {line}".rstrip() if self.quoted else line)

    def _end_paragraph(self) -> None:
        self.end_line()
        if self.lines and self.lines[-1].strip("> "):
            self._add("")

    def _write(self, text: str) -> None:
        if not self.line or self.line[-1].endswith(" "):
            text = text.lstrip(" ")
        if not text:
            return
        if self.is_cell and text != " ":
            self.is_cell = False
            if self.line:
                self.line.append("  ")
        self.line.append(text)

    def _list(self, tag: _Tag) -> None:
        if tag.name == "li":
            self._item(tag)
            return
        if self.lists:
            self.end_line()
        else:
            self._end_paragraph()
        if not tag.closing:
            self.lists.append(1 if tag.name == "ol" else 0)
        elif self.lists:
            self.lists.pop()
            if not self.lists:
                self._end_paragraph()

    def _item(self, tag: _Tag) -> None:
        self.end_line()
        if not tag.closing:
            number = self.lists[-1] if self.lists else 0
            self.marker = f"{number}. " if number else "- "
            if number:
                self.lists[-1] += 1

    def _link(self, attributes: str) -> None:
        """End the link that is open; begin one where there are attributes."""
        if self.link is not None:
            address, line, piece = self.link
            shown = "".join(self.line[piece:] if line == len(self.lines) else self.line).strip().lower()
            bare = address.partition(":")[2].strip("/").lower()
            if shown and bare.removeprefix("www.") not in shown:
                self._write(f" ({address})")
        address = _attribute(attributes, "href") if attributes else ""
        is_told = len(address) <= _MAX_LINK_CHARS and _ADDRESS.fullmatch(address)
        self.link = (address, len(self.lines), len(self.line)) if is_told else None

    def _mark(self, tag: _Tag) -> None:
        """Begin or end what is quoted, and write what plain text has above heads and signatures."""
        if tag.closing:
            open_ones = [number for number, (name, _) in enumerate(self.containers[-50:]) if name == tag.name]
            if open_ones:
                place = max(len(self.containers) - 50, 0) + open_ones[-1]
                self.quoted -= sum(is_quoted for _, is_quoted in self.containers[place:])
                del self.containers[place:]
            return
        marks: set[str | None] = set()
        if tag.name in MARKED_TAGS and "=" in tag.attributes:
            found = ((key.lower(), value.strip("\"'")) for key, value in _ATTRIBUTE.findall(tag.attributes))
            marks = {mark_of(tag.name, key, unescape(value)) for key, value in found if key in MARKED_ATTRIBUTES}
        if "head" in marks:
            self.end_line()
            self._add(HEAD_RULE)
        if "signature" in marks and next((line for line in reversed(self.lines) if line), "") not in {"--", "—"}:
            self.end_line()
            self._add("--")
        if tag.name in _CONTAINERS:
            self.containers.append((tag.name, "quoted" in marks))
            self.quoted += "quoted" in marks


def _attribute(attributes: str, name: str) -> str:
    """The value of an attribute; empty where there is none."""
    found = next((value for key, value in _ATTRIBUTE.findall(attributes) if key.lower() == name), "")
    return unescape(found.strip("\"'")).strip()
