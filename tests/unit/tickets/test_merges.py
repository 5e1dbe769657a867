"""Where a merged ticket's conversation goes on, and what a merge makes of both tickets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.merges import as_before, as_source, as_target, merged_into, standing
from services.tickets.domain.reviews import Review, ReviewReason
from services.tickets.domain.ticket import Ticket
from shared.events.common import Channel, Requester, TicketStatus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DONE = {TicketStatus.SOLVED, TicketStatus.CLOSED}


def ticket(status: TicketStatus = TicketStatus.OPEN, **fields: object) -> Ticket:
    solved_at = NOW - timedelta(days=1) if status in DONE else None
    made = Ticket(
        id=uuid4(),
        subject="x",
        channel=Channel.EMAIL,
        requester=Requester(customer_id=uuid4(), name=""),
        conversation_id=uuid4(),
        created_at=NOW,
        updated_at=NOW,
        status=status,
        solved_at=solved_at,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 9), min_size=10, max_size=10))
def test_every_chain_has_an_end_whatever_is_in_the_table(targets: list[int]) -> None:
    ids = [UUID(int=n + 1) for n in range(10)]
    tickets = {ids[n]: ticket(id=ids[n], merged_into=ids[to] if to != n else None) for n, to in enumerate(targets)}
    for start in ids:
        end = merged_into(start, tickets)
        reached, at = {start}, start
        while (after := tickets[at].merged_into) is not None and after not in reached:
            reached.add(after)
            at = after
        assert end in reached
        if tickets[at].merged_into is None:
            assert end == at, "without a circle it is the last one"


@pytest.mark.parametrize("status", TicketStatus)
def test_a_merge_taken_back_leaves_nothing(status: TicketStatus) -> None:
    review = Review(uuid4(), ReviewReason.SENDER_UNPROVEN)
    before = ticket(status, status_key="own", snoozed_until=None if status in DONE else NOW, review=review)
    source = as_source(before, uuid4(), NOW)
    assert (source.status, source.snoozed_until, source.review) == (TicketStatus.CLOSED, None, None)
    assert source.solved_at is not None
    assert as_before(source, standing(before)) == before


@pytest.mark.parametrize("source", TicketStatus)
@pytest.mark.parametrize("target", [status for status in TicketStatus if status is not TicketStatus.CLOSED])
def test_no_question_vanishes_in_a_ticket_that_is_not_worked_on(source: TicketStatus, target: TicketStatus) -> None:
    after = as_target(ticket(target), [ticket(source)], NOW)
    if source in {TicketStatus.NEW, TicketStatus.OPEN}:
        assert after.status not in {TicketStatus.PENDING, TicketStatus.SOLVED}
    else:
        assert after.status is target
    assert (after.solved_at is not None) is (after.status in DONE)
