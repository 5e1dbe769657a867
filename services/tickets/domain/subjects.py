"""Whether a message is still about what its ticket is about, by their subjects alone."""

from shared.words import words


def has_drifted(before: str, now: str) -> bool:
    """Whether two subjects have no word in common, in any language and script.

    Marks of replies (Re:, AW:) are words as any: they are told by no list of languages, and where both subjects have
    one, nothing has drifted. Neither has what says nothing.
    """
    had, has = ({word.folded for word in words(subject)} for subject in (before, now))
    return bool(had) and bool(has) and had.isdisjoint(has)
