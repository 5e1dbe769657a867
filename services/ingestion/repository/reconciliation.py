"""SQL of reconciliation: what came, and what became of it."""

from datetime import datetime
from functools import cache

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.reconciliation import Counted


class ReconciliationRepository:
    """Counts of deliveries."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def counts(self, since: datetime, until: datetime) -> list[Counted]:
        """Deliveries from `since` to before `until`, by mailbox and by what became of the message each made."""
        result = await self._session.execute(counts_sql(), {"since": since, "until": until})
        return [Counted(*row) for row in result]


@cache
def counts_sql() -> TextClause:
    """One pass over the window. A delivery that made a message that is not there any more counts as `missing`."""
    return text("""
        SELECT d.mailbox_id, b.address,
            CASE
                WHEN NOT d.made_message THEN 'again'
                WHEN m.id IS NULL THEN 'missing'
                WHEN m.status = 'quarantined' THEN 'quarantined'
                WHEN m.status = 'stored' OR m.outcome IS NULL THEN 'pending'
                ELSE m.outcome
            END AS bucket,
            CASE WHEN m.status = 'quarantined' OR m.outcome = 'ignored' THEN m.reason END AS reason,
            count(*)
        FROM mail_deliveries d
        LEFT JOIN inbound_messages m ON d.made_message AND m.id = d.message_id
        LEFT JOIN mailboxes b ON b.id = d.mailbox_id
        WHERE d.delivered_at >= :since AND d.delivered_at < :until
        GROUP BY 1, 2, 3, 4
        ORDER BY 1 NULLS FIRST, 3, 4""")
