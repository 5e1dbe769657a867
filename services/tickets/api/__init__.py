"""Routes of tickets, by feature."""

from services.tickets.api.customers import router as customers
from services.tickets.api.threads import router as threads
from services.tickets.api.tickets import router as tickets

ROUTERS = (tickets, threads, customers)

__all__ = ["ROUTERS"]
