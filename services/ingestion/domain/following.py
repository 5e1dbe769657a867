"""The link at the end of a reply by which its customer follows the ticket on the web."""

from collections.abc import Mapping
from html import escape

from services.ingestion.domain.notice_texts import RIGHT_TO_LEFT

_WORDS: Mapping[str, str] = {
    "en": "See the whole conversation and answer on the web",
    "de": "Den ganzen Verlauf im Web ansehen und antworten",
    "es": "Ver toda la conversación y responder en la web",
    "hi": "पूरी बातचीत वेब पर देखें और उत्तर दें",
    "bn": "পুরো কথোপকথন ওয়েবে দেখুন ও উত্তর দিন",
    "ar": "عرض المحادثة كاملة والردّ عبر الويب",
}


def with_link(text: str, html: str | None, url: str, *, language: str | None) -> tuple[str, str | None]:
    """A reply with the link below it, in both of its forms."""
    primary = (language or "en").replace("_", "-").partition("-")[0].lower()
    spoken = primary if primary in _WORDS else "en"
    words = _WORDS[spoken]
    if html is not None:
        direction = "rtl" if spoken in RIGHT_TO_LEFT else "ltr"
        html += f'<p lang="{spoken}" dir="{direction}"><a href="{escape(url)}">{words}</a></p>'
    return f"{text}\n\n{words}:\n{url}", html
