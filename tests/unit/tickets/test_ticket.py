"""What changes of a ticket, and what a routing proposal may still rest on."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from services.tickets.domain.routing import why_declined
from services.tickets.domain.ticket import default_priority, differences, moved
from shared.events.common import Priority, TicketStatus, TicketType
from shared.events.routing import TicketRouted
from tests.unit.tickets.test_status import START, a_ticket


def test_the_priority_asked_for_wins_and_incidents_are_high_by_themselves() -> None:
    assert default_priority(Priority.LOW, TicketType.INCIDENT) is Priority.LOW
    assert default_priority(None, TicketType.INCIDENT) is Priority.HIGH
    assert default_priority(None, TicketType.QUESTION) is Priority.NORMAL


def test_differences_are_json_values_of_editable_fields_only() -> None:
    before = a_ticket()
    assignee = uuid4()
    after = replace(before, assignee_id=assignee, tags=("x",), message_count=9, updated_at=START + timedelta(days=1))
    found = {field: (change.before, change.after) for field, change in differences(before, after).items()}
    assert found == {"assignee_id": (None, str(assignee)), "tags": ([], ["x"])}


@pytest.mark.parametrize(("changed", "stale"), [({"subject"}, False), ({"tags", "status"}, False), ({"group"}, True)])
def test_only_what_routing_rests_on_makes_a_proposal_stale(changed: set[str], *, stale: bool) -> None:
    before = a_ticket()
    after = moved(before, before, changed, START)
    assert after.version == 2
    assert bool(why_declined(after, proposal_at(before.version), assignee_is_active=True)) is stale


@pytest.mark.parametrize("status", list(TicketStatus))
def test_only_tickets_that_wait_for_us_are_routed(status: TicketStatus) -> None:
    declined = why_declined(a_ticket(status), proposal_at(1), assignee_is_active=True)
    assert (declined == "") == (status in {TicketStatus.NEW, TicketStatus.OPEN})


def test_an_assigned_ticket_or_an_inactive_agent_is_declined() -> None:
    ticket = a_ticket()
    assert why_declined(ticket, proposal_at(1), assignee_is_active=False)
    assert why_declined(replace(ticket, assignee_id=uuid4()), proposal_at(1), assignee_is_active=True)


def proposal_at(version: int) -> TicketRouted:
    return TicketRouted(
        decision_id=uuid4(),
        ticket_id=uuid4(),
        ticket_version=version,
        assignee_id=uuid4(),
        group=None,
        queue="default",
        reasons=(),
        candidates=(),
        routed_at=START,
    )
