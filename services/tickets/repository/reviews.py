"""Who writes, and where that leads: what reviews, and agents who write by mail, rest on."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.models import accounts, participants, tickets
from services.tickets.repository.rows import AnyRow


class ReviewRepository:
    """Where a claim leads, who is let in, and who is an agent."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def end_of_line(self, ticket_id: UUID) -> UUID:
        """The ticket in which a ticket goes on, after all merges; or the ticket."""
        line = select(tickets.c.id, tickets.c.merged_into).where(tickets.c.id == ticket_id).cte("line", recursive=True)
        line = line.union(select(tickets.c.id, tickets.c.merged_into).join(line, tickets.c.id == line.c.merged_into))
        found = await self.session.scalar(select(line.c.id).where(line.c.merged_into.is_(None)))
        return found or ticket_id

    async def let_in(self, ticket_id: UUID, customer_id: UUID) -> None:
        """Let a customer who takes part aside do so in full: the requester sees what they write from now on."""
        pair = (participants.c.ticket_id == ticket_id) & (participants.c.customer_id == customer_id)
        await self.session.execute(update(participants).where(pair).values(aside=False))

    async def agents_at(self, addresses: Collection[str]) -> Sequence[AnyRow]:
        """Ids, names, roles and addresses of the active accounts of those who work here, by address in normal form."""
        query = select(accounts.c.id, accounts.c.name, accounts.c.role, accounts.c.email).where(
            accounts.c.email == any_(literal(sorted(addresses), ARRAY(Text))),
            accounts.c.role != "customer",
            accounts.c.active,
        )
        return (await self.session.execute(query)).all()
