"""Searching tickets: hits in pages, the newest first, or of the newest the best first.

PostgreSQL's index of words gives every hit, and people want the newest: of a word that half of all tickets have, it
would read half of them. So a document is marked with the day and the month of its last message, words of their own kind
in the same index, and a search asks for the newest days first, then for more and more until its page is full. With how
many it begins PostgreSQL's statistics tell; where they are wrong, it takes longer and finds the same.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.conditions import AllOf, Comparison, Condition, Operator, comparisons, moment
from services.tickets.domain.search import at_least, is_narrowed, matching, parts, split
from services.tickets.domain.spans import YOUNG, Corpus, spans, young
from services.tickets.models import search_documents, tickets
from services.tickets.repository.conditions import LATE, Asker, in_sql, words_match
from services.tickets.repository.lists import is_own
from services.tickets.repository.plans import expected, expected_of_each
from services.tickets.repository.rows import AnyRow

Place = tuple[datetime, UUID]

_TIMES_OF_TICKETS = {"created", "updated"}
# So many documents are looked for one by one sooner than the hits of a frequent word are looked through.
_FEW = 6_000
# Of more than these, only those are looked into that an index of words gives, if it does not give all, or too many: in
# the time that it takes to look into a document, so many hits are gone through.
_SOME, _HITS_OF_ONE = 500, 10
# Of a customer's tickets never more.
_OWN = 3_000
# Where a word stands the index does not know: for phrases, and words of the subject, so many of the newest documents
# that have all their words are looked into. For a guess, fewer, among so many.
_LOOKED_INTO, _GUESSED_INTO = 1_000, 200
_GUESSED_AMONG = 20_000
# A word in so many of all tickets, and in no fewer than so many, is no misspelling.
_COMMON_SHARE, _COMMON = 0.01, 1_000
_LAST_PUBLIC = func.coalesce(tickets.c.last_message_at, tickets.c.created_at)
_PLACE = (search_documents.c.written_at, search_documents.c.ticket_id)
_MOMENTS = ARRAY(search_documents.c.written_at.type)
_AT_ONCE: ColumnElement[int] = literal_column("0")
# How many are expected is told by the first words of a line, and the first letters of each.
_TESTS, _PARTS = 8, 4
_NO_WORDS: ColumnElement[Any] = literal_column("CAST('' AS tsvector)")


_MOST = bindparam("most", type_=Integer)
_DOCUMENTS = select(search_documents.c.ticket_id)
_Shown = Callable[[Select[Any]], Select[Any]]


def _as_it_is(query: Select[Any]) -> Select[Any]:
    return query


class TicketSearch:
    """Finds tickets by conditions."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._newest_document: datetime | None = None
        self._known: dict[AllOf, tuple[Corpus, float]] = {}
        self._guessed_until: datetime | None = None
        self._is_prepared = False

    async def page(
        self, condition: Condition, asker: Asker, *, after: Place | None, limit: int, guess: bool = False
    ) -> Sequence[Place]:
        """At most `limit` tickets after a place, by the time of their last public message: that time, and the id.

        A `guess` is looked for among the newest tickets.
        """
        return [(row[0], row[1]) for row in await self._newest(condition, asker, after, {"most": limit}, guess)]

    async def ranked(
        self,
        condition: Condition,
        asker: Asker,
        ranks: Sequence[tuple[str, int]],
        *,
        until: Place | None,
        limit: int,
        guess: bool = False,
    ) -> Sequence[tuple[int, Place]]:
        """Of the newest tickets up to a place, at most `limit`, how much each is worth: the sum of what it matches.

        In no order.
        """
        values = {"most": limit, "ranks": [matches for matches, _ in ranks], "worth": [worth for _, worth in ranks]}
        after = until and (until[0], _next(until[1]))
        rows = await self._newest(condition, asker, after, values, guess, _ranked)
        return [(row[2], (row[0], row[1])) for row in rows]

    async def met(self, conditions: Sequence[Condition], ticket_ids: Sequence[UUID]) -> list[bool]:
        """Of each of these conditions on words whether one of the tickets meets it."""
        tsqueries = literal([matching(each, public_only=False) for each in conditions], ARRAY(Text))
        asked_for = func.unnest(tsqueries).table_valued("matches", with_ordinality="place").render_derived()
        documents = select(search_documents.c.words.concat(_NO_WORDS).label("words"))
        documents = documents.where(search_documents.c.ticket_id == any_(literal(list(ticket_ids), ARRAY(Uuid))))
        words = documents.offset(_AT_ONCE).subquery("documents").c.words
        is_met = select(words).where(words.bool_op("@@")(cast(asked_for.c.matches, TSQUERY))).exists()
        return list(await self.session.scalars(select(is_met).select_from(asked_for).order_by(asked_for.c.place)))

    async def common(self, tests: Sequence[Comparison]) -> set[Comparison]:
        """Those of some words that so many tickets have that they are written right, as far as PostgreSQL knows."""
        if not tests:
            return set()
        having = [_DOCUMENTS.where(words_match(matching(test, public_only=False))) for test in tests]
        documents, *each = await expected_of_each(self.session, [_DOCUMENTS, *having])
        most = max(_COMMON, documents.rows * _COMMON_SHARE)
        return {test for test, known in zip(tests, each, strict=True) if known.rows > most}

    async def _newest(
        self,
        condition: Condition,
        asker: Asker,
        after: Place | None,
        values: dict[str, Any],
        guess: bool,
        shown: _Shown = _as_it_is,
    ) -> Iterable[AnyRow]:
        """The first places after one, `most` of them."""
        await self.prepare()
        if (newest := self._newest_document) is None:
            return []
        words, others = split(condition)
        matches = matching(words, public_only=asker.own)
        values = {**values, "matches": matches, "most_looked_into": values["most"]}
        if after is not None:
            values |= {"after_at": after[0], "after_id": after[1]}
        few = _narrowed(select(tickets.c.id), others, asker)
        if asker.own:
            own = few.where(is_own(asker.account_id)).order_by(tickets.c.updated_at.desc()).limit(_OWN)
            query = _of_few(own, is_after=after is not None)
        elif not matches:
            places: Select[Any] = select(*_PLACE).join(tickets, tickets.c.id == search_documents.c.ticket_id)
            query = _first(places.where(in_sql(others, asker)), is_after=after is not None).limit(_MOST)
        elif others.of and (fitting := (await expected(self.session, few)).rows) <= _FEW:
            if fitting > _SOME and is_narrowed(words):
                few = few.where(await self._may_match(words, newest, asker, fitting, values["most"]))
            query = _of_few(few, is_after=after is not None)
        else:
            is_exact, opened_before = at_least(words) == matches, _opened_before(others, asker)
            if not is_exact:
                values["most_looked_into"] = max(values["most"], _GUESSED_INTO if guess else _LOOKED_INTO)
            days: Iterable[int] = ()
            if not guess:
                corpus, hits = await self._about(words, newest)
                share = min(1.0, fitting / corpus.documents) if others.of else 1.0
                days = corpus.spans(hits, values["most_looked_into"], share=share)
            oldest = await self._oldest_guessed() if guess else None
            until = after[0] if after else newest
            asked = zip(*spans(at_least(words), until, days, oldest=oldest, opened_before=opened_before), strict=True)
            values |= dict(zip(("rough", "since", "before"), map(list, asked), strict=True))
            if not others.of:
                query = _by_words(shown, is_exact=is_exact, is_after=after is not None)
                return await self.session.execute(query, values)
            found = _hits(opened_before)
            found = _narrowed(found.join(tickets, tickets.c.id == found.selected_columns.ticket_id), others, asker)
            query = _span_by_span(found, is_exact=is_exact, is_after=after is not None)
        return await self.session.execute(shown(query), values)

    async def prepare(self) -> None:
        """Settings for this transaction; and when the newest document was written to.

        A plan is made for each search. PostgreSQL does not reckon that a document lies outside of its row, and would
        read all of them one by one rather than look into the index.
        """
        if self._is_prepared:
            return
        query = text(f"""
            SELECT (SELECT max(written_at) FROM {search_documents.fullname}),
                   set_config('plan_cache_mode', 'force_custom_plan', true),
                   set_config('enable_seqscan', 'off', true),
                   set_config('max_parallel_workers_per_gather', '0', true)""")
        self._newest_document = await self.session.scalar(query)
        self._is_prepared = True

    async def _about(self, words: AllOf, newest: datetime) -> tuple[Corpus, float]:
        """The documents, and about how many of them have what an index of words tells of these.

        As far as PostgreSQL knows; of long lines, by their first words.
        """
        if words not in self._known:
            tests = [test[:_PARTS] for test in parts(words)[:_TESTS]]
            lately = _DOCUMENTS.where(search_documents.c.written_at >= newest - YOUNG)
            having = [_DOCUMENTS.where(words_match(part)) for part in chain(*tests)]
            told = await expected_of_each(self.session, [_DOCUMENTS, lately, *having])
            there, young_ones, *each = (max(1, one.rows) for one in told)
            corpus, rows = Corpus(there, young_ones), iter(each)
            self._known[words] = corpus, corpus.having([[next(rows) for _ in test] for test in tests])
        return self._known[words]

    async def _may_match(
        self, words: AllOf, newest: datetime, asker: Asker, few: int, most: int
    ) -> ColumnElement[bool]:
        """Which of few tickets have to be looked into, where the index tells it sooner.

        Most of few are young, as what is unsolved is. Where the index gives too many of all times it is asked for those
        of some weeks, and what is older is looked into; so is what was changed just now, for its document may be older.
        """
        corpus, hits = await self._about(words, newest)
        # Of what is frequent there are enough before all have been looked into.
        too_many = min(few, most * corpus.documents / hits) * _HITS_OF_ONE
        if hits <= too_many:
            return tickets.c.id.in_(_having(at_least(words)))
        if hits * corpus.young / corpus.documents > too_many:
            return true()
        lately = young(at_least(words), newest)
        is_late = tickets.c.updated_at > asker.now - LATE
        return or_(literal(lately.since) > _LAST_PUBLIC, is_late, tickets.c.id.in_(_having(lately.matches)))

    async def _oldest_guessed(self) -> datetime:
        """When the last of those was written to among which is guessed."""
        if self._guessed_until is None:
            written_at = search_documents.c.written_at
            query = select(written_at).order_by(written_at.desc(), search_documents.c.ticket_id.desc())
            found = await self.session.scalar(query.offset(_GUESSED_AMONG).limit(1))
            self._guessed_until = found or datetime.min.replace(tzinfo=UTC)
        return self._guessed_until


def _next(ticket_id: UUID) -> UUID:
    """So that a place itself is among those after it."""
    return UUID(int=min(ticket_id.int + 1, 2**128 - 1))


def _opened_before(others: AllOf, asker: Asker) -> datetime | None:
    """The moment before which all are opened, or were changed last, if it is said."""
    limits = (
        moment(test.value, now=asker.now, zone=asker.zone)
        for test in others.of
        if isinstance(test, Comparison)
        and isinstance(test.value, str)
        and test.field in _TIMES_OF_TICKETS
        and test.operator in {Operator.LT, Operator.LTE}
    )
    return min(limits, default=None)


@cache
def _by_words(shown: _Shown, *, is_exact: bool, is_after: bool) -> Select[Any]:
    # To make such a statement takes longer than it does.
    return shown(_span_by_span(_hits(), is_exact=is_exact, is_after=is_after))


def _span_by_span(hits: Select[Any], *, is_exact: bool, is_after: bool) -> Select[Any]:
    """The hits of spans. A loop has an order, and a limit ends it: PostgreSQL takes up one span after the other."""
    most = bindparam("most_looked_into", type_=Integer)
    moments = (bindparam(name, type_=_MOMENTS) for name in ("since", "before"))
    unnested = func.unnest(bindparam("rough", type_=ARRAY(Text)), *moments)
    span = unnested.table_valued("rough", "since", "before").render_derived(name="span")
    of_span = _first(hits, is_after=is_after).limit(most).lateral("of_span")
    found = select(of_span).join_from(span, of_span, true()).limit(most)
    return found if is_exact else _looked_into(found)


def _of_few(query: Select[Any], *, is_after: bool) -> Select[Any]:
    """The documents of some tickets, looked into one by one, by the tickets' own time.

    It is that of their documents, a moment ahead of it, and these need not be looked up to be sorted. `OFFSET 0` keeps
    one step apart from the next.
    """
    few = query.with_only_columns(_LAST_PUBLIC.label("written_at"), tickets.c.id.label("ticket_id"))
    own = few.offset(_AT_ONCE).subquery("few")
    return _looked_into(_first(select(own), is_after=is_after))


def _having(rough: str) -> Select[Any]:
    """The tickets whose documents match."""
    return select(search_documents.c.ticket_id).where(words_match(rough)).offset(_AT_ONCE)


def _looked_into(places: Select[Any]) -> Select[Any]:
    """The first places where a document matches, read one by one in their order, until there are enough."""
    place = places.offset(_AT_ONCE).subquery("place")
    matches = bindparam("matches", type_=Text)
    # All match where nothing is asked for.
    match = or_(matches == "", search_documents.c.words.bool_op("@@")(cast(matches, TSQUERY)))
    document = select(search_documents.c.ticket_id).where(search_documents.c.ticket_id == place.c.ticket_id, match)
    looked_into = document.offset(_AT_ONCE).lateral("document")
    return select(place).join_from(place, looked_into, true()).limit(_MOST)


def _hits(opened_before: datetime | None = None) -> Select[Any]:
    """All that match in a span, sorted; but for what is known to have been opened later."""
    match = search_documents.c.words.bool_op("@@")(literal_column("CAST(span.rough AS tsquery)"))
    matching_ones = select(*_PLACE).where(match)
    if opened_before is not None:
        opened_at = search_documents.c.opened_at
        matching_ones = matching_ones.where(or_(opened_at.is_(None), opened_at <= opened_before))
    hits = matching_ones.offset(_AT_ONCE).subquery("hits")
    written_at = hits.c.written_at
    of_span = select(hits).where(written_at >= literal_column("span.since"), written_at < literal_column("span.before"))
    return select(_newest_first(of_span).offset(_AT_ONCE).subquery("newest"))


def _ranked(query: Select[Any]) -> Select[Any]:
    """Places with what each is worth."""
    places = query.subquery("places")
    # As much as is looked into is taken out of where long values lie once, not for each rank.
    words = select(search_documents.c.words.concat(_NO_WORDS).label("words"))
    document = words.where(search_documents.c.ticket_id == places.c.ticket_id).offset(_AT_ONCE).lateral("document")
    arrays = bindparam("ranks", type_=ARRAY(Text)), bindparam("worth", type_=ARRAY(Integer))
    ranks = func.unnest(*arrays).table_valued("matches", "worth").render_derived(name="rank")
    worth = select(func.coalesce(func.sum(ranks.c.worth), 0))
    worth = worth.where(document.c.words.bool_op("@@")(cast(ranks.c.matches, TSQUERY)))
    return select(places.c.written_at, places.c.ticket_id, worth.scalar_subquery()).join_from(places, document, true())


def _narrowed(query: Select[Any], others: AllOf, asker: Asker) -> Select[Any]:
    """Of the tickets of a query those for which this holds; it may ask for words, too, where it asks for either."""
    if any(test.operator is Operator.MATCHES for test in comparisons(others)):
        query = query.join(search_documents, search_documents.c.ticket_id == tickets.c.id)
    return query.where(in_sql(others, asker))


def _after(query: Select[Any]) -> Select[Any]:
    place = bindparam("after_at", type_=search_documents.c.written_at.type), bindparam("after_id", type_=Uuid)
    return query.where(tuple_(*query.selected_columns) < tuple_(*place))


def _first(query: Select[Any], *, is_after: bool) -> Select[Any]:
    return _newest_first(_after(query) if is_after else query)


def _newest_first(query: Select[Any]) -> Select[Any]:
    written_at, ticket_id = query.selected_columns
    return query.order_by(written_at.desc(), ticket_id.desc())
