"""What other services found out about tickets and accounts; such facts never move the version that people edit."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.sla import SlaBadge, SlaEvent, badge_after
from services.tickets.repository import CustomerRepository, TicketRepository
from shared.events import Event
from shared.events.accounts import AccountChanged


async def keep_clocks(session: AsyncSession, events: Sequence[Event[SlaEvent]]) -> None:
    """Show in lists how a ticket's SLA clocks stand. Older facts than those shown change nothing."""
    tickets = TicketRepository(session)
    shown = await tickets.lock_badges({event.data.ticket_id for event in events})
    changed: dict[UUID, SlaBadge] = {}
    for event in sorted(events, key=lambda event: event.aggregate_version):
        ticket_id = event.data.ticket_id
        if ticket_id not in shown:
            continue
        badge = badge_after(shown[ticket_id], event.data, event.aggregate_version)
        if badge != shown[ticket_id]:
            shown[ticket_id] = changed[ticket_id] = badge
    await tickets.set_badges(changed)


async def keep_accounts(session: AsyncSession, events: Sequence[Event[AccountChanged]]) -> None:
    """Remember who signs in: names for lists, who may have tickets, and which customer an account is."""
    await CustomerRepository(session).keep_accounts([event.data for event in events])
