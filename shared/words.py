"""Words of texts in any language, for full-text search by PostgreSQL.

PostgreSQL's parser splits text by rules made for European languages: it tears Hindi and Bengali words at their vowel
signs, and takes a Chinese or Thai sentence for one word. So texts are split here, and the database gets the words.

- Words are folded: compatibility forms (NFKC), case, accents of Latin, Greek and Cyrillic, Hebrew and Arabic vowel
  points, Arabic letter variants. What a searcher would call the same is the same.
- A word is a run of letters, their marks, and digits.
- Where a script has no spaces between words (or, as in Korean, writes particles onto them), each letter makes a word
  with its right neighbour, the last one by itself. A search asks for such pairs side by side, which they are exactly
  where the searched stands in the text, in the middle of a sentence or not.

The unit is the letter with its marks (an extended grapheme cluster, UAX 29, as far as letters go), up to eight
characters.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

MAX_WORD_CHARACTERS = 64
# No language has as many in one letter; a prank stacks thousands of marks on one, and tsvector takes no endless words.
_LETTER_CHARACTERS = 8
# Before it is folded, for marks that fold away; sorting endless ones takes the square of their number.
_CLUSTER_CHARACTERS = 32
ANY_LETTER = "\ufffc"
_LETTERS_WITH_ONE_UNKNOWN = 4
# What is certain to be between words; the rest is looked at letter by letter.
_CHUNK = re.compile(r"[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f\s]+")
# Most of a text is words that come again and again; a sentence without spaces does not.
_WORD_CHARACTERS = 24
# Joiners, soft hyphen, variation selectors: they are written inside of words and mean nothing there.
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff") | {chr(code) for code in range(0xFE00, 0xFE10)}
_ANY_INVISIBLE = re.compile(f"[{''.join(_INVISIBLE)}]")
# What belongs to the character before it: marks, joiners, vowels and tails of Hangul syllables, and the voice marks
# that half-width Katakana write as letters.
_CONTINUING = "".join(
    character
    for character in map(chr, (*range(0x0300, 0x20000), *range(0xE0100, 0xE01F0)))
    if unicodedata.category(character)[0] == "M" or character in _INVISIBLE
)
_TAILS = f"{_CONTINUING}\u00ad{''.join(map(chr, range(0x1160, 0x1200)))}\uff9e\uff9f"
_CLUSTER = re.compile(f".[{_TAILS}]*", re.DOTALL)
# Of these most words are made, letter by letter: Latin, Greek, Cyrillic, Hebrew, Arabic, the scripts of India.
_COMMON = (*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B), *range(0xC0, 0x700), *range(0x900, 0xE00))
_PUNCTUATION = (0x0964, 0x0965, *range(0x2010, 0x2028), *range(0x2030, 0x205F))
_INDIC = 0x0900
_VIRAMA = 9  # its combining class
# What stands second in characters that are composed of two.
_SECOND = frozenset(unicodedata.normalize("NFD", chr(code))[1:] for code in range(_INDIC, 0x0E00)) - {""}
# Arabic: letters that are written interchangeably, and the stretching bar, which means nothing.
_ARABIC_VARIANTS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ـ": None, "ک": "ك", "ی": "ي"}
)
# The article at the beginning of a word, and the particles that are written together with it.
_ARABIC_ARTICLE = re.compile(r"\A(?:[وفبك]?ال|لل)(?=\w{3})")
# Thai and Lao, Tibetan, Myanmar, Khmer, Japanese (with its iteration marks), Han, Hangul.
_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x0F00, 0x0FFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3005, 0x3007),
    (0x3040, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


class Word(NamedTuple):
    """A folded word, and where in the original text it stands: `text[start:end]`."""

    folded: str
    start: int
    end: int


class Asked(NamedTuple):
    """A word that is searched for; `beginning` finds all words that begin so.

    `step` is how many places further the next one stands.
    """

    folded: str
    beginning: bool = False
    step: int = 1


def words(text: str, start: int = 0) -> Iterator[Word]:
    """The words of a text that is to be found, in their order; from `start` on, which is behind a space."""
    becomes, plain, *_ = _plain()
    for match in _CHUNK.finditer(text, start):
        chunk, place = match[0], match.start()
        if chunk.isascii():
            yield Word(chunk.lower()[:MAX_WORD_CHARACTERS], place, match.end())
        elif plain.fullmatch(chunk):
            folded = _ARABIC_ARTICLE.sub("", chunk.translate(becomes))
            yield Word(folded[:MAX_WORD_CHARACTERS], place, match.end())
        else:
            for word in _known(chunk) if len(chunk) <= _WORD_CHARACTERS else _words(chunk):
                yield Word(word.folded, place + word.start, place + word.end)


def is_of_letters(word: str) -> bool:
    """Whether a folded word is a whole one, as people write and inflect it: no number, no pair of letters."""
    return not _is_unspaced(word[0]) and not any(character.isdecimal() for character in word)


def asked(text: str, *, beginning: bool = False) -> list[Asked]:
    """What a text must have, side by side, to have this in it; empty where there is no letter or digit.

    `beginning` lets the last word go on. `ANY_LETTER` stands for a letter of a script without spaces.
    """
    found: list[Asked] = []
    last = 0
    for run, unspaced in _runs(text):
        if found and ANY_LETTER in text[last : run[0].start]:
            found[-1] = found[-1]._replace(step=found[-1].step + 1)
        last = run[-1].end
        if not unspaced:
            found.append(Asked(_whole(run).folded))
        elif len(run) == 1:  # whatever its neighbour is
            found.append(Asked(run[0].folded, beginning=True))
        else:
            found.extend(Asked(first.folded + second.folded) for first, second in pairwise(run))
            found[-1] = found[-1]._replace(step=2)  # the last letter has a place of its own
    if found and beginning:
        found[-1] = found[-1]._replace(beginning=True)
    return found


def covering(sequence: Sequence[Asked]) -> list[Asked]:
    """Words that have the letters of a sequence: of pairs of letters that overlap, every other one.

    Behind a letter that is unknown they are counted from the end: so those of one text are mostly the same, whichever
    letter that is. A letter beside it, alone, tells too little to be looked for.
    """
    gap = next((place for place, each in enumerate(sequence[:-1], 1) if each.step > (1 if each.beginning else 2)), 0)
    if not gap:
        return _every_other(sequence)
    before, behind = sequence[:gap], sequence[gap:]
    is_even = len(behind) % 2 == 0
    pairs = [*_every_other(before), *behind[:is_even], *behind[is_even::2]]
    return [each for each in pairs if not each.beginning] or pairs


def _every_other(sequence: Sequence[Asked]) -> list[Asked]:
    found: list[Asked] = []
    last_overlaps = False
    for each in sequence:
        overlaps = each.step == 1 and _is_unspaced(each.folded[0])
        if last_overlaps and overlaps:
            last_overlaps = False
        else:
            found.append(each)
            last_overlaps = overlaps
    return found


def with_any_letter(text: str) -> list[str]:
    """A word of a script without spaces, each time with another of its letters unknown; of short ones, none."""
    runs = list(_runs(text))
    if len(runs) != 1 or not runs[0][1] or len(runs[0][0]) < _LETTERS_WITH_ONE_UNKNOWN:
        return []
    return [f"{text[: letter.start]}{ANY_LETTER}{text[letter.end :]}" for letter in runs[0][0]]


def folded(text: str) -> str:
    """The text as it is compared; what is neither letter nor digit stands as one space."""
    # One character may stand for letters of several scripts: U+33E0 is a digit and an ideograph.
    composed = unicodedata.normalize("NFKC", text)
    return " ".join("".join(each.folded for each in run) for run, _ in _runs(composed))


class Sought:
    """What is looked for in many texts: words, beginnings, and what stands side by side."""

    def __init__(self, sequences: Iterable[Sequence[Asked]]) -> None:
        self._wanted = [(sequence, sum(each.step for each in sequence[:-1])) for sequence in sequences if sequence]
        last = [sequence[-1] for sequence, _ in self._wanted]
        self._exact = {each.folded for each in last if not each.beginning}
        self._beginnings = tuple(each.folded for each in last if each.beginning)
        self._first = re.compile("|".join({_pattern(sequence[0]): None for sequence, _ in self._wanted}))
        self._is_unspaced = not any(_may_differ(sequence[0]) for sequence, _ in self._wanted)
        self._letters = [_first_letters(sequence) for sequence, _ in self._wanted]

    def places(self, text: str, *, within: int | None = None) -> list[tuple[int, int]]:
        """Where it stands in a text, as `text[start:end]`; what overlaps or touches is one.

        With `within`, the first place and those that follow it within so many characters.
        """
        begin = self._glance(text)
        if begin is None:
            return []
        there: list[Word] = []
        found: list[tuple[int, int]] = []
        for word in words(text, begin):
            if found and within is not None and word.start > found[0][1] + within:
                break
            there.append(word)
            if word.folded in self._exact or word.folded.startswith(self._beginnings):
                for sequence, reach in self._wanted:
                    first = len(there) - 1 - reach
                    if _stands(there, first, sequence):
                        found.append((there[first].start, word.end))
        joined: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if joined and start <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(end, joined[-1][1])
            else:
                joined.append((start, end))
        return joined

    def _glance(self, text: str) -> int | None:
        """Where to begin to look. Of most texts a glance tells that there is nothing in them."""
        if not self._wanted:
            return None
        _, _, strange, misplaced = _plain()
        if text.isascii():
            letters = text.lower()
        elif not strange.search(text) and not misplaced.search(text):
            letters = text
            changed = _changed()
            for letter in changed.keys() & set(text):  # `translate` takes ten times as long
                letters = letters.replace(letter, changed[letter])
        elif unicodedata.is_normalized("NFKC", text) and not _ANY_INVISIBLE.search(text):
            return self._glance_at_unspaced(text)
        else:
            return 0
        first = self._first.search(letters)
        if first is None:
            return None
        # One letter may become two, and then places are others.
        return text.rfind(" ", 0, first.start()) + 1 if len(letters) == len(text) else 0

    def _glance_at_unspaced(self, text: str) -> int | None:
        """Letters of scripts without spaces are folded as they are written, and stand side by side as asked for."""
        starts = [
            text.find(letters)
            for (sequence, _), letters in zip(self._wanted, self._letters, strict=True)
            if letters in text and all(each.folded in text or _may_differ(each) for each in sequence)
        ]
        if not starts:
            return None
        first = min(starts)
        return first if self._is_unspaced and text[first] not in _TAILS else 0


def _pattern(word: Asked) -> str:
    """Where a word may be in folded text: behind an article, or not behind a letter (but for marks, which are none)."""
    begin = "" if "\u0600" <= word.folded[0] <= "\u06ff" else rf"(?<![^\W_]{word.folded})"
    end = "" if word.beginning or len(word.folded) >= MAX_WORD_CHARACTERS else r"(?![^\W_])"
    return f"{word.folded}{begin}{end}"


def _first_letters(sequence: Sequence[Asked]) -> str:
    """What a sequence of pairs of letters begins with, as it is written side by side; nothing of other words."""
    if _may_differ(sequence[0]):
        return ""
    letters = sequence[0].folded
    for before, pair in pairwise(sequence):
        if before.step != 1 or before.beginning or _may_differ(pair):
            break
        letters += "".join(_CLUSTER.findall(pair.folded)[1:])
    return letters


def _may_differ(word: Asked) -> bool:
    """Whether it may be written in another way than it is folded, in a text of nothing but compatible characters."""
    return not _is_unspaced(word.folded[0]) or len(word.folded) > _LETTER_CHARACTERS


def _stands(there: Sequence[Word], place: int, sequence: Sequence[Asked]) -> bool:
    """Whether a sequence begins at this place."""
    if place < 0:
        return False
    for each in sequence:
        folded = there[place].folded
        if not (folded.startswith(each.folded) if each.beginning else folded == each.folded):
            return False
        place += each.step
    return True


@cache
def _plain() -> tuple[Mapping[int, str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What becomes of characters whatever stands beside them; words of nothing else; what is none of these, nor between
    words; and signs where there is no letter for them.

    They are letters that are no cluster's end by themselves, and vowel signs that nothing is composed of.
    """
    becomes: dict[int, str] = {}
    for code in _COMMON:
        character = chr(code)
        letter, _ = _letter(character)
        if letter and unicodedata.normalize("NFC", character) == character:
            becomes[code] = letter
        elif _is_lone_vowel_sign(character):
            becomes[code] = character
    letters = "".join(chr(code) for code in becomes if code < _INDIC)
    bearers = "".join(chr(code) for code in becomes if code >= _INDIC and chr(code).isalnum())
    signs = "".join(chr(code) for code in becomes if not chr(code).isalnum())
    between = "".join(
        re.escape(chr(code))
        for code in (*range(0x0900), *_PUNCTUATION)
        if code not in becomes and unicodedata.category(chr(code))[0] not in "LMN" and chr(code) not in _INVISIBLE
    )
    word = f"[{letters}]|[{bearers}][{signs}]{{0,{_LETTER_CHARACTERS - 1}}}"
    strange = f"[^{letters}{bearers}{signs}{between}]"
    misplaced = f"[{signs}](?:(?<![{bearers}{signs}].)|[{signs}]{{{_LETTER_CHARACTERS - 1}}})"
    return becomes, re.compile(f"(?:{word})+"), re.compile(strange), re.compile(misplaced, re.DOTALL)


@cache
def _changed() -> Mapping[str, str]:
    """Of characters that become others whatever stands beside them: what."""
    return {chr(code): letter for code, letter in _plain()[0].items() if chr(code) != letter}


def _is_lone_vowel_sign(character: str) -> bool:
    """Whether this mark stays, in its place, and is no part of another character."""
    return (
        ord(character) >= _INDIC
        and unicodedata.category(character) in {"Mc", "Mn"}
        and unicodedata.combining(character) in {0, _VIRAMA}
        and not unicodedata.decomposition(character)
        and character not in _SECOND
    )


def _words(text: str) -> Iterator[Word]:
    """One after the other: whoever looks for an excerpt does not ask for all of a sentence without spaces."""
    run: list[Word] = []
    of_run = False
    for letter, unspaced in _letters(text):
        if run and (letter is None or unspaced != of_run):
            yield run[0] if of_run else _whole(run)
            run = []
        if letter is None:
            continue
        of_run = unspaced
        if run and unspaced:
            yield Word(run[0].folded + letter.folded, run[0].start, letter.end)
            run = [letter]
        else:
            run.append(letter)
    if run:
        yield run[0] if of_run else _whole(run)


@lru_cache(maxsize=65_536)
def _known(chunk: str) -> tuple[Word, ...]:
    return tuple(_words(chunk))


def _runs(text: str) -> Iterator[tuple[list[Word], bool]]:
    """Letters of one run, folded, and whether its script has no spaces between words."""
    run: list[Word] = []
    of_run = False
    for letter, unspaced in _letters(text):
        if run and (letter is None or unspaced != of_run):
            yield run, of_run
            run = []
        if letter is not None:
            run.append(letter)
            of_run = unspaced
    if run:
        yield run, of_run


def _letters(text: str) -> Iterator[tuple[Word | None, bool]]:
    """Each letter, folded, and whether its script has no spaces; None for what stands between words."""
    for chunk in _CHUNK.finditer(text):
        for cluster in _CLUSTER.finditer(text, *chunk.span()):
            letter, unspaced = _letter(cluster[0])
            yield Word(letter, cluster.start(), cluster.end()) if letter else None, unspaced
        yield None, False


def _whole(letters: Sequence[Word]) -> Word:
    word = _ARABIC_ARTICLE.sub("", "".join(letter.folded for letter in letters))
    return Word(word[:MAX_WORD_CHARACTERS], letters[0].start, letters[-1].end)


@lru_cache(maxsize=16_384)
def _letter(cluster: str) -> tuple[str, bool]:
    """A letter or digit with its marks, folded, and whether its script has no spaces; empty for anything else."""
    visible = "".join(character for character in cluster if character not in _INVISIBLE)[:_CLUSTER_CHARACTERS]
    text = unicodedata.normalize("NFKC", visible).casefold().translate(_ARABIC_VARIANTS)
    kept = "".join(_without_accents(unicodedata.normalize("NFD", text)))
    letter = "".join(c for c in unicodedata.normalize("NFC", kept) if c.isalnum() or unicodedata.category(c)[0] == "M")
    # A mark that stands on nothing is none of a word.
    if not letter or not letter[0].isalnum():
        return "", False
    return letter[:_LETTER_CHARACTERS], _is_unspaced(letter[0])


def _is_unspaced(letter: str) -> bool:
    code = ord(letter)
    return any(first <= code <= last for first, last in _UNSPACED)


def _without_accents(decomposed: str) -> Iterator[str]:
    """Drop marks that are decoration: on Latin, Greek and Cyrillic letters, and Hebrew and Arabic vowel points.

    Marks of other scripts stay, because they are the vowels.
    """
    accents_drop = True
    for character in decomposed:
        if not unicodedata.category(character).startswith("M"):
            accents_drop = character < "\u0530"
        elif (
            accents_drop
            or "\u0591" <= character <= "\u05c7"
            or "\u064b" <= character <= "\u065f"
            or character == "\u0670"
        ):
            continue
        yield character
