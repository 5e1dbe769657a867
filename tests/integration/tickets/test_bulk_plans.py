"""What is asked of jobs and of their tickets is answered by an index, however many there are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.bulk import Result
from services.tickets.domain.conditions import Comparison, Operator
from services.tickets.repository.bulk import BulkRepository
from services.tickets.repository.conditions import Asker
from services.tickets.repository.outbox import unsent
from shared.db import Database
from tests.conftest import Databases
from tests.plans import MODES, explain, filled, nodes, pages
from tests.statements import sent

JOB = UUID(int=100)
MOST_PAGES = 900
NOW = datetime.now(UTC)
OWN = Comparison("assignee", Operator.IS, ("me",))

# A thousand jobs, three of which run; ten of them with ten thousand tickets each, few of which were refused.
_ROWS = """
INSERT INTO customers (id, created_at) VALUES ('00000000-0000-0000-0000-000000000001', now());
INSERT INTO tickets (id, number, version, routing_version, subject, status, priority, type, channel, requester_id,
    tags, brand, conversation_id, created_at, updated_at, message_count, public_message_count)
SELECT lpad(to_hex(n), 32, '0')::uuid, n, 1, 1, 'x', 'open', 'normal', 'question', 'email',
    '00000000-0000-0000-0000-000000000001', '{}', 'default', uuidv7(), now(), now(), 1, 1
FROM generate_series(1, 10000) n;
INSERT INTO bulk_jobs (id, kind, actions, account_id, name, role, state, total, changed, refused, created_at, worked_at,
    finished_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'change', '{}', lpad(to_hex(1 + n % 50), 32, '0')::uuid, 'A', 'agent',
    CASE WHEN n % 400 = 100 THEN 'running' ELSE 'done' END, 10000, 9000, 100, now(), now(),
    CASE WHEN n % 400 <> 100 THEN now() END
FROM generate_series(1, 1000) n;
INSERT INTO bulk_items (job_id, position, ticket_id, result, slug, detail)
SELECT lpad(to_hex(j), 32, '0')::uuid, p, lpad(to_hex(p), 32, '0')::uuid,
    CASE WHEN p > 9100 THEN NULL WHEN p % 91 = 0 THEN 'refused' ELSE 'changed' END, 'x', 'x'
FROM generate_series(91, 100) j, generate_series(1, 10000) p;
INSERT INTO outbox (event_id, topic, type, source, aggregate_id, aggregate_version, time, data, correlation_id, sent_at)
SELECT uuidv7(), 't', 't', 'tickets', n, 1, now(), '{}', 'c', CASE WHEN n < 19990 THEN now() END
FROM generate_series(1, 20000) n;
ANALYZE;
"""

Ask = Callable[[BulkRepository, Any], Awaitable[Any]]

ASKED: dict[str, tuple[Ask, int]] = {
    "whose turn it is": (lambda jobs, _: jobs.claim(but={UUID(int=7)}), 20),
    "what comes next": (lambda jobs, job: jobs.next_items(job, 100), 100),
    "the first tickets": (lambda jobs, job: jobs.items(job, result=None, after=0, limit=51), MOST_PAGES),
    "later tickets": (lambda jobs, job: jobs.items(job, result=None, after=5_000, limit=51), MOST_PAGES),
    "what was refused": (lambda jobs, job: jobs.items(job, result=Result.REFUSED, after=0, limit=51), MOST_PAGES),
    "what waits": (lambda jobs, job: jobs.items(job, result=Result.WAITING, after=0, limit=51), MOST_PAGES),
    "one's own jobs": (lambda jobs, job: jobs.page(account_id=job.account_id, before=None, limit=51), 100),
    "all jobs": (lambda jobs, job: jobs.page(account_id=None, before=job.id, limit=51), 100),
    "how many run": (lambda jobs, job: jobs.unfinished(job.account_id), 20),
    "what was tried": (lambda jobs, job: jobs.forget_previews(job.account_id, but=1_000), 100),
    "who undoes it": (lambda jobs, job: jobs.undone_by(job.id), 20),
    "what somebody has": (lambda jobs, _: jobs.fitting(OWN, Asker(UUID(int=3), NOW), limit=10_001), 100),
    "whether those who listen are behind": (lambda jobs, _: unsent(jobs.session, 5_000), 20),
}


@pytest_asyncio.fixture(scope="module")
async def full(databases: Databases) -> AsyncIterator[Database]:
    async with filled(databases, "tickets", _ROWS) as database:
        yield database


async def _job(session: AsyncSession) -> Any:
    return await BulkRepository(session).get(JOB)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ASKED)
async def test_what_is_asked_is_found_by_an_index(full: Database, name: str, mode: str) -> None:
    async with full.read() as session:
        job = await _job(session)
    ask, most = ASKED[name]
    async with sent(full) as statements, full.transaction() as session:
        await ask(BulkRepository(session), job)
    (statement,) = statements
    plan = await explain(full, statement, mode)
    # All jobs of a month are some pages.
    scans = {node["Node Type"] for node in nodes(plan) if node.get("Relation Name") not in {None, "bulk_jobs"}}
    assert "Seq Scan" not in scans, plan
    assert pages(plan) <= most, plan
