"""What the search looks into: a document for each ticket, made from its history, in the order of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import (
    messages,
    search_documents,
    search_progress,
    search_subjects,
    ticket_history,
    tickets,
)
from services.tickets.repository.rows import AnyRow
from shared.events.tickets import PUBLIC_KINDS

# The rules by which documents are made: with other ones all are made anew. Processes with older ones go on beside.
RULES = 5
_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Horizon:
    """The history's last entry; the first transaction that had not begun; the oldest one that was not over."""

    last: int
    next_transaction: int
    oldest_transaction: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The history's last entry that documents follow; the last ticket that was made anew, None if none is left."""

    done: int
    remade: UUID | None


@dataclass(frozen=True, slots=True)
class Touched:
    """An entry of the history; `wrote` says whether it may have changed the words of the ticket."""

    id: int
    ticket_id: UUID
    wrote: bool


@dataclass(frozen=True, slots=True)
class Document:
    """`words` is the text form of a tsvector; `language` that of the ticket, if it was known."""

    ticket_id: UUID
    opened_at: datetime
    written_at: datetime
    language: str | None
    words: str


def _texts(*kinds: str) -> Select[Any]:
    m = messages.c
    tickets_asked_for = func.unnest(bindparam("tickets", type_=ARRAY(Uuid)))
    asked_for = tickets_asked_for.table_valued("id").render_derived(name="asked_for")
    most = bindparam("most", type_=Integer)
    newest = select(m.id, m.ticket_id, m.kind, func.left(m.text, most).label("text"), m.position, m.withheld)
    newest = newest.where(m.ticket_id == asked_for.c.id)
    if kinds:
        newest = newest.where(m.kind.in_(kinds), not_(m.withheld))
    messages_at_most = bindparam("messages_at_most", type_=Integer)
    of_ticket = newest.order_by(m.position.desc()).limit(messages_at_most).lateral("of_ticket")
    newer = func.sum(func.length(of_ticket.c.text)).over(
        partition_by=of_ticket.c.ticket_id, order_by=of_ticket.c.position.desc(), rows=(None, -1)
    )
    query = select(of_ticket, func.coalesce(newer, 0).label("newer")).join_from(asked_for, of_ticket, true())
    found = query.subquery()
    return select(found).where(found.c.newer < most).order_by(found.c.ticket_id, found.c.position.desc())


_TEXTS, _PUBLIC_TEXTS = _texts(), _texts(*sorted(PUBLIC_KINDS))


class DocumentRepository:
    """Documents, and how far they follow the history."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def horizon(self) -> Horizon:
        """What one snapshot sees. To be asked before anything is written or locked: that is a transaction, too."""
        query = text(f"""
            SELECT (SELECT coalesce(max(id), 0) FROM {ticket_history.fullname}),
                   CAST(CAST(pg_snapshot_xmax(s) AS text) AS bigint), CAST(CAST(pg_snapshot_xmin(s) AS text) AS bigint)
            FROM pg_current_snapshot() AS s""")
        return Horizon(*(await self.session.execute(query)).one())

    async def take_turn(self) -> bool:
        """Whether this transaction may make documents: one at a time does, or several would make the same.

        Nobody waits for what it locks, so it may be slow.
        """
        query = text("""
            SELECT pg_try_advisory_xact_lock(hashtextextended('tickets.documents', 0)),
                   set_config('idle_in_transaction_session_timeout', '30s', true)""")
        return bool(await self.session.scalar(query))

    async def progress(self, settled: int) -> Progress:
        """How far documents are made; what is behind a settled entry of the history is there to be made anew.

        New rules follow the history from where older ones did, so that what is written is found at once.
        """
        progress = search_progress.c
        query = select(progress.rules, progress.done, progress.remade)
        query = query.order_by((progress.rules == RULES).desc(), progress.done.desc()).limit(1)
        row = (await self.session.execute(query)).one_or_none()
        if row and row.rules == RULES:
            return Progress(row.done, row.remade)
        return Progress(row.done if row else settled, _LAST_ID)

    async def keep_progress(self, progress: Progress) -> None:
        """Remember how far documents are made."""
        await self.session.execute(
            text(f"""
                INSERT INTO {search_progress.fullname} (rules, done, remade) VALUES (:rules, :done, :remade)
                ON CONFLICT (rules) DO UPDATE SET done = excluded.done, remade = excluded.remade"""),
            {"rules": RULES, "done": progress.done, "remade": progress.remade},
        )

    async def touched(self, after: int, until: int, limit: int) -> list[Touched]:
        """The next entries of the history.

        Which language a ticket is in may be known only after its document was made.
        """
        history, documents = ticket_history.c, search_documents.c
        wrote = or_(
            history.message_id.is_not(None),
            history.changes.has_key("subject"),
            documents.language.is_distinct_from(tickets.c.language),
        )
        query = (
            select(history.id, history.ticket_id, wrote)
            .join(tickets, tickets.c.id == history.ticket_id)
            .outerjoin(search_documents, documents.ticket_id == history.ticket_id)
            .where(history.id > after, history.id <= until)
        )
        return [Touched(*row) for row in await self.session.execute(query.order_by(history.id).limit(limit))]

    async def before(self, ticket_id: UUID, limit: int) -> Sequence[UUID]:
        """The next older tickets, the newest first."""
        query = select(tickets.c.id).where(tickets.c.id < ticket_id).order_by(tickets.c.id.desc()).limit(limit)
        return (await self.session.scalars(query)).all()

    async def about(self, ticket_ids: Sequence[UUID]) -> dict[UUID, AnyRow]:
        """Of each ticket `subject`, `created_at`, `written_at` (something public, last), and `language` if known."""
        last_public = func.coalesce(tickets.c.last_message_at, tickets.c.created_at).label("written_at")
        query = select(tickets.c.id, tickets.c.subject, tickets.c.created_at, last_public, tickets.c.language)
        return {row.id: row for row in await self.session.execute(query.where(tickets.c.id == _any(ticket_ids)))}

    async def texts(
        self, ticket_ids: Sequence[UUID], *, most: int, messages_at_most: int, public_only: bool = False
    ) -> Sequence[AnyRow]:
        """Messages of tickets, the newest first: `id`, `ticket_id`, `kind`, `withheld` and `text` (`most` characters).

        Of each ticket as many as it takes for `most` characters; nothing older is read.
        """
        values = {"tickets": list(ticket_ids), "most": most, "messages_at_most": messages_at_most}
        rows: Sequence[AnyRow] = (await self.session.execute(_PUBLIC_TEXTS if public_only else _TEXTS, values)).all()
        return rows

    async def keep(self, documents: Sequence[Document]) -> None:
        """Write documents over those that are there."""
        await self.session.execute(
            text(f"""
                INSERT INTO {search_documents.fullname} (ticket_id, opened_at, written_at, language, words)
                SELECT id, opened_at, written_at, language, CAST(words AS tsvector)
                FROM unnest(
                    CAST(:ids AS uuid[]), CAST(:opened AS timestamptz[]), CAST(:written AS timestamptz[]),
                    CAST(:languages AS text[]), CAST(:words AS text[])
                ) AS n (id, opened_at, written_at, language, words)
                ON CONFLICT (ticket_id) DO UPDATE
                SET opened_at = excluded.opened_at, written_at = excluded.written_at, language = excluded.language,
                    words = excluded.words"""),
            {
                "ids": [document.ticket_id for document in documents],
                "opened": [document.opened_at for document in documents],
                "written": [document.written_at for document in documents],
                "languages": [document.language for document in documents],
                "words": [document.words for document in documents],
            },
        )

    async def keep_subjects(self, ticket_ids: Sequence[UUID]) -> None:
        """Write down the subjects of these tickets that are new, or others than they were."""
        known, now = search_subjects.c, tickets.c
        changed = select(now.id, now.subject).outerjoin(search_subjects, known.ticket_id == now.id)
        changed = changed.where(now.id == _any(ticket_ids), now.subject.is_distinct_from(known.subject))
        kept = insert(search_subjects).from_select(["ticket_id", "subject"], changed)
        await self.session.execute(
            kept.on_conflict_do_update(index_elements=["ticket_id"], set_={"subject": kept.excluded.subject})
        )


def _any(ids: Sequence[UUID]) -> ColumnElement[Any]:
    return any_(literal(list(ids), ARRAY(Uuid)))
