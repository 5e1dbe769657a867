"""The services of the desk, in the order in which they are started and named."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service and the port it prefers on the loopback interface when it runs embedded."""

    name: str
    port: int


ROSTER: tuple[ServiceEntry, ...] = (
    ServiceEntry("gateway", 8101),
    ServiceEntry("ingestion", 8102),
    ServiceEntry("tickets", 8103),
    ServiceEntry("routing", 8104),
    ServiceEntry("sla", 8105),
    ServiceEntry("analytics", 8106),
    ServiceEntry("knowledge", 8107),
)
SERVICES: tuple[str, ...] = tuple(entry.name for entry in ROSTER)
