"""Which use case an event type goes to: the whole of a service's `consumers.py`."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from shared.events import TOPICS, Event, EventData
from shared.messaging.envelope import Record

D = TypeVar("D", bound=EventData)

Handler = Callable[[AsyncSession, Sequence[Event[D]]], Awaitable[None]]
RecordHandler = Callable[[AsyncSession, Sequence[Record]], Awaitable[None]]


@dataclass(slots=True)
class Handlers:
    """The subscriptions of one consumer; `consumer` is also its group on the broker (`desk.<consumer>`).

    A handler is called inside the batch's transaction with new events only, at most one per aggregate (unless it is
    there for whole batches, `on_all`), in the order they came; one of several types gets them together. Raising makes
    each of them be tried alone; what then still raises becomes a dead letter.
    """

    consumer: str = ""
    by_type: dict[str, list[Handler[Any]]] = field(default_factory=dict)
    by_topic: dict[str, RecordHandler] = field(default_factory=dict)
    at_once: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)

    def on(self, data: type[D], handler: Handler[D]) -> Self:
        """Call `handler` for every event of the type of `data`."""
        if data.type in self.at_once:
            raise ValueError(f"{data.type} is handled by whole batches already")
        self.by_type.setdefault(data.type, []).append(handler)
        self.topics.add(data.topic)
        return self

    def on_all(self, types: Iterable[type[EventData]], handler: Handler[Any]) -> Self:
        """Call `handler` once for each batch, with all its events of these types in the order they came.

        Several may be of one aggregate, and all come before the batch's events of other types. Right for who takes
        several events of one aggregate in their order itself, so that all of a batch is read, locked and written once;
        and who does not need that the same consumer's other types come in order with these.
        """
        for data in types:
            if data.type in self.by_type:
                raise ValueError(f"{data.type} is handled event by event already")
            self.on(data, handler)
            self.at_once.add(data.type)
        return self

    def on_topic(self, topic: str, handler: RecordHandler) -> Self:
        """Call `handler` for every raw record of a topic that others than our services write to.

        Such records have no aggregate version; the handler itself must know what it has seen before.
        """
        if topic not in TOPICS:
            raise ValueError(f"topic {topic!r} is not declared in the catalogue")
        self.by_topic[topic] = handler
        self.topics.add(topic)
        return self

    def include(self, other: "Handlers") -> Self:
        """Take over the subscriptions of a fragment that several services share."""
        for type_, handlers in other.by_type.items():
            self.by_type.setdefault(type_, []).extend(handlers)
        self.by_topic.update(other.by_topic)
        self.at_once |= other.at_once
        self.topics |= other.topics
        return self
