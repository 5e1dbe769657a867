"""What the desk does to tickets by itself."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from services.tickets.service import facts, upkeep
from services.tickets.worker import create_worker
from shared.db import now_utc
from shared.events.accounts import AccountChanged, Role
from shared.settings import Settings
from tests.integration.events import event_of
from tests.integration.tickets.harness import Desk, Person, received
from tests.integration.tickets.test_lifecycle import a_ticket, patch, work_by


async def run(desk: Desk, name: str, *, days: int = 0) -> int:
    """The timer of that name, so many days from now, until nothing is left."""
    worker = create_worker(Settings(database_url=desk.database.url), desk.database)
    timer = next(timer for timer in worker.timers if timer.name == name)
    total = 0
    while True:
        async with desk.database.transaction() as session:
            done = await timer.run(session, now_utc() + timedelta(days=days))
        total += done
        if not done:
            return total


async def switched_off(desk: Desk, person: Person, version: int = 2, *, active: bool = False) -> None:
    account = AccountChanged(
        account_id=person.principal.account_id,
        email=person.email,
        name="Gone",
        role=Role.AGENT,
        version=version,
        active=active,
    )
    await desk.handle(facts.keep_accounts, event_of(account, person.principal.account_id))


async def seen(agent: Person, path: str) -> Any:
    return (await agent.client.get(path)).json()


async def test_what_stays_solved_is_closed_when_the_organisation_wants_it(desk: Desk) -> None:
    agent = await desk.person()
    (solved, _), (open_, _) = await a_ticket(desk), await a_ticket(desk)
    await patch(agent, solved, status="solved")
    assert await run(desk, "close_tickets", days=400) == 0
    requirements = [{"to": "closed", "fields": ["group"]}]
    await work_by(desk, close_after_days=28, requirements=requirements)
    assert await run(desk, "close_tickets", days=27) == 0
    assert await run(desk, "close_tickets", days=29) == 1
    ticket = await seen(agent, solved)
    assert (ticket["status"], ticket["solved_at"] is None, ticket["version"]) == ("closed", False, 3)
    assert (await seen(agent, open_))["status"] == "new"
    entry = (await seen(agent, f"{solved}/history"))["items"][0]
    assert (entry["cause"], entry["actor"]["kind"]) == ("lifecycle.closed", "system")
    assert entry["changes"]["status"] == {"before": "solved", "after": "closed"}
    assert (await desk.event_types(ticket["id"]))[-1] == "ticket.changed.v1"


async def test_batches_close_each_ticket_once_and_wait_for_nobody(desk: Desk) -> None:
    await desk.take(*(received(f"c{n}@example.com") for n in range(2 * upkeep.BATCH + 1)))
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE tickets SET status = 'solved', solved_at = now() - interval '30 days'"))
    await work_by(desk, close_after_days=28)
    total = sum(await asyncio.gather(*(run(desk, "close_tickets") for _ in range(3))))
    total += await run(desk, "close_tickets")
    assert total == 2 * upkeep.BATCH + 1
    rows = await desk.rows(
        "SELECT count(*) AS n FROM ticket_history WHERE cause = 'lifecycle.closed' GROUP BY ticket_id"
    )
    assert [row.n for row in rows] == [1] * total


async def test_what_somebody_left_behind_is_nobodys(desk: Desk) -> None:
    agent, leaver = await desk.person(), await desk.person()
    taken, done, other = [(await a_ticket(desk))[0] for _ in range(3)]
    for path in (taken, done):
        await leaver.client.post(f"{path}/claim")
    await agent.client.post(f"{other}/claim")
    await patch(agent, done, status="solved")
    assert await run(desk, "take_back_tickets") == 0
    await switched_off(desk, leaver)
    assert await run(desk, "take_back_tickets") == 1
    ticket = await seen(agent, taken)
    assert (ticket["assignee"], ticket["status"]) == (None, "open")
    assert (await seen(agent, f"{taken}/history"))["items"][0]["cause"] == "assignee.inactive"
    assert (await seen(agent, done))["assignee"]["name"] == "Gone"
    assert (await seen(agent, other))["assignee"] is not None
    # Who reopens what they solved gets somebody else.
    await patch(agent, done, status="open")
    assert await run(desk, "take_back_tickets") == 1
