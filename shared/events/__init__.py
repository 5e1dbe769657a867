"""The catalogue: the only place where an event type is defined.

One module per producing service. `shared.events.catalogue` collects them, and refuses two models of one type.
"""

from shared.events.base import Event, EventData, EventModel
from shared.events.catalogue import TOPICS, event_types, model_of

__all__ = ["TOPICS", "Event", "EventData", "EventModel", "event_types", "model_of"]
