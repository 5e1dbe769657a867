"""The worker as it is started: settings reach the consumers and the timers."""

from datetime import timedelta
from typing import Any

import pytest

from services.routing.settings import RoutingSettings
from services.routing.worker import create_worker
from shared.db import now_utc
from shared.events import Event
from shared.events.common import TicketStatus
from shared.events.tickets import FieldChange, TicketChanged, TicketCreated, TicketRoutingDeclined
from shared.ids import uuid7
from tests.integration.events import event_of, ticket
from tests.integration.routing.harness import SOMEBODY, Desk, message


async def test_the_cool_down_that_is_set_holds_for_every_event_and_for_the_queues(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_ROUTING_RETURN_AFTER", "PT2H")
    worker = create_worker(RoutingSettings(database_url=desk.database.url), desk.database)
    agent = await desk.agent("en")
    one, now = uuid7(), now_utc()

    async def take(data: Any) -> None:
        event: Event[Any] = event_of(data, one)
        async with desk.database.transaction() as session:
            for handler in worker.handlers.by_type[data.type]:
                await handler(session, [event])

    async def drain(hours: float) -> int:
        [timer] = [each for each in worker.timers if each.name == "drain_queues"]
        async with desk.database.transaction() as session:
            return await timer.run(session, now + timedelta(hours=hours))

    await take(
        TicketCreated(ticket=ticket(one, assignee_id=agent, language="en"), message=message("Hello"), actor=SOMEBODY)
    )
    let_go = {"assignee_id": FieldChange(before=str(agent))}
    pending, reopened = ticket(one, status=TicketStatus.PENDING, version=2), ticket(one, version=3)
    await take(TicketChanged(ticket=pending, changes=let_go, actor=SOMEBODY, cause="assign", changed_at=now))
    by_customer = {"status": FieldChange(before="pending", after="new")}
    await take(TicketChanged(ticket=reopened, changes=by_customer, actor=SOMEBODY, cause="reply", changed_at=now))
    await take(TicketRoutingDeclined(ticket=reopened, decision_id=uuid7(), reason="moved on"))
    assert await desk.assignees(one) == [None]
    assert await drain(1.99) == 0
    assert await drain(2) == 1
    assert await desk.assignees(one) == [None, agent]
