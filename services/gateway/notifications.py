"""What accounts are told inside the desk: noted as it happens, listed, read, and forgotten."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.domain.notifications import MOST_KEPT, RETENTION, Notice, notification_frame
from services.gateway.repository import FORGET_ROWS, Repository
from shared.ids import uuid7

# Only who works here has a list to look into. What was not read yet gives way to the newest of its kind: a ticket that
# was written to ten times is one thing to look at. Whoever reads all at that moment locks in the same order.
_NOTE = text("""
    WITH told AS (
        SELECT n.* FROM unnest(CAST(:ids AS uuid[]), CAST(:accounts AS uuid[]), CAST(:kinds AS text[]),
                               CAST(:tickets AS uuid[]), CAST(:numbers AS bigint[]), CAST(:authors AS text[]),
                               CAST(:moments AS timestamptz[]))
                     AS n (id, account_id, kind, ticket_id, ticket_number, author, created_at)
          JOIN gateway.accounts a ON a.id = n.account_id AND a.active AND a.role <> 'customer'
    ), outdone AS (
        SELECT o.id FROM gateway.notifications AS o
          JOIN told AS t ON o.account_id = t.account_id AND o.ticket_id = t.ticket_id AND o.kind = t.kind
         WHERE o.read_at IS NULL ORDER BY o.id FOR UPDATE OF o
    ), dropped AS (
        DELETE FROM gateway.notifications WHERE id IN (SELECT id FROM outdone)
    )
    INSERT INTO gateway.notifications (id, account_id, kind, ticket_id, ticket_number, author, created_at)
    SELECT * FROM told
    RETURNING account_id""")
_LIST = text("""
    SELECT id, kind, ticket_id, ticket_number, author, created_at, read_at FROM gateway.notifications
     WHERE account_id = :account_id AND (CAST(:after AS uuid) IS NULL OR id < :after)
       AND (read_at IS NULL OR NOT :unread)
     ORDER BY id DESC LIMIT :limit""")
_COUNT = text("SELECT count(*) FROM gateway.notifications WHERE account_id = :account_id AND read_at IS NULL")
_READ = text("""
    WITH unread AS (
        SELECT id FROM gateway.notifications
         WHERE account_id = :account_id AND id = ANY(CAST(:ids AS uuid[])) AND read_at IS NULL ORDER BY id FOR UPDATE
    )
    UPDATE gateway.notifications SET read_at = :now WHERE id IN (SELECT id FROM unread)""")
_FORGET = text("""
    DELETE FROM gateway.notifications WHERE id IN (
        SELECT id FROM (SELECT id, created_at, row_number() OVER (PARTITION BY account_id ORDER BY id DESC) AS place
                          FROM gateway.notifications) AS kept
         WHERE created_at < :before OR place > :most LIMIT :rows)
    RETURNING 1""")


async def note(session: AsyncSession, notices: Sequence[Notice]) -> list[UUID]:
    """Keep what accounts are told, instead of what they have not read of the same; returns whom, each once."""
    if not notices:
        return []
    parameters = {
        "ids": [uuid7() for _ in notices],
        "accounts": [notice.account_id for notice in notices],
        "kinds": [notice.kind for notice in notices],
        "tickets": [notice.ticket_id for notice in notices],
        "numbers": [notice.ticket_number for notice in notices],
        "authors": [notice.author for notice in notices],
        "moments": [notice.at for notice in notices],
    }
    return list(dict.fromkeys((await session.execute(_NOTE, parameters)).scalars()))


async def listed(
    session: AsyncSession, account_id: UUID, *, unread: bool, after: UUID | None, limit: int
) -> Sequence[Any]:
    """What an account was told, newest first; with `unread` only what it has not read."""
    parameters = {"account_id": account_id, "unread": unread, "after": after, "limit": limit}
    return (await session.execute(_LIST, parameters)).mappings().all()


async def count_unread(session: AsyncSession, account_id: UUID) -> int:
    """How many notifications an account has not read."""
    return int((await session.execute(_COUNT, {"account_id": account_id})).scalar_one())


async def read(session: AsyncSession, account_id: UUID, ids: Collection[UUID], now: datetime) -> None:
    """Mark an account's own notifications as read; its other windows are told. Ids of others change nothing."""
    result = await session.execute(_READ, {"account_id": account_id, "ids": list(ids), "now": now})
    if result.rowcount:  # type: ignore[attr-defined]
        await Repository(session).append_frames([notification_frame(account_id)])


async def forget(session: AsyncSession, now: datetime) -> int:
    """Drop what is old or too much for one account; returns how many, at most a batch."""
    parameters = {"before": now - RETENTION, "most": MOST_KEPT, "rows": FORGET_ROWS}
    return len((await session.execute(_FORGET, parameters)).all())
