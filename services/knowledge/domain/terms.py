"""Search terms of a text in any language.

PostgreSQL's parser splits text by rules made for European languages: it tears Hindi and Bengali words at their vowel
signs, and takes a Chinese or Thai sentence for one word. So text is split here, and the database gets the terms.

- Text is folded: NFKC, case, Latin, Greek and Cyrillic accents, Arabic vowel points and letter variants.
- A word is a run of letters, their marks, and digits.
- Scripts written without spaces are indexed by single characters and pairs of neighbours; a query is matched by its
  pairs. Finding all pairs of a word does not prove that they stand together, which ranking makes up for.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

MAX_TERM_CHARACTERS = 64

_ZERO_WIDTH = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
# Arabic: letters that are written interchangeably, and the stretching bar, which means nothing.
_ARABIC_VARIANTS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ـ": None}
)
# The article at the beginning of a word, and the particles that are written together with it.
_ARABIC_ARTICLE = re.compile(r"\A(?:[وفبك]?ال|لل)(?=\w{3})")

# Han, Hiragana, Katakana, Thai, Lao, Khmer, Myanmar and Tibetan: no space between words.
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x0F00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3040, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def folded(text: str) -> str:
    """The text as it is compared: equal for spellings that a searcher would call the same."""
    text = unicodedata.normalize("NFKC", text).translate(_ZERO_WIDTH).casefold().translate(_ARABIC_VARIANTS)
    return unicodedata.normalize("NFC", "".join(_without_accents(unicodedata.normalize("NFD", text))))


def words(text: str) -> list[str]:
    """The folded words of a text; where its script has no spaces between words, whole stretches of it."""
    return list(_runs(folded(text)))


def indexed_terms(text: str) -> list[str]:
    """The terms of a text that is to be found, in their order, repeated as often as they occur."""
    return [term for run in words(text) for term in _terms(run, indexing=True)]


def searched_terms(query: str) -> list[str]:
    """The terms that a text must have to be an answer, each once; empty where the query has no letter or digit."""
    return list(dict.fromkeys(term for run in words(query) for term in _terms(run, indexing=False)))


def _without_accents(decomposed: str) -> Iterator[str]:
    """Drop marks that are decoration: on Latin, Greek and Cyrillic letters, and Arabic vowel points.

    Marks of other scripts stay, because they are the vowels. A mark that the text begins with stands on nothing, as one
    after a space does.
    """
    accents_drop = True
    for character in decomposed:
        if not unicodedata.category(character).startswith("M"):
            accents_drop = character < "\u0530"
        elif accents_drop or "\u064b" <= character <= "\u065f" or character == "\u0670":
            continue
        yield character


def _is_unspaced(character: str) -> bool:
    code = ord(character)
    return any(first <= code <= last for first, last in _UNSPACED)


def _runs(text: str) -> Iterator[str]:
    run: list[str] = []
    for character in text:
        if not (character.isalnum() or unicodedata.category(character).startswith("M")):
            if run:
                yield "".join(run)
            run = []
            continue
        if run and _is_unspaced(run[-1]) != _is_unspaced(character):
            yield "".join(run)
            run = []
        run.append(character)
    if run:
        yield "".join(run)


def _terms(run: str, *, indexing: bool) -> Iterable[str]:
    if not _is_unspaced(run[0]):
        return [_ARABIC_ARTICLE.sub("", run)[:MAX_TERM_CHARACTERS]]
    pairs = [run[i : i + 2] for i in range(len(run) - 1)]
    if indexing:
        return [*run, *pairs]
    return pairs or [run]
