"""Language of a short text, from two independent identifiers; the first is not asked where the second is certain.

Their distributions are joined in a logarithmic opinion pool (Genest & Zidek 1986, "Combining Probability
Distributions"): a weighted geometric mean, in which either one can veto. What the desk knows beforehand, the
requester's language and the languages its agents speak, enters as a prior. Too little text, or an answer that is not
clear, is no answer: a wrong language sends a customer to somebody who cannot read them.
"""

import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

# Enough to be sure of a language; more only costs time.
MAX_CHARACTERS = 600

# Weight of the first identifier in the pool; the second has the rest.
FIRST_WEIGHT = 0.6
# What an identifier is taken to say of a language that it does not name; below it, it need not name one.
FLOOR = 1e-4
_LOG_FLOOR = math.log(FLOOR)
# How many languages the identifiers know: each that neither of them names has its chance at the floor.
_KNOWN = 135
# Prior odds against a language nobody expects.
_LOG_REQUESTER_ODDS = math.log(4.0)
_LOG_DESK_ODDS = math.log(2.5)

# Over 7,500 sentences in 50 languages without a prior: 90 % right, 2.4 % wrong, the rest abstained.
MIN_CONFIDENCE = 0.5
# How sure the second identifier has to be, of a text how long (characters), to be believed by itself. Over 18,199
# sentences in 61 languages 2.09 % were wrong so, against 2.04 % with both; 92 % of what customers write is such a text.
_CERTAIN = 0.95
_CERTAIN_CHARACTERS = 20
# Letters needed before an answer means anything: an alphabet needs a few words, Han, Kana and Hangul a few signs.
_MIN_LETTERS = 6
_MIN_SIGNS = 2

_NOISE = re.compile(
    r"""https?://\S+ | www\.\S+ | [\w.+-]+@[\w-]+\.[\w.-]+   # addresses
        | (?<![A-Za-z0-9_-])(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{2,}   # order numbers, codes
        | (?m:^\s*>.*$)                                      # quoted lines
    """,
    re.VERBOSE,
)
# Most texts have nothing of that, which is seen much faster than it is looked for.
_MAY_BE_NOISY = re.compile(r"[\d@>/]|www")
_SIGNS = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")

# Codes that name a variety of a language a desk would not staff apart, and what identifiers answer for "no language".
_MACRO_LANGUAGE = {"wuu": "zh", "yue": "zh", "nb": "no", "nn": "no", "ary": "ar", "arz": "ar", "fil": "tl", "iw": "he"}
_NO_LANGUAGE = frozenset({"zxx", "und"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The language of a text (BCP 47 primary subtag), or None where the identifiers abstain; confidence in 0…1."""

    language: str | None
    confidence: float


ABSTAINED = Verdict(None, 0.0)


@lru_cache(maxsize=1024)
def primary_subtag(tag: str) -> str:
    """The language in a BCP 47 tag (RFC 5646 section 2.2.1): `pt-BR` is `pt`; varieties fold into their language."""
    subtag = re.split("[-_]", tag, maxsplit=1)[0].lower()
    return _MACRO_LANGUAGE.get(subtag, subtag)


def readable(subject: str, text: str) -> str:
    """What of a message tells its language: addresses, codes and quotes removed, one line, at most 600 characters.

    The subject counts only where the text is short; it is often a template in another language.
    """
    body = _clean(text)
    return body if _has_letters(body, 4 * _MIN_LETTERS) else _clean(f"{subject}\n{text}")


def long_enough(text: str) -> bool:
    """Whether a text from `readable` has enough letters for an identifier to mean something."""
    return _has_letters(text, _MIN_LETTERS) or len(_SIGNS.findall(text)) >= _MIN_SIGNS


def certain(text: str, second: Mapping[str, float], *, requester: str | None) -> Verdict | None:
    """What the second identifier alone says of a text, where the first would hardly ever change it; else None.

    An answer that is not the language of its requester is never certain.
    """
    tag = max(second, key=second.__getitem__, default=None)
    if tag is None or tag in _NO_LANGUAGE or second[tag] < _CERTAIN or len(text) < _CERTAIN_CHARACTERS:
        return None
    language = primary_subtag(tag)
    return Verdict(language, min(second[tag], 1.0)) if requester in {None, language} else None


def pool(
    first: Mapping[str, float], second: Mapping[str, float], *, requester: str | None, desk: Collection[str]
) -> Verdict:
    """Join two distributions over languages under the prior; abstains below `MIN_CONFIDENCE`.

    `requester` and `desk` are primary subtags of the languages that are expected.
    """
    one, other = _fold(first), _fold(second)
    named = (one.keys() | other.keys()) - _NO_LANGUAGE
    if not named:
        return ABSTAINED
    expected = {requester, *desk} if requester else set(desk)
    scores = {
        language: FIRST_WEIGHT * _log(one.get(language))
        + (1 - FIRST_WEIGHT) * _log(other.get(language))
        + (_LOG_REQUESTER_ODDS if language == requester else 0.0)
        + (_LOG_DESK_ODDS if language in desk else 0.0)
        for language in sorted(named | expected)
    }
    best = max(named, key=lambda language: (scores[language], language))
    unnamed = max(_KNOWN - len(scores), 0) * math.exp(_LOG_FLOOR - scores[best])
    confidence = 1 / (sum(math.exp(score - scores[best]) for score in scores.values()) + unnamed)
    return Verdict(best, confidence) if confidence >= MIN_CONFIDENCE else Verdict(None, confidence)


def _log(probability: float | None) -> float:
    return math.log(probability) if probability and probability > FLOOR else _LOG_FLOOR


def _fold(distribution: Mapping[str, float]) -> dict[str, float]:
    folded: dict[str, float] = {}
    for tag, probability in distribution.items():
        language = primary_subtag(tag)
        folded[language] = folded.get(language, 0.0) + probability
    return folded


def _clean(text: str) -> str:
    text = text[: 4 * MAX_CHARACTERS]
    if _MAY_BE_NOISY.search(text):
        text = _NOISE.sub(" ", text)
    return " ".join(text.split())[:MAX_CHARACTERS]


def _has_letters(text: str, count: int) -> bool:
    """Whether a text has at least `count` letters or marks; looks no further than it must."""
    letters = (character for character in text if unicodedata.category(character)[0] in "LM")
    return next(islice(letters, count - 1, None), None) is not None
