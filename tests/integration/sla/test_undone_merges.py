"""A merge closes a ticket; undone, it has never been closed, and its customer has waited all the time."""

from datetime import datetime
from uuid import UUID

from services.sla import service
from shared.events.common import TicketStatus
from shared.events.sla import ClockState
from shared.events.tickets import FieldChange, TicketChanged
from shared.ids import uuid7
from tests.integration.events import at, event_of, ticket
from tests.integration.sla.harness import AGENT, FIRST_RESPONSE, HOUR, Desk


async def close(desk: Desk, ticket_id: UUID, seconds: float) -> None:
    await desk.change(ticket_id, seconds, status=TicketStatus.CLOSED, solved_at=at(seconds))


async def undo(desk: Desk, ticket_id: UUID, closed: float, seconds: float, status: TicketStatus) -> None:
    """As tickets tells that a merge is undone."""
    data = TicketChanged(
        ticket=ticket(ticket_id, status=status),
        changes={
            "status": FieldChange(before="closed", after=status.value),
            "solved_at": FieldChange(before=at(closed).isoformat(), after=None),
        },
        actor=AGENT,
        cause="merge.undone",
        changed_at=at(seconds),
    )
    await desk.take(service.take_tickets, event_of(data, ticket_id))


async def clocks(desk: Desk) -> list[tuple[str, datetime | None]]:
    rows = await desk.rows("SELECT state, due_at FROM clocks ORDER BY metric")
    return [(row.state, row.due_at) for row in rows]


async def test_the_clocks_of_a_ticket_whose_merge_is_undone_go_on_as_if_nothing_had_been(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    before = await clocks(desk)
    await close(desk, one, HOUR)
    assert [state for state, _ in await clocks(desk)] == [ClockState.CANCELLED, ClockState.MET]
    await undo(desk, one, HOUR, 2 * HOUR, TicketStatus.NEW)
    assert await clocks(desk) == before
    (_, last) = (await desk.told(one))[-1]
    assert [clock["state"] for clock in last["clocks"]] == ["running", "running"]
    assert last["next_due_at"] == at(FIRST_RESPONSE).isoformat().replace("+00:00", "Z")
    await desk.fire(FIRST_RESPONSE + 1)
    assert (await desk.types(one))[-1] == "sla.breached.v1"


async def test_what_became_due_meanwhile_was_missed_then(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    await close(desk, one, HOUR)
    await undo(desk, one, HOUR, 2 * FIRST_RESPONSE, TicketStatus.OPEN)
    await desk.fire(2 * FIRST_RESPONSE + 1)
    [missed] = await desk.rows("SELECT state, breached_at FROM clocks WHERE metric = 'first_response'")
    assert tuple(missed) == (ClockState.BREACHED, at(FIRST_RESPONSE))


async def test_a_first_response_that_was_given_stays_given(desk: Desk) -> None:
    one = uuid7()
    await desk.create(one)
    await desk.reply(one, 60)
    await close(desk, one, HOUR)
    await undo(desk, one, HOUR, 2 * HOUR, TicketStatus.PENDING)
    assert [state for state, _ in await clocks(desk)] == [ClockState.MET, ClockState.PAUSED]
