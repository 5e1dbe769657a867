"""Searching tickets: hits in pages, the newest first, or of the newest the best first.

PostgreSQL's index of words gives every hit, and people want the newest: of a word that half of all tickets have, it
would read half of them. So a document is marked with the day and the month of its last message, words of their own kind
in the same index, and a search asks for the newest days first, then for more and more until its page is full. What is
common is found among few, and what is rare is soon looked up; no statistics have to be right for it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
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
from services.tickets.domain.search import at_least, is_narrowed, matching, split
from services.tickets.models import search_documents, tickets
from services.tickets.repository.conditions import Asker, in_sql, words_match
from services.tickets.repository.lists import is_own
from services.tickets.repository.plans import expected
from services.tickets.repository.rows import AnyRow
from shared.tsvectors import marked

Place = tuple[datetime, UUID]

_DAYS_OF_A_MONTH = 32
# In more than two years is most of all, and marks would only cost.
_MARKED_DAYS = 800
# How much of the past is searched, one after the other, until there are enough hits; then all of it.
_SPANS = (timedelta(days=1), timedelta(days=8), timedelta(days=64))
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
_NEVER = datetime.max.replace(tzinfo=UTC)
_LAST_PUBLIC = func.coalesce(tickets.c.last_message_at, tickets.c.created_at)
_PLACE = (search_documents.c.written_at, search_documents.c.ticket_id)
_MOMENTS = ARRAY(search_documents.c.written_at.type)
_AT_ONCE: ColumnElement[int] = literal_column("0")
_NO_WORDS: ColumnElement[Any] = literal_column("CAST('' AS tsvector)")


_MOST = bindparam("most", type_=Integer)
_Shown = Callable[[Select[Any]], Select[Any]]


def _as_it_is(query: Select[Any]) -> Select[Any]:
    return query


class TicketSearch:
    """Finds tickets by conditions."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._last: datetime | None = None
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
        if self._last is None:
            return []
        words, others = split(condition)
        matches = matching(words, public_only=asker.own)
        values = {**values, "matches": matches}
        if after is not None:
            values |= {"after_at": after[0], "after_id": after[1]}
        few = _narrowed(select(tickets.c.id), others, asker)
        if asker.own:
            own = few.where(is_own(asker.account_id)).order_by(tickets.c.updated_at.desc()).limit(_OWN)
            query = _of_few(own, is_after=after is not None)
        elif not matches:
            places: Select[Any] = select(*_PLACE).join(tickets, tickets.c.id == search_documents.c.ticket_id)
            query = _first(places.where(in_sql(others, asker)), is_after=after is not None).limit(_MOST)
        elif others.of and (there := (await expected(self.session, few)).rows) <= _FEW:
            rough = at_least(words)
            is_looked_up = there > _SOME and is_narrowed(words)
            if is_looked_up and (await expected(self.session, _having(rough))).rows <= there * _HITS_OF_ONE:
                few = few.where(tickets.c.id.in_(_having(rough)))
            query = _of_few(few, is_after=after is not None)
        else:
            rough, into = at_least(words), _GUESSED_INTO if guess else _LOOKED_INTO
            oldest = await self._oldest_guessed() if guess else None
            spans = _spans(rough, after[0] if after else self._last, oldest, _opened_before(others, asker))
            values |= dict(zip(("rough", "since", "before"), map(list, zip(*spans, strict=True)), strict=True))
            values["most_looked_into"] = values["most"] if rough == matches else max(values["most"], into)
            if not others.of:
                query = _by_words(shown, is_exact=rough == matches, is_after=after is not None)
                return await self.session.execute(query, values)
            hits = _hits()
            hits = _narrowed(hits.join(tickets, tickets.c.id == hits.selected_columns.ticket_id), others, asker)
            query = _span_by_span(hits, is_exact=rough == matches, is_after=after is not None)
        return await self.session.execute(shown(query), values)

    async def prepare(self) -> None:
        """Settings for this transaction; and when something was written last.

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
        self._last = await self.session.scalar(query)
        self._is_prepared = True

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


def marks_of(written_at: datetime) -> list[str]:
    """The marks of a document that was written to at this time."""
    day = written_at.astimezone(UTC).date()
    return [_day(day), _month(day)]


def _day(day: date) -> str:
    return f"d{day.toordinal()}"


def _month(day: date) -> str:
    return f"m{day.toordinal() // _DAYS_OF_A_MONTH}"


def _spans(
    matches: str, newest: datetime, oldest: datetime | None, opened_before: datetime | None
) -> Iterator[tuple[str, datetime, datetime]]:
    """For one span after the other: what a document matches, as a tsquery, and between which moments it lies.

    The last one has all that is left. Back to `oldest`, one has all: to ask the index takes longer than what it tells.
    Where tickets were opened before a moment, hardly any was written to much later: spans are counted from there.
    """
    last, before = newest.astimezone(UTC).toordinal(), _NEVER
    end = min(last, oldest.astimezone(UTC).toordinal()) if oldest else 1
    first = opened_before.astimezone(UTC).toordinal() if opened_before else last
    if max(end, last - _MARKED_DAYS) < first < last:
        since = _midnight(first)
        yield _in(matches, last, last - first), since, before
        last, before = first - 1, since
    for first in (end,) if oldest else (*(last - span.days for span in _SPANS), end):
        since = _midnight(max(first, end))
        yield _in(matches, last, last - max(first, end)), since, before
        before = since
        if first <= end:
            return


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


def _midnight(day: int) -> datetime:
    return datetime.combine(date.fromordinal(day), time(), UTC)


def _in(matches: str, last: int, days: int) -> str:
    """What matches, of these days; of too many, at all."""
    return f"({matches}) & ({marked(_marks(last, days))})" if days <= _MARKED_DAYS else matches


def _marks(last: int, days: int) -> Iterable[str]:
    """Of the days up to the last one, or of their months where they are many."""
    unit, mark = (1, _day) if days < _DAYS_OF_A_MONTH else (_DAYS_OF_A_MONTH, _month)
    return dict.fromkeys(mark(date.fromordinal(max(1, day))) for day in range(last, last - days - unit, -unit))


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


def _hits() -> Select[Any]:
    """All that match in a span, sorted."""
    match = search_documents.c.words.bool_op("@@")(literal_column("CAST(span.rough AS tsquery)"))
    hits = select(*_PLACE).where(match).offset(_AT_ONCE).subquery("hits")
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
