"""Searching tickets: by words as they are written, by their other forms, and where that finds nothing by near ones."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.conditions import AllOf, AnyOf, Comparison, Condition
from services.tickets.domain.search import instead, ranks, read_in, sequence, single, split, wanted, words_of
from services.tickets.domain.vocabulary import (
    can_be_misspelt,
    is_kept,
    language_of_stem,
    languages,
    meant,
    stems,
)
from services.tickets.repository.conditions import Asker
from services.tickets.repository.search import Place, TicketSearch
from services.tickets.repository.words import WordRepository
from shared.words import ANY_LETTER, with_any_letter

# Of so many hits, the newest, the best come first; whoever looks on is shown the rest by time.
BEST_OF = 200
# Of a search that asks for more words, the first are looked up.
_WORDS = 12
# Other forms of a word, in one language; words that may be meant by one that nobody wrote.
_FORMS, _MEANT = 20, 5
# Of so many words in a script without spaces, so many letters may be the wrong one.
_WORDS_OF_LETTERS, _LETTERS = 2, 12
_UNRANKED = -1


class Order(StrEnum):
    """How hits are sorted."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class Hit:
    """A ticket that was found, with what it is worth.

    The best are looked for between two places in time, and on the next page between the same ones.
    """

    worth: int
    place: Place
    newest: Place
    oldest: Place

    @classmethod
    def of(
        cls,
        worth: int,
        at: datetime,
        ticket: UUID,
        newest_at: datetime,
        newest: UUID,
        oldest_at: datetime,
        oldest: UUID,
    ) -> "Hit":
        """The hit that has this `key`."""
        return cls(worth, (at, ticket), (newest_at, newest), (oldest_at, oldest))

    @classmethod
    def by_time(cls, place: Place) -> "Hit":
        """One of those that are shown by time alone."""
        return cls(_UNRANKED, place, place, place)

    @property
    def key(self) -> tuple[int, datetime, UUID, datetime, UUID, datetime, UUID]:
        """All of it, as a cursor holds it."""
        return (self.worth, *self.place, *self.newest, *self.oldest)


@dataclass(frozen=True, slots=True)
class Found:
    """Hits; the words they may have been found by; and what was searched for instead of words, or beside them."""

    hits: Sequence[Hit]
    by: Sequence[Comparison]
    corrected: Mapping[str, Sequence[str]]


async def find(
    session: AsyncSession, condition: Condition, asker: Asker, *, order: Order | None, after: Hit | None, limit: int
) -> Found:
    """At most `limit` tickets, after a hit. Without an order, what is found by words is in that of relevance."""
    tests = [test for test in wanted(condition) if sequence(test)]
    tickets = TicketSearch(session)
    await tickets.prepare()  # words are looked up by the same settings
    search = _Search(tickets, asker, order or (Order.RELEVANCE if tests else Order.NEWEST), after, limit)
    words = WordRepository(session)
    found_by = await _with_other_forms(words, condition)
    hits = await search.hits(condition, found_by)
    corrected: dict[Comparison, list[str]] = {}
    if not hits:
        unknown, known = await _meant(words, tests, found_by, asker)
        if not asker.own:
            common = await tickets.common(list(known))
            known = {test: others for test, others in known.items() if test not in common}
        guessed = await _with_a_letter_unknown(tickets, condition, tests, asker)
        unknown |= guessed
        # Somebody wrote most misspellings once; so a word that is there may be a wrong one, too.
        for corrected in (unknown, unknown | known) if known else (unknown,):
            if hits or not corrected:
                continue
            forms = {
                test: AnyOf((test, words_of(test, others))) if test in known else words_of(test, others)
                for test, others in corrected.items()
            }
            meant_by = instead(condition, forms)
            if near := [words_of(test, others) for test, others in corrected.items() if test in known]:
                # As it is nothing is found: so one of these is there, which is sooner looked up than all that may be.
                meant_by = AllOf((meant_by, AnyOf(tuple(near))))
            found_by = await _with_other_forms(words, meant_by)
            hits = await search.hits(meant_by, found_by, guess=bool(guessed))
    return Found(
        hits,
        [test for test in wanted(found_by) if sequence(test)],
        await _told(tickets, corrected, [hit.place[1] for hit in hits]) if hits else {},
    )


async def _told(
    tickets: TicketSearch, corrected: Mapping[Comparison, Sequence[str]], found: Sequence[UUID]
) -> dict[str, Sequence[str]]:
    """What to say of corrections: of letters that may be any, those by which something was found."""
    told: dict[str, Sequence[str]] = {}
    for test, others in corrected.items():
        near = others
        if ANY_LETTER in near[0]:
            met = await tickets.met([words_of(test, [one]) for one in near], found)
            near = [one.replace(ANY_LETTER, "?") for one, is_met in zip(near, met, strict=True) if is_met]
        told[str(test.value)] = near
    return {word: near for word, near in told.items() if near}


@dataclass(frozen=True, slots=True)
class _Search:
    """What does not depend on the words that are searched for."""

    tickets: TicketSearch
    asker: Asker
    order: Order
    after: Hit | None
    limit: int

    async def hits(self, asked_for: Condition, found_by: Condition, *, guess: bool = False) -> Sequence[Hit]:
        after, best = self.after, list[Hit]()
        oldest = after.place if after else None
        if self.order is Order.RELEVANCE and (after is None or after.worth != _UNRANKED):
            worth = ranks(split(asked_for)[0], split(found_by)[0], public_only=self.asker.own)
            best, oldest = await self._best(found_by, worth, guess=guess)
            if oldest is None or len(best) >= self.limit:
                return best
        left = self.limit - len(best)
        rest = await self.tickets.page(found_by, self.asker, after=oldest, limit=left, guess=guess)
        return [*best, *map(Hit.by_time, rest)]

    async def _best(
        self, found_by: Condition, worth: Sequence[tuple[str, int]], *, guess: bool
    ) -> tuple[list[Hit], Place | None]:
        """The next of the best; and the place behind which the rest lies, if there may be any."""
        after = self.after
        # What was written meanwhile must not push out what was there.
        limit = 2 * BEST_OF if after else BEST_OF
        until = after.newest if after else None
        ranked = await self.tickets.ranked(found_by, self.asker, worth, until=until, limit=limit, guess=guess)
        if not ranked:
            return [], None
        places = [place for _, place in ranked]
        newest, oldest = (after.newest, after.oldest) if after else (max(places), min(places))
        best = sorted((each for each in ranked if each[1] >= oldest), reverse=True)
        there_is_more = len(ranked) == limit or len(best) < len(ranked)
        if after:
            best = [each for each in best if each < (after.worth, after.place)]
        hits = [Hit(value, place, newest, oldest) for value, place in best[: self.limit]]
        return hits, oldest if there_is_more else None


async def _with_other_forms(repository: WordRepository, condition: Condition) -> Condition:
    """The condition that is met by other forms of its words, too.

    A word is of the languages it was written in; one that nobody wrote, of all that it may be of.
    """
    tests = {test: word for test in wanted(condition) if (word := single(test)) and is_kept(word)}
    tests = dict(list(tests.items())[:_WORDS])
    if not tests:
        return condition
    known = await repository.known(list(tests.values()))
    asked_for = {
        test: set(known.get(word) or chain.from_iterable(stems(str(test.value), of) for of in languages(word)))
        for test, word in tests.items()
    }
    with_stem = defaultdict(list)
    read: dict[str, set[str]] = {}
    for form, has in await repository.with_stems(set().union(*asked_for.values())):
        read[form] = set(map(language_of_stem, has))
        for stem in has:
            with_stem[stem].append(form)
    forms: dict[Comparison, Condition] = {}
    for test, word in tests.items():
        of_language: dict[str, set[str]] = defaultdict(set)
        for stem in sorted(asked_for[test]):
            of_language[language_of_stem(stem)].update(with_stem[stem][:_FORMS])
        # What was only ever read in one language need not be asked for in its documents alone: half of all may be.
        anywhere = {form for of, found in of_language.items() for form in found if read[form] == {of}} - {word}
        other = [words_of(test, sorted(anywhere))] if anywhere else []
        other += [
            read_in(of, words_of(test, sorted(more)))
            for of, found in of_language.items()
            if (more := found - anywhere - {word})
        ]
        if other:
            forms[test] = AnyOf((test, *other))
    return instead(condition, forms)


async def _meant(
    repository: WordRepository, tests: Sequence[Comparison], found_by: Condition, asker: Asker
) -> tuple[dict[Comparison, list[str]], dict[Comparison, list[str]]]:
    """What is probably meant by words that nobody wrote, and by those that somebody did.

    For customers, nobody wrote what they were not to read.
    """
    words = {test: word for test in tests[:_WORDS] if (word := single(test)) and can_be_misspelt(word)}
    if not words:
        return {}, {}
    own = await repository.own(asker.account_id) if asker.own else None
    known = await repository.known(list(words.values())) if own is None else own
    near = await repository.near(set(words.values()), among=own)
    searched = {str(test.value) for test in wanted(found_by)}
    found = {
        test: others
        for test, word in words.items()
        if (others := meant(word, near[word] - {word} - searched, most=_MEANT))
    }
    return (
        {test: others for test, others in found.items() if words[test] not in known},
        {test: others for test, others in found.items() if words[test] in known},
    )


async def _with_a_letter_unknown(
    tickets: TicketSearch, condition: Condition, tests: Sequence[Comparison], asker: Asker
) -> dict[Comparison, list[str]]:
    """The first words of scripts without spaces, where nobody wrote them lately, with any one letter unknown.

    The condition itself found nothing. Not for customers: all of their documents would be read for each.
    """
    if asker.own:
        return {}
    others = {
        test: with_any_letter(str(test.value))[:_LETTERS] for test in tests if not str(test.value).startswith('"')
    }
    some = [(test, any_letter) for test, any_letter in others.items() if any_letter][:_WORDS_OF_LETTERS]
    return {
        test: any_letter
        for test, any_letter in some
        if condition in (test, AllOf((test,))) or not await tickets.page(test, asker, after=None, limit=1, guess=True)
    }
