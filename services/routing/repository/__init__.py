"""All SQL of routing, by what it is about. Statements take whole batches; the session's search path names the schema.

Lock order: rows of `tickets` in order of their ids, then `reservations`, then the lock of assignment. Work that holds
that one first takes ticket rows only with SKIP LOCKED. One transaction may handle several types of events, one after
the other; should two processes then wait for each other, PostgreSQL ends one, and its batch is tried again.
"""

from services.routing.repository.agents import AgentRepository
from services.routing.repository.decisions import DecisionRepository, PlannedDecision
from services.routing.repository.queues import QueueRepository
from services.routing.repository.tickets import Observation, Release, TicketRepository

__all__ = [
    "AgentRepository",
    "DecisionRepository",
    "Observation",
    "PlannedDecision",
    "QueueRepository",
    "Release",
    "TicketRepository",
]
