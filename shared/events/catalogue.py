"""All event types by wire name, and the topics they travel on."""

from collections.abc import Mapping
from inspect import isclass
from types import ModuleType

from shared.events import accounts, forms, knowledge, messages, notifications, routing, sla, tickets
from shared.events.base import EventData

TOPICS: tuple[str, ...] = (
    "desk.accounts",
    "desk.inbound",
    "desk.insights",
    "desk.knowledge",
    "desk.messages",
    "desk.notifications",
    "desk.routing",
    "desk.sla",
    "desk.tickets",
)


def _collect(*modules: ModuleType) -> dict[str, type[EventData]]:
    found: dict[str, type[EventData]] = {}
    for module in modules:
        for value in vars(module).values():
            if isclass(value) and issubclass(value, EventData) and "type" in vars(value):
                if value.topic not in TOPICS:
                    raise ValueError(f"{value.__name__}: topic {value.topic!r} is not declared in TOPICS")
                if found.setdefault(value.type, value) is not value:
                    raise ValueError(f"{value.type} is defined twice: {found[value.type].__name__}, {value.__name__}")
    return found


_TYPES = _collect(accounts, forms, knowledge, messages, notifications, routing, sla, tickets)


def event_types() -> Mapping[str, type[EventData]]:
    """Every event type, keyed by its wire name."""
    return _TYPES


def model_of(type_: str) -> type[EventData] | None:
    """The model of a wire type, or None for a type this version does not know (a reader skips it)."""
    return _TYPES.get(type_)
