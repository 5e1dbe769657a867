"""R3, R4: PostgreSQL stops at once, and its last word is lost."""

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from shared.ids import uuid7
from tests.faults.ledger import REQUEST_SECONDS
from tests.faults.proxy import LostCommit
from tests.faults.stage import ExposedStage
from tests.faults.supervisor import Findings, Run, figure, supervise, whole

pytestmark = pytest.mark.faults

STOPS = whole(3, 50)
LOST_COMMITS = whole(8, 200)
# A bound on liveness.
RECOVERY_SECONDS = 600


async def immediate_stops(stage: ExposedStage, run: Run) -> Findings:
    ledger = run.ledger(stage)
    ready: list[float] = []
    async with ledger.load():
        for _ in range(run.faults):
            await asyncio.sleep(run.randomness.uniform(1, 3))
            stage.postgres.signal(signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends
            run.note("PostgreSQL: immediate stop")
            async with asyncio.timeout(RECOVERY_SECONDS):
                await asyncio.sleep(0.2)
                while not stage.postgres.ready:
                    await asyncio.sleep(0.02)
                ready.append(time.monotonic())
                run.note("PostgreSQL: ready")
                while ledger.attempts[-1].failed or ledger.attempts[-1].ended < ready[-1]:
                    await asyncio.sleep(0.02)
    found = await run.settle(stage, ledger)
    errors = [0.0]
    for begun, end in itertools.pairwise([*ready, float("inf")]):
        # The next stop has errors of its own: only those up to the first success belong to this one.
        first_success = min(a.ended for a in ledger.attempts if not a.failed and a.ended - a.seconds > begun)
        errors += [a.ended - begun for a in ledger.failures if begun < a.ended < min(first_success, end)]
    return found | {"measured": [*found["measured"], figure("last error after recovery", max(errors), "s", "≤ 10 s")]}


async def test_r3_immediate_stops_lose_nothing_acknowledged(stage: ExposedStage) -> None:
    await supervise("R3", immediate_stops, stage, faults=STOPS)


async def lost_commits(stage: ExposedStage, run: Run) -> Findings:
    """Cut the connection at a COMMIT, now and then before it gets there; the client repeats with the same key.

    Messages of another system and tickets of an agent take turns.
    """
    ledger = run.ledger(stage)
    doubled = stuck = 0
    async with ledger.client() as system, _agent(stage) as agent:
        for number in range(run.faults):
            at = run.randomness.choice(("reply", "reply", "request"))
            if number % 2:
                stage.database.lose = LostCommit("desk_ingestion", at)
                await ledger.deliver(system, [ledger.message(run.randomness)])
            else:
                stage.database.lose = LostCommit("desk_tickets", at)
                too_many, different = await _open_once(stage, agent)
                doubled, stuck = doubled + too_many, stuck + different
            assert stage.database.lose is None, "nothing was cut"
            run.note(f"{'messages' if number % 2 else 'ticket'}: the {at} of COMMIT is lost")
    assert len(ledger.failures) == run.faults // 2, "each cut is felt"
    found = await run.settle(stage, ledger)
    return found | {"doubled": found["doubled"] + doubled, "stuck": found["stuck"] + stuck}


@asynccontextmanager
async def _agent(stage: ExposedStage) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in person."""
    headers = {"X-Desk-CSRF": "1", "Origin": stage.desk.url}
    login = stage.desk.admin
    async with httpx.AsyncClient(base_url=stage.desk.url, headers=headers, timeout=REQUEST_SECONDS) as client:
        answer = await client.post("/api/auth/sign-in", json={"email": login.email, "password": login.password})
        assert answer.status_code == 200, answer.text
        yield client


async def _open_once(stage: ExposedStage, agent: httpx.AsyncClient) -> tuple[int, int]:
    """Open a ticket whose first COMMIT is cut; returns how many too many there are, and whether answers differ."""
    subject, key = f"By telephone {uuid7()}", str(uuid7())
    body = {"subject": subject, "text": "She called.", "requester": {"email": f"{uuid7()}@example.org"}}
    answers = [await agent.post("/api/tickets", json=body, headers={"Idempotency-Key": key}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 201, 201], [answer.text for answer in answers]
    connection = await asyncpg.connect(stage.admin_url)
    try:
        tickets = await connection.fetch("SELECT id FROM tickets.tickets WHERE subject = $1", subject)
        stored = await connection.fetchval("SELECT body FROM tickets.idempotency_keys WHERE key = $1", key)
    finally:
        await connection.close()
    same = answers[1].content == answers[2].content == stored and answers[1].json()["id"] == str(tickets[0]["id"])
    return len(tickets) - 1, int(not same)


async def test_r4_a_lost_commit_is_repeated_to_one_effect_and_the_same_answer(stage: ExposedStage) -> None:
    await supervise("R4", lost_commits, stage, faults=LOST_COMMITS)
