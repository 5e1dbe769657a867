"""Documents for the search follow the tickets, a moment behind them, and cost what changes tickets nothing.

The history of tickets tells, in order, which ones were written to. An entry with a lower id may be committed after one
with a higher, so what is read of it ends where all transactions are over that could still add to it: those that had
begun when that entry was the last. A process that is killed has written either the documents and that they are made, or
neither. Where there is nothing to follow, documents of older tickets that were made by other rules are made anew, each
once.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.search import SUBJECT, language_mark, weight_of
from services.tickets.domain.spans import marks_of
from services.tickets.domain.vocabulary import is_kept, language_of, stems
from services.tickets.repository.documents import Document, DocumentRepository, Horizon, Progress
from services.tickets.repository.rows import AnyRow
from services.tickets.repository.words import WordRepository
from shared.failures import is_transient, summary
from shared.telemetry import get_logger
from shared.tsvectors import Vector

log = get_logger(__name__)

# Of a ticket that goes on for years, what was written last is searched.
MAX_CHARACTERS = 100_000
_MAX_MESSAGES = 1_000
# What one transaction takes on: entries of the history, or tickets. Texts are read of a few tickets at once.
_ENTRIES = 200
_CHARACTERS = 500_000
_TICKETS_AT_ONCE = 10
# Most words of a text were written before; so many are remembered not to be kept once more.
_REMEMBERED = 200_000

# A word as it is spelled; the language in which it has other forms, if one is known; and it as documents have it.
Spelled = tuple[str, str | None, str]


class Indexer:
    """Makes documents of what was written since the last time. One per process; several processes take turns."""

    def __init__(self) -> None:
        self._seen: deque[Horizon] = deque()
        self._settled = 0
        self._kept: set[Spelled] = set()

    async def run(self, session: AsyncSession, _now: datetime) -> int:
        """Make the next documents; returns how many entries of the history they follow, or tickets were made anew."""
        repository = DocumentRepository(session)
        self._look(await repository.horizon())
        if not await repository.take_turn():
            return 0
        progress = await repository.progress(self._settled)
        touched = await repository.touched(progress.done, self._settled, _ENTRIES)
        if touched:
            made = await self._make(session, list({entry.ticket_id: None for entry in touched if entry.wrote}))
            left = (place for place, each in enumerate(touched) if each.wrote and each.ticket_id not in made)
            followed = touched[: next(left, None)]
            await repository.keep_progress(Progress(followed[-1].id, progress.remade))
            return len(followed)
        if progress.remade is None or not self._settled:
            return 0
        older = await repository.before(progress.remade, _ENTRIES)
        made = await self._make(session, older)
        await repository.keep_progress(Progress(progress.done, older[len(made) - 1] if older else None))
        return len(made)

    async def _make(self, session: AsyncSession, ticket_ids: Sequence[UUID]) -> set[UUID]:
        """Make documents of these tickets, or of the first of them where they are long; returns of which."""
        documents, spelled = await _read_tickets(DocumentRepository(session), ticket_ids)
        await _keep(session, documents)
        await DocumentRepository(session).keep_subjects([document.ticket_id for document in documents])
        await self._keep_words(WordRepository(session), spelled - self._kept)
        return {document.ticket_id for document in documents}

    def _look(self, now: Horizon) -> None:
        """Entries up to one that was the last are all there when the transactions of that time are over."""
        if now.last > (self._seen[-1].last if self._seen else self._settled):
            self._seen.append(now)
        while self._seen and self._seen[0].next_transaction <= now.oldest_transaction:
            self._settled = self._seen.popleft().last

    async def _keep_words(self, repository: WordRepository, spelled: set[Spelled]) -> None:
        """What was there already is there for good; what is new may yet be taken back."""
        words: dict[str, set[str]] = defaultdict(set)
        for spelling, language, word in spelled:
            words[word] |= stems(spelling, language) if language else set()
        there = await repository.add(words)
        if len(self._kept) > _REMEMBERED:
            self._kept.clear()
        self._kept |= {each for each in spelled if each[2] in there}


async def _read_tickets(
    repository: DocumentRepository, ticket_ids: Sequence[UUID]
) -> tuple[Sequence[Document], set[Spelled]]:
    documents: list[Document] = []
    spelled: set[Spelled] = set()
    characters = 0
    for first in range(0, len(ticket_ids), _TICKETS_AT_ONCE):
        ids = ticket_ids[first : first + _TICKETS_AT_ONCE]
        texts = defaultdict(list)
        for row in await repository.texts(ids, most=MAX_CHARACTERS, messages_at_most=_MAX_MESSAGES):
            texts[row.ticket_id].append(row)
        about = await repository.about(ids)
        for ticket_id in ids:
            if characters > _CHARACTERS:
                return documents, spelled
            ticket = about[ticket_id]
            vector = await _vector(ticket.subject, texts[ticket_id], marks_of(ticket.written_at))
            read = _read(vector, ticket.language)
            for of_document in {each[1] for each in read} - {None}:
                vector.mark(language_mark(str(of_document)))
            spelled |= read
            documents.append(Document(ticket_id, ticket.created_at, ticket.written_at, ticket.language, str(vector)))
            characters += sum(len(row.text) for row in texts[ticket_id])
    return documents, spelled


async def _keep(session: AsyncSession, documents: Sequence[Document]) -> None:
    """Write documents; one that PostgreSQL does not take stays empty, and the others are found all the same."""
    repository = DocumentRepository(session)
    try:
        async with session.begin_nested():
            await repository.keep(documents)
    except DBAPIError as error:
        if is_transient(error):
            raise
        if len(documents) == 1:
            log.error("search.document_refused", ticket_id=str(documents[0].ticket_id), error=summary(error))
            await repository.keep([replace(documents[0], words="")])
            return
        for document in documents:
            await _keep(session, [document])


def _read(vector: Vector, language: str | None) -> set[Spelled]:
    """The words of a document that have other forms or may be misspelt, each in the language that it is read in."""
    return {
        (spelling.lower(), language_of(word, language), word)
        for word, spelling in vector.spelled.items()
        if is_kept(word)
    }


async def _vector(subject: str, messages: Sequence[AnyRow], marks: Sequence[str]) -> Vector:
    """A ticket's document; others get their turn between the messages."""
    vector = Vector()
    for mark in marks:
        vector.mark(mark)
    vector.add(subject, SUBJECT)
    for row in messages:
        vector.add(row.text, weight_of(row.kind, withheld=row.withheld))
        await asyncio.sleep(0)
    return vector
