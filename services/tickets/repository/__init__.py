"""All SQL of tickets: one class per part of the schema, each over the caller's session."""

from services.tickets.repository.customers import CustomerRepository, Profile
from services.tickets.repository.drafts import Draft, DraftRepository
from services.tickets.repository.followers import FollowerRepository
from services.tickets.repository.lists import NOBODY, Filters, TicketLists, badge
from services.tickets.repository.messages import Delivery, MessageRepository
from services.tickets.repository.scheduled import ScheduledRepository
from services.tickets.repository.settings import SettingsRepository
from services.tickets.repository.tickets import TicketRepository

__all__ = [
    "NOBODY",
    "CustomerRepository",
    "Delivery",
    "Draft",
    "DraftRepository",
    "Filters",
    "FollowerRepository",
    "MessageRepository",
    "Profile",
    "ScheduledRepository",
    "SettingsRepository",
    "TicketLists",
    "TicketRepository",
    "badge",
]
