"""The readable text of a mail: charset repair, HTML to text, and what of a reply is new."""

import codecs
import re

import nh3
from inscriptis import get_text  # type: ignore[import-untyped]
from inscriptis.css_profiles import CSS_PROFILES  # type: ignore[import-untyped]
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]
from mailparser_reply.parser import EmailMessage, EmailReply

# The reply parser's patterns are quadratic in the number of characters, and cubic in blank lines: it sees a window.
MAX_REPLY_WINDOW_CHARS = 8_192
MAX_REPLY_LINE_CHARS = 400
MAX_SIGNATURE_CHARS = 500

_REPLY_LANGUAGES = ("en", "de", "cs", "da", "es", "fr", "it", "ja", "ko", "nl", "pl", "sv", "zh", "david")

# Names in the wild, and the superset that decodes what is really sent under them (WHATWG Encoding Standard).
_ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
}
# Text codecs of Python that are not charsets; punycode is quadratic besides.
_NOT_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"})
# Charsets whose bytes may by chance be valid UTF-8, so that the declaration has to be believed first.
_MULTI_BYTE = (
    "gb",
    "big5",
    "cp932",
    "cp949",
    "cp950",
    "euc",
    "iso2022",
    "johab",
    "shift_jis",
    "utf_16",
    "utf_32",
    "utf_7",
)

_BLANK_RUN = re.compile(r"\n{3,}")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_QUOTED_LINE = re.compile(r"^\s?>.*$", re.MULTILINE)
_TRAILING_RULE = re.compile(r"\s*^ ?[-_]{10,}\s*\Z", re.MULTILINE)
_HTML_TAGS = {
    *(
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
    ),
    *("li", "ol", "p", "pre", "span", "strong", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
_HTML_CONFIG = ParserConfig(css=CSS_PROFILES["strict"])


def _codec(charset: str | None) -> str | None:
    """Python's name of a declared charset, or None where there is none to trust."""
    name = (charset or "").strip(" \t'\"").lower()
    try:
        found = codecs.lookup(_ALIASES.get(name, name))
    except (LookupError, ValueError, UnicodeError):
        return None
    if found.name in _NOT_CHARSETS or not getattr(found, "_is_text_encoding", True):
        return None
    return found.name


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def decode_text(data: bytes, charset: str | None) -> str:
    """`data` as text, believing the declared `charset` only as far as the bytes bear it out.

    Eight-bit bytes that are valid UTF-8 are UTF-8 whatever single-byte charset was declared; an unknown charset is
    Windows-1252. What still cannot be decoded becomes U+FFFD.
    """
    codec = _codec(charset)
    if codec and codec.startswith(_MULTI_BYTE) and (text := _strict(data, codec)) is not None:
        return text
    if (text := _strict(data, "utf-8-sig")) is not None:
        return text
    if _is_damaged_utf8(data):
        return data.decode("utf-8", "replace")
    if codec and (text := _strict(data, codec)) is not None:
        return text
    return data.decode(codec or "cp1252", "replace")


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether most eight-bit characters are UTF-8, though not all (a cut character, one line in another charset)."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(not char.isascii() for char in text) > 2 * damaged


def html_to_text(html: str) -> str:
    """Text of an HTML body as a person would read it; links keep no address, images and styles are gone."""
    clean = nh3.clean(
        html.replace("\x00", ""),
        tags=_HTML_TAGS,
        attributes={},
        clean_content_tags={"script", "style", "title", "template"},
    )
    try:
        text = get_text(f"<html><body>{clean}</body></html>", _HTML_CONFIG)
    except (RecursionError, ValueError):
        text = _TAG.sub(" ", clean)
    return _BLANK_RUN.sub("\n\n", "\n".join(line.rstrip() for line in text.splitlines())).strip("\n")


def newest_reply(text: str) -> str:
    """What is new in a reply: without quoted text and signature. The whole text where nothing would be left.

    It is better to keep a line too many than to lose one: where quoted lines are marked with `>`, all that is not
    marked stays; a signature is only taken away when it is short.
    """
    unmarked = _QUOTED_LINE.sub("", text)
    is_marked = unmarked != text
    window = _BLANK_RUN.sub("\n\n", unmarked).strip("\n")
    if len(window) > MAX_REPLY_WINDOW_CHARS or any(len(line) > MAX_REPLY_LINE_CHARS for line in window.split("\n")):
        return window or text
    replies = EmailMessage(text=window, languages=list(_REPLY_LANGUAGES), keep_hyphen_lists=True).read().replies
    new = [body for reply in replies[: None if is_marked else 1] if (body := _without_signature(reply))]
    return _with_indentation(window, "\n\n".join(new)) or text


def _without_signature(reply: EmailReply) -> str:
    signature: str = reply.signatures or ""
    body: str = reply.full_body
    if signature and len(signature) <= MAX_SIGNATURE_CHARS and body.endswith(signature):
        body = body[: -len(signature)]
    return _TRAILING_RULE.sub("", body.strip())


def _with_indentation(window: str, body: str) -> str:
    """`body` with the indentation the parser took from it, where its lines are still the first ones of `window`."""
    wanted = body.split("\n")
    lines = window.split("\n")[: len(wanted)]
    return "\n".join(lines) if [line.strip() for line in lines] == wanted else body
