"""What entries of a timeline are called."""

from services.tickets.domain.timeline import EntryKind
from services.tickets.domain.via import Via
from shared.events.common import Channel
from shared.events.tickets import MessageKind


def test_whatever_customers_write_through_is_named_in_the_history() -> None:
    assert {channel.value for channel in Channel} <= {via.value for via in Via}


def test_messages_of_every_kind_can_be_asked_for() -> None:
    assert {kind.value for kind in EntryKind} == {kind.value for kind in MessageKind} | {"change"}
