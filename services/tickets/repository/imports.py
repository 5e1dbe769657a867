"""Which tickets came from another desk."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, any_, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import accounts, imported_tickets, tickets
from services.tickets.repository.rows import AnyRow, insert_rows


class ImportRepository:
    """Imported tickets by what they were called there."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def take_turns(self, source: str, external_ids: Collection[str]) -> None:
        """Wait for those who import one of the same tickets just now, and let others wait for this transaction."""
        await self.session.execute(
            text("""
                SELECT pg_advisory_xact_lock(key) FROM (
                    SELECT DISTINCT hashtextextended(concat_ws(chr(31), 'tickets.import', CAST(:source AS text), id), 0)
                        AS key
                    FROM unnest(CAST(:ids AS text[])) AS u (id) ORDER BY key) AS keys"""),
            {"source": source, "ids": list(external_ids)},
        )

    async def known(self, source: str, external_ids: Collection[str]) -> dict[str, AnyRow]:
        """Those that are here: `ticket_id`, `number` and `digest`, by what they were called there."""
        query = (
            select(imported_tickets, tickets.c.number)
            .join(tickets, tickets.c.id == imported_tickets.c.ticket_id)
            .where(
                imported_tickets.c.source == source,
                imported_tickets.c.external_id == any_(literal(list(external_ids), ARRAY(Text))),
            )
        )
        return {row.external_id: row for row in await self.session.execute(query)}

    async def keep(self, source: str, new: Sequence[tuple[str, UUID, bytes]], now: datetime) -> None:
        """Note tickets that came just now: what they were called, what they are, and their digests."""
        rows: list[Mapping[str, object]] = [
            {
                "source": source,
                "external_id": external_id,
                "ticket_id": ticket_id,
                "digest": rf"\x{digest.hex()}",
                "imported_at": now,
            }
            for external_id, ticket_id, digest in new
        ]
        await insert_rows(self.session, imported_tickets, rows)

    async def colleagues(self, emails: Collection[str]) -> dict[str, AnyRow]:
        """Accounts that are not customers', by their addresses in normal form; one that is in use before others."""
        query = (
            select(accounts.c.id, accounts.c.name, accounts.c.email, accounts.c.active)
            .where(accounts.c.email == any_(literal(sorted(emails), ARRAY(Text))), accounts.c.role != "customer")
            .order_by(accounts.c.active, accounts.c.version)
        )
        return {row.email: row for row in await self.session.execute(query)}
