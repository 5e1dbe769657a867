"""All SQL of tickets: one class per part of the schema, each over the caller's session."""

from services.tickets.repository.customers import CustomerRepository, Profile
from services.tickets.repository.lists import NOBODY, Filters, Position, Sort, TicketLists, badge, sort_value
from services.tickets.repository.messages import Delivery, MessageRepository
from services.tickets.repository.tickets import TicketRepository

__all__ = [
    "NOBODY",
    "CustomerRepository",
    "Delivery",
    "Filters",
    "MessageRepository",
    "Position",
    "Profile",
    "Sort",
    "TicketLists",
    "TicketRepository",
    "badge",
    "sort_value",
]
