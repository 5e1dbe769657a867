"""Pages as the server writes them: templates that escape whatever is put into them, words in the visitor's language.

A page has no script at all, and its policy lets none run. What somebody wrote is text in it, never HTML.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse, Response
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request

_HERE = Path(__file__).parent
LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "de": "Deutsch",
    "es": "Español",
    "hi": "हिन्दी",
    "bn": "বাংলা",
    "ar": "العربية",
}
_RIGHT_TO_LEFT = frozenset({"ar"})
# So that it is never longer than what an event carries: four bytes each.
MAX_PAGE_TEXT_CHARS = 10_000
_MAX_LANGUAGES_ASKED = 20

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Its address may be all that it takes to read it.
    "X-Robots-Tag": "noindex, nofollow",
}


class Pages:
    """The pages of one service: `directory` has its templates, and `words/<language>.json` their words."""

    def __init__(self, directory: Path, *, organisation: str) -> None:
        self._organisation = organisation
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(directory), FileSystemLoader(_HERE)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._words = {
            language: {**_read(_HERE / "words", language), **_read(directory / "words", language)}
            for language in LANGUAGES
        }

    def page(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        *,
        status: int = 200,
        language: str | None = None,
    ) -> Response:
        """A template as the answer to a request, in the language of `language_of` unless another one is given."""
        spoken = language or language_of(request)
        words = self._words[spoken]

        def t(key: str, **filled: Any) -> str:
            return words[key].format(**filled)

        html = self._environment.get_template(template).render(
            **values,
            t=t,
            lang=spoken,
            dir="rtl" if spoken in _RIGHT_TO_LEFT else "ltr",
            organisation=self._organisation,
            languages=LANGUAGES,
            stylesheet=f"/portal/portal.css?v={_fingerprint()}",
        )
        return HTMLResponse(html, status, headers={**_HEADERS, "Content-Language": spoken})

    def notice(self, request: Request, kind: str, *, status: int) -> Response:
        """A page that says one thing: words `<kind>.title` and `<kind>.text`."""
        return self.page(request, "notice.html", {"kind": kind}, status=status)


def language_of(request: Request) -> str:
    """The language that was chosen (`lang`), or else the first of ours that the browser names (RFC 9110 12.5.4)."""
    chosen = request.query_params.get("lang", "")
    if chosen in LANGUAGES:
        return chosen
    asked: list[tuple[float, str]] = []
    for each in request.headers.get("accept-language", "").split(",")[:_MAX_LANGUAGES_ASKED]:
        tag, _, weight = each.partition(";")
        try:
            asked.append((float(weight.strip().removeprefix("q=") or 1), tag.strip().partition("-")[0].lower()))
        except ValueError:
            continue
    ordered = sorted(asked, key=lambda pair: -pair[0])
    return next((language for _, language in ordered if language in LANGUAGES), "en")


def is_from_elsewhere(request: Request, public_url: str) -> bool:
    """Whether a page of another site had the browser send this.

    A browser that tells nothing is let pass: what counts here is a token that no other site has. `Origin` is `null`
    where the page told no referrer, as ours do not.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    own = {urlsplit(public_url).netloc, request.headers.get("host", "")}
    return origin not in {None, "null"} and urlsplit(origin or "").netloc not in own


def stylesheet() -> Response:
    """The style of all pages; its address changes with it."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(_style(), media_type="text/css", headers=headers)


@cache
def _style() -> bytes:
    return (_HERE / "portal.css").read_bytes()


@cache
def _fingerprint() -> str:
    return hashlib.sha256(_style()).hexdigest()[:12]


def _read(directory: Path, language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((directory / f"{language}.json").read_text())
    return words
