"""Words that people wrote: their other forms, and those that are nearly the same.

Documents hold words as they are written, so that phrases and beginnings mean what they say. A search finds other forms
of a word, and what was probably meant by one that nobody wrote, by asking which words there are.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import combinations
from types import MappingProxyType
from zlib import crc32

import Stemmer

from shared.words import folded, is_of_letters, words

# Shorter words have no other forms, and too many neighbours; nobody misspells what is longer.
LETTERS = range(3, 33)
_MISSPELT = range(4, 25)
# From so many letters on a word may be wrong in two places.
_LONG = 8
# Most words come again and again.
_remembered = lru_cache(maxsize=65_536)
# Snowball's, by the language's subtag (BCP 47) and the first letter of the script that it is written in.
_LATIN, _GREEK, _CYRILLIC, _ARMENIAN, _ARABIC, _DEVANAGARI, _TAMIL = "aαаաاअஅ"
_STEMMERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ar": ("arabic", _ARABIC),
        "ca": ("catalan", _LATIN),
        "cs": ("czech", _LATIN),
        "da": ("danish", _LATIN),
        "de": ("german", _LATIN),
        "el": ("greek", _GREEK),
        "en": ("english", _LATIN),
        "es": ("spanish", _LATIN),
        "et": ("estonian", _LATIN),
        "eu": ("basque", _LATIN),
        "fa": ("persian", _ARABIC),
        "fi": ("finnish", _LATIN),
        "fr": ("french", _LATIN),
        "ga": ("irish", _LATIN),
        "hi": ("hindi", _DEVANAGARI),
        "hu": ("hungarian", _LATIN),
        "hy": ("armenian", _ARMENIAN),
        "id": ("indonesian", _LATIN),
        "it": ("italian", _LATIN),
        "lt": ("lithuanian", _LATIN),
        "nb": ("norwegian", _LATIN),
        "ne": ("nepali", _DEVANAGARI),
        "nl": ("dutch", _LATIN),
        "no": ("norwegian", _LATIN),
        "pl": ("polish", _LATIN),
        "pt": ("portuguese", _LATIN),
        "ro": ("romanian", _LATIN),
        "ru": ("russian", _CYRILLIC),
        "sv": ("swedish", _LATIN),
        "ta": ("tamil", _TAMIL),
        "tr": ("turkish", _LATIN),
    }
)
# A text whose language is not known, or of which a word is in another script.
_MOST_LIKELY = {
    _LATIN: "en",
    _GREEK: "el",
    _CYRILLIC: "ru",
    _ARMENIAN: "hy",
    _ARABIC: "ar",
    _DEVANAGARI: "hi",
    _TAMIL: "ta",
}
_FIRST_LETTERS = ((0x0250, _LATIN), (0x0370, None), (0x0400, _GREEK), (0x0530, _CYRILLIC), (0x0590, _ARMENIAN),
    (0x0600, None), (0x0780, _ARABIC), (0x0900, None), (0x0980, _DEVANAGARI), (0x0B80, None), (0x0C00, _TAMIL),
    (0x1E00, None), (0x1F00, _LATIN), (0x2000, _GREEK))  # fmt: skip


@_remembered
def is_kept(word: str) -> bool:
    """Whether a folded word is one of those that are looked up: of letters, neither short nor endless."""
    return len(word) in LETTERS and is_of_letters(word)


def can_be_misspelt(word: str) -> bool:
    """Whether another word may be meant by this one: numbers and short words mean what they say."""
    return len(word) in _MISSPELT and is_of_letters(word)


@_remembered
def language_of(word: str, language: str | None) -> str | None:
    """The language in which a word of a text in this language is to be read; None where nobody knows its forms."""
    script = _script(word)
    base = (language or "").partition("-")[0].lower()
    return base if _STEMMERS.get(base, ("", ""))[1] == script else _MOST_LIKELY.get(script or "")


def languages(word: str) -> list[str]:
    """All languages that a word may be of, by its script."""
    script = _script(word)
    return [language for language, (_, of) in _STEMMERS.items() if of == script]


def stems(spelled: str, language: str) -> set[str]:
    """Stems of a word, told apart by language: as it is spelled, and without accents and articles, as some do."""
    stem = _stemmer(language)
    forms = {spelled.lower(), *(word.folded for word in words(spelled))}
    return {f"{language}={folded(stem.stemWord(form))}" for form in forms}


def language_of_stem(stem: str) -> str:
    """The language of one of `stems`."""
    return stem.partition("=")[0]


def near(word: str) -> set[int]:
    """What a word is with one letter left out, and with none: words that differ in one place share one of them.

    The letters stand for themselves as a checksum; who meets by chance is told apart by `distance`.
    """
    return {_checksum(one) for one in _shortened(word, 1)}


def nearly(word: str) -> set[int]:
    """Where to look for what is meant by a word: `near`, and for a long one with two letters left out."""
    return {_checksum(one) for one in _shortened(word, 2 if len(word) >= _LONG else 1)}


def meant(word: str, there: Iterable[str], *, most: int) -> list[str]:
    """Words that are probably meant by one that is not there: those that are nearest to it, at most so many."""
    farthest = 2 if len(word) >= _LONG else 1
    apart = {other: distance(word, other) for other in set(there) if abs(len(other) - len(word)) <= farthest}
    nearest = min(apart.values(), default=farthest + 1)
    if nearest > farthest:
        return []
    # People hardly ever miss the first letter (Pollock and Zamora, 1984).
    return sorted(
        (other for other, far in apart.items() if far == nearest), key=lambda other: (other[0] != word[0], other)
    )[:most]


def distance(one: str, other: str) -> int:
    """How many letters were left out, added, changed or exchanged with their neighbour (optimal string alignment)."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, opposite in enumerate(other, 1):
            least = min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != opposite))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == opposite:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, above = above, row
    return above[-1]


def _shortened(word: str, letters: int) -> Iterator[str]:
    """A word with so many letters left out, or fewer."""
    for count in range(letters + 1):
        for kept in combinations(word, len(word) - count):
            yield "".join(kept)


def _checksum(text: str) -> int:
    return crc32(text.encode()) - 2**31  # an integer of PostgreSQL


def _script(word: str) -> str | None:
    code = ord(word[0])
    return next((script for end, script in _FIRST_LETTERS if code < end), None)


@cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(_STEMMERS[language][0])
