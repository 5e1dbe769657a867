"""Words in the forms that PostgreSQL searches by: vectors of texts, and queries for them."""

from collections.abc import Iterable, Sequence

from shared.words import Asked, words

# tsvector knows no later place (PostgreSQL manual, 8.11.1); side by side is not told apart behind it.
MAX_PLACE = 16_383
# Nor more places of one word, nor more of all.
MAX_PLACES = 255
MAX_VECTOR_BYTES = 1_000_000
_BYTES_OF_A_WORD = 6  # to align it, and the number of its places


class Vector:
    """The words of some texts as a tsvector; `str()` is its text form. `spelled` is how each was written at first.

    Words are letters, marks and digits, so none needs escaping, and `mark`s are told from them by a sign in front.
    """

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}
        self.spelled: dict[str, str] = {}
        self._place = 0
        self._bytes = 0

    def add(self, text: str, weight: str = "D") -> None:
        """Add a text behind those that are there; what goes beyond what a tsvector holds is left out."""
        for word in words(text):
            self._place += 1
            places = self._places.get(word.folded)
            if places is None:
                self._bytes += len(word.folded.encode()) + _BYTES_OF_A_WORD
                if self._bytes > MAX_VECTOR_BYTES:
                    return
                places = self._places[word.folded] = []
                self.spelled[word.folded] = text[word.start : word.end]
            if len(places) < MAX_PLACES:
                self._bytes += 2
                places.append(f"{min(self._place, MAX_PLACE)}{weight}")
        self._place += 1  # the last word of one text does not stand beside the first of the next

    def mark(self, mark: str) -> None:
        """Add what is none of the words, to be asked for by `marked`."""
        self._places[f"#{mark}"] = []

    def __str__(self) -> str:
        return " ".join(
            f"'{word}':{','.join(places)}" if places else f"'{word}'" for word, places in self._places.items()
        )


def tsquery(sequence: Sequence[Asked], weights: str = "") -> str:
    """The text form of a tsquery for words that stand side by side, in texts of one of these weights."""
    parts = []
    for each in sequence:
        label = ("*" if each.beginning else "") + weights
        parts += [f"'{each.folded}'{f':{label}' if label else ''}", f"<{each.step}>"]
    return " ".join(parts[:-1])


def marked(marks: Iterable[str]) -> str:
    """The text form of a tsquery for one of these marks."""
    return " | ".join(f"'#{mark}'" for mark in marks)
