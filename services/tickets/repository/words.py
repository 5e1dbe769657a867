"""The words that people wrote, all tickets' together: written with documents, asked by searches."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, any_, func, literal, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.search import PUBLIC, SUBJECT
from services.tickets.domain.vocabulary import near, nearly
from services.tickets.models import search_documents, search_words, tickets
from services.tickets.repository.lists import is_own

# Of the tickets of one customer, whose own words these are.
_OWN_TICKETS = 200
# What many words have in common tells nothing.
_MOST = 500
_SEEN: ColumnElement[Any] = literal_column(f"CAST('{{{SUBJECT},{PUBLIC}}}' AS \"char\"[])")


class WordRepository:
    """Which words there are."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, words: Mapping[str, Collection[str]]) -> set[str]:
        """Keep words with their stems; returns those that were there already, with all of these stems."""
        if not words:
            return set()
        rows = [{"word": word, "stems": sorted(stems), "near": sorted(near(word))} for word, stems in words.items()]
        added = await self.session.scalars(
            text(f"""
                INSERT INTO {search_words.fullname} AS known (word, stems, near)
                SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n (word text, stems text[], near integer[])
                ORDER BY word
                ON CONFLICT (word) DO UPDATE
                SET stems = ARRAY(SELECT DISTINCT unnest(known.stems || excluded.stems))
                WHERE NOT known.stems @> excluded.stems
                RETURNING word"""),
            {"rows": json.dumps(rows)},
        )
        return set(words) - set(added)

    async def with_stems(self, stems: Iterable[str]) -> Sequence[tuple[str, list[str]]]:
        """Words that have one of these stems, the shortest first, and all stems of theirs."""
        w = search_words.c
        query = select(w.word, w.stems).where(w.stems.overlap(literal(sorted(stems), ARRAY(Text))))
        query = query.order_by(func.length(w.word), w.word).limit(_MOST)
        return [(row[0], row[1]) for row in await self.session.execute(query)]

    async def known(self, words: Collection[str]) -> dict[str, list[str]]:
        """Those of these words that were written, with their stems in the languages they were written in."""
        w = search_words.c
        query = select(w.word, w.stems).where(w.word == any_(literal(list(words), ARRAY(Text))))
        return {row[0]: row[1] for row in await self.session.execute(query)}

    async def near(self, words: Iterable[str], *, among: Collection[str] | None = None) -> dict[str, set[str]]:
        """For each of these words others that may be nearly the same, of all or of some."""
        rows = [{"word": word, "near": sorted(nearly(word))} for word in words]
        some = {} if among is None else {"among": list(among)}
        found = await self.session.execute(
            text(f"""
                SELECT asked_for.word, there.word
                FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS asked_for (word text, near integer[]), LATERAL (
                    SELECT word FROM {search_words.fullname} AS known
                    WHERE known.near && asked_for.near {"AND known.word = ANY (CAST(:among AS text[]))" if some else ""}
                    LIMIT {_MOST}
                ) AS there"""),
            {"rows": json.dumps(rows), **some},
        )
        near_to: dict[str, set[str]] = defaultdict(set)
        for word, other in found:
            near_to[word].add(other)
        return near_to

    async def own(self, account_id: UUID) -> set[str]:
        """Words in what a customer may see of their newest tickets: of others' they must not learn even a word."""
        newest = (
            select(search_documents.c.words)
            .join(tickets, tickets.c.id == search_documents.c.ticket_id)
            .where(is_own(account_id))
            .order_by(tickets.c.updated_at.desc())
            .limit(_OWN_TICKETS)
            .subquery("newest")
        )
        words = func.unnest(func.tsvector_to_array(func.ts_filter(newest.c.words, _SEEN)))
        return set(await self.session.scalars(select(words).distinct()))
