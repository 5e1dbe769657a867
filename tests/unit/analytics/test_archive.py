"""The archive keeps no personal text, and every field of what it keeps was decided on."""

import json
import types
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Union, get_args, get_origin
from uuid import uuid4

import pytest
from pydantic import BaseModel

from services.analytics.consumers import handlers
from services.analytics.domain.archive import KEPT, REMOVED, archived
from shared.events import Event, event_types
from shared.events.common import Actor, ActorKind, AttachmentRef, Channel
from shared.events.messages import MessageFailed
from shared.events.tickets import (
    FieldChange,
    MessageKind,
    ThreadMessage,
    TicketChanged,
    TicketCreated,
    TicketMessageAdded,
)
from tests.unit.analytics.test_facts import snapshot

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PERSONAL = ("Where is my parcel", "Jürgen", "example.org", "Asha", "secret", "passport.pdf")


def event(data: Any) -> Event[Any]:
    return Event(
        id=uuid4(), source=data.source, aggregate_id="a", aggregate_version=1, time=NOW, data=data, correlation_id="c"
    )


def people_texts() -> list[Any]:
    agent = Actor(kind=ActorKind.AGENT, id="a1", name="Asha Rao")
    ticket = snapshot()
    file = AttachmentRef(id=uuid4(), key="k/secret", name="passport.pdf", content_type="application/pdf", size_bytes=1)
    message = ThreadMessage(
        id=uuid4(),
        kind=MessageKind.REPLY,
        channel=Channel.EMAIL,
        author=agent,
        text="secret",
        attachments=(file,),
        added_at=NOW,
        reply_to_external_id="<secret@example.org>",
    )
    return [
        TicketCreated(ticket=ticket, message=message, actor=agent),
        TicketChanged(
            ticket=ticket,
            changes={
                "subject": FieldChange(before="secret", after="secret"),
                "requester": FieldChange(before={"name": "Jürgen"}),
                "status": FieldChange(before="new", after="open"),
            },
            actor=agent,
            cause="agent",
            changed_at=NOW,
        ),
        TicketMessageAdded(ticket=ticket, message=message),
        MessageFailed(
            message_id=uuid4(), ticket_id=ticket.id, conversation_id=uuid4(), failed_at=NOW, reason="secret", attempts=1
        ),
    ]


@pytest.mark.parametrize("data", people_texts(), ids=lambda data: data.type)
def test_nothing_that_people_wrote_or_are_called_is_archived(data: Any) -> None:
    text = archived(event(data)).data
    assert [word for word in PERSONAL if word in text] == []


def test_changes_of_counted_fields_are_kept() -> None:
    (change,) = [data for data in people_texts() if isinstance(data, TicketChanged)]
    assert json.loads(archived(event(change)).data)["changes"] == {"status": {"before": "new", "after": "open"}}


def models_within(annotation: Any) -> Iterator[type[BaseModel]]:
    if get_origin(annotation) in {Union, types.UnionType, tuple, list}:
        for argument in get_args(annotation):
            yield from models_within(argument)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def undecided(model: type[BaseModel], kept: Any, path: str) -> Iterator[str]:
    """Paths of fields that are neither kept nor removed. True keeps a leaf, so it must not hold a model."""
    names = dict.fromkeys(kept, True) if isinstance(kept, set) else dict(kept)
    names = names.get("__all__", names)
    for name, field in model.model_fields.items():
        inner = list(models_within(field.annotation))
        if name not in names:
            if name not in REMOVED:
                yield f"{path}.{name}"
        elif inner and names[name] is True:
            yield f"{path}.{name} is kept whole"
        elif inner:
            below: Mapping[str, Any] | set[str] = names[name]
            below = below["__all__"] if isinstance(below, dict) and "__all__" in below else below
            yield from undecided(inner[0], below, f"{path}.{name}")


@pytest.mark.parametrize("type_", sorted(KEPT))
def test_every_field_of_an_archived_event_is_kept_or_removed_on_purpose(type_: str) -> None:
    assert list(undecided(event_types()[type_], KEPT[type_], type_)) == []


def test_no_removed_field_is_kept_elsewhere() -> None:
    def names(kept: Any) -> Iterator[str]:
        for name in kept:
            yield name
            if isinstance(kept, dict) and not isinstance(kept[name], bool):
                yield from names(kept[name])

    kept = {name for type_ in KEPT for name in names(KEPT[type_])}
    assert kept & REMOVED.keys() == set()


def test_all_archived_types_are_consumed() -> None:
    assert KEPT.keys() <= handlers.by_type.keys()
