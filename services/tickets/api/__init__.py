"""Routes of tickets, by feature."""

from services.tickets.api.bulk import router as bulk
from services.tickets.api.customer_merges import router as customer_merges
from services.tickets.api.customers import router as customers
from services.tickets.api.drafts import router as drafts
from services.tickets.api.followers import router as followers
from services.tickets.api.imports import router as imports
from services.tickets.api.links import router as links
from services.tickets.api.lists import router as lists
from services.tickets.api.macros import router as macros
from services.tickets.api.merges import router as merges
from services.tickets.api.organisations import router as organisations
from services.tickets.api.portal import router as portal
from services.tickets.api.requesters import router as requesters
from services.tickets.api.reviews import router as reviews
from services.tickets.api.scheduled import router as scheduled
from services.tickets.api.search import router as search
from services.tickets.api.settings import router as settings
from services.tickets.api.snooze import router as snooze
from services.tickets.api.templates import router as templates
from services.tickets.api.threads import router as threads
from services.tickets.api.tickets import router as tickets
from services.tickets.api.timeline import router as timeline
from services.tickets.api.views import router as views

# The search, imports, templates and lists first: their paths look like that of a ticket.
ROUTERS = (
    search,
    imports,
    templates,
    lists,
    views,
    tickets,
    threads,
    timeline,
    merges,
    reviews,
    requesters,
    links,
    drafts,
    scheduled,
    followers,
    snooze,
    bulk,
    macros,
    customers,
    customer_merges,
    organisations,
    settings,
    portal,
)

__all__ = ["ROUTERS"]
