"""Putting a ticket off."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.tickets.domain.errors import TicketClosedError
from services.tickets.domain.snooze import MAX_AHEAD, snoozed
from services.tickets.domain.ticket import Ticket, with_customer_message, with_message, with_status
from services.tickets.service.threads import as_actor, new_message
from shared.events.common import Channel, Requester, TicketStatus
from shared.events.tickets import MessageKind
from shared.ids import uuid7
from tests.integration.events import START

TICKET = Ticket(
    id=uuid7(),
    subject="Printer on fire",
    channel=Channel.EMAIL,
    requester=Requester(customer_id=uuid7(), name="Ana"),
    conversation_id=uuid7(),
    created_at=START,
    updated_at=START,
    status=TicketStatus.PENDING,
)
ASLEEP = snoozed(TICKET, START + timedelta(days=1), START)


def test_it_stays_what_it_is_and_is_put_off() -> None:
    assert replace(ASLEEP, snoozed_until=None) == TICKET
    assert snoozed(ASLEEP, None, START) == TICKET


@pytest.mark.parametrize("ahead", [timedelta(0), -timedelta(days=1), MAX_AHEAD + timedelta(seconds=1)])
def test_a_time_is_ahead_and_not_too_far(ahead: timedelta) -> None:
    with pytest.raises(ValueError, match=r"over already|days ahead"):
        snoozed(TICKET, START + ahead, START)


def test_what_is_closed_stays_as_it_is() -> None:
    with pytest.raises(TicketClosedError):
        snoozed(replace(TICKET, status=TicketStatus.CLOSED), START + timedelta(days=1), START)


def test_its_customer_wakes_it_and_so_does_its_solution_but_no_note() -> None:
    word = new_message(ASLEEP, MessageKind.CUSTOMER, as_actor(ASLEEP.requester), "Well?", START)
    assert with_customer_message(ASLEEP, word).snoozed_until is None
    assert with_status(ASLEEP, TicketStatus.SOLVED, START).snoozed_until is None
    solved = replace(ASLEEP, status=TicketStatus.SOLVED, solved_at=START)
    assert with_status(solved, TicketStatus.CLOSED, START) == replace(
        solved, status=TicketStatus.CLOSED, snoozed_until=None
    )
    assert with_status(ASLEEP, TicketStatus.ON_HOLD, START).snoozed_until == ASLEEP.snoozed_until
    note = replace(word, kind=MessageKind.NOTE)
    assert with_message(ASLEEP, note).snoozed_until == ASLEEP.snoozed_until
