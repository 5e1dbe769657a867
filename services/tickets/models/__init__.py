"""Tables of the schema `tickets`, by what they are about. `repository` makes values of `domain` from their rows."""

from services.tickets.models.base import metadata
from services.tickets.models.customer import (
    accounts,
    customer_facts,
    customer_history,
    customer_identities,
    customer_merge_tickets,
    customer_merges,
    customers,
    organisation_domains,
    organisations,
)
from services.tickets.models.job import bulk_items, bulk_jobs, imported_tickets
from services.tickets.models.link import merges, splits, ticket_links
from services.tickets.models.macro import macro_uses, macros, ticket_templates
from services.tickets.models.search import search_documents, search_progress, search_subjects, search_words
from services.tickets.models.ticket import (
    conversations,
    field_values,
    messages,
    participants,
    settings,
    ticket_history,
    ticket_number,
    tickets,
)
from services.tickets.models.view import views
from services.tickets.models.writing import draft_version, drafts, scheduled_messages, ticket_followers, uploads

__all__ = [
    "accounts",
    "bulk_items",
    "bulk_jobs",
    "conversations",
    "customer_facts",
    "customer_history",
    "customer_identities",
    "customer_merge_tickets",
    "customer_merges",
    "customers",
    "draft_version",
    "drafts",
    "field_values",
    "imported_tickets",
    "macro_uses",
    "macros",
    "merges",
    "messages",
    "metadata",
    "organisation_domains",
    "organisations",
    "participants",
    "scheduled_messages",
    "search_documents",
    "search_progress",
    "search_subjects",
    "search_words",
    "settings",
    "splits",
    "ticket_followers",
    "ticket_history",
    "ticket_links",
    "ticket_number",
    "ticket_templates",
    "tickets",
    "uploads",
    "views",
]
