"""SQL of how many mails left."""

from collections.abc import Collection
from functools import cache
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.caps import AUTOMATIC_PAUSE, WINDOW, Caps, Sent


class CapRepository:
    """What caps are judged by: no query looks at more rows than its cap."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def left(self, mails: int) -> None:
        """Note that so many leave now. Who has noted makes others wait until the end of the transaction."""
        await self._session.execute(_left_sql(), {"mails": mails})

    async def in_all(self) -> int:
        """How many left within the window, replies and notices together; nobody else notes more meanwhile."""
        await self.left(0)
        return await self._session.scalar(_in_all_sql(), {"window": WINDOW}) or 0

    async def of_replies(self, tickets: Collection[UUID], recipients: Collection[str], caps: Caps) -> Sent:
        """How many replies left within the window for these tickets, and to these recipients."""
        in_all = await self.in_all()
        of_tickets = await self._session.execute(
            _of_tickets_sql(), {"tickets": sorted(tickets), "window": WINDOW, "most": caps.per_ticket}
        )
        to_them = (
            await self._session.execute(
                _to_recipients_sql(),
                {
                    "recipients": sorted(recipients),
                    "window": WINDOW,
                    "pause": AUTOMATIC_PAUSE,
                    "most": caps.per_recipient,
                },
            )
        ).all()
        return Sent(
            by_ticket={row.ticket_id: row.mails for row in of_tickets},
            by_recipient={row.recipient: row.mails for row in to_them},
            recently={row.recipient for row in to_them if row.recently},
            in_all=in_all,
        )

    async def told_by_nobody(self, conversations: Collection[UUID]) -> set[UUID]:
        """Those of the conversations whose last message to us no person wrote."""
        result = await self._session.execute(_told_by_nobody_sql(), {"conversations": sorted(conversations)})
        return set(result.scalars())


@cache
def _left_sql() -> TextClause:
    return text("""
        WITH old AS (DELETE FROM outbound_minutes WHERE minute < now() - interval '1 day')
        INSERT INTO outbound_minutes AS m (minute, mails) VALUES (date_trunc('minute', now()), :mails)
        ON CONFLICT (minute) DO UPDATE SET mails = m.mails + excluded.mails""")


@cache
def _in_all_sql() -> TextClause:
    return text(
        "SELECT CAST(sum(mails) AS bigint) FROM outbound_minutes WHERE minute > now() - CAST(:window AS interval)"
    )


@cache
def _of_tickets_sql() -> TextClause:
    return text("""
        SELECT t.ticket_id, s.mails FROM unnest(CAST(:tickets AS uuid[])) AS t (ticket_id)
        CROSS JOIN LATERAL (
            SELECT count(*) AS mails FROM (
                SELECT FROM outbound_messages m
                WHERE m.ticket_id = t.ticket_id AND m.begun_at > now() - CAST(:window AS interval)
                LIMIT :most) n) s""")


@cache
def _to_recipients_sql() -> TextClause:
    return text("""
        SELECT r.recipient, s.mails, EXISTS (
            SELECT FROM outbound_messages m
            WHERE m.recipient = r.recipient AND m.begun_at > now() - CAST(:pause AS interval)) AS recently
        FROM unnest(CAST(:recipients AS text[])) AS r (recipient)
        CROSS JOIN LATERAL (
            SELECT count(*) AS mails FROM (
                SELECT FROM outbound_messages m
                WHERE m.recipient = r.recipient AND m.begun_at > now() - CAST(:window AS interval)
                LIMIT :most) n) s""")


@cache
def _told_by_nobody_sql() -> TextClause:
    return text("""
        SELECT c.id FROM unnest(CAST(:conversations AS uuid[])) AS c (id)
        CROSS JOIN LATERAL (
            SELECT automatic FROM inbound_messages
            WHERE conversation_id = c.id ORDER BY received_at DESC LIMIT 1) m
        WHERE m.automatic""")
