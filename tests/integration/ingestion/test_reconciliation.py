"""Every mail is accounted for: opened, joined, ignored, quarantined or pending."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from services.ingestion.repository.reconciliation import ReconciliationRepository
from shared.db import Database, now_utc
from shared.events.accounts import Role
from shared.events.tickets import MessageKind, TicketCreated
from shared.ids import uuid7
from tests.asgi import Client
from tests.conftest import Databases
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk, mail
from tests.integration.ingestion.test_outbound import reply
from tests.integration.ingestion.vendors import Postmark
from tests.plans import MODES, explain, filled, nodes
from tests.statements import sent

PATH = "/api/channels/reconciliation"

# A month of mail, of which a day is asked for.
_ROWS = """
INSERT INTO inbound_messages (id, origin, channel, status, received_at, outcome)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'mail', 'email', 'accepted', now() - n * interval '1 minute', 'opened'
FROM generate_series(1, 43200) n;
INSERT INTO mail_deliveries (id, message_id, door, made_message, delivered_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, 'imap', true, now() - n * interval '1 minute'
FROM generate_series(1, 43200) n;
ANALYZE;
"""


async def reconciliation(desk: Desk) -> dict[str, Any]:
    answer = await desk.as_(Role.SUPERVISOR).get(PATH)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


async def test_what_came_in_is_what_became_of_it(desk: Desk) -> None:
    opened, joined = await desk.take_mail(mail("One")), await desk.take_mail(mail("Two"))
    await desk.take_mail(mail("Loop", From="support@desk.example"))
    await desk.post_mail(mail("One"))
    pending = await desk.post_mail(mail("Three"))
    assert pending.status == 202
    added = reply(uuid7(), id=UUID(joined["id"]), kind=MessageKind.CUSTOMER)
    first = reply(uuid7(), id=UUID(opened["id"]), kind=MessageKind.CUSTOMER)
    await desk.consume(added, TicketCreated(ticket=first.ticket, message=first.message, actor=first.message.author))
    found = await reconciliation(desk)
    expected = {"received": 5, "again": 1, "unique": 4, "opened": 1, "joined": 1, "held": 0, "pending": 1}
    assert {name: found["total"][name] for name in expected} == expected
    assert found["total"]["quarantined"] == {"from_our_own_address": 1}
    assert found["balanced"] is True
    [mailbox] = found["mailboxes"]
    assert (mailbox["mailbox_id"], mailbox["address"], mailbox["received"]) == (None, "support@desk.example", 5)


def opened(message_id: str, **ticket: Any) -> TicketCreated:
    """Tickets tells that this became a ticket."""
    told = reply(uuid7(), id=UUID(message_id), kind=MessageKind.CUSTOMER)
    snapshot = told.ticket.model_copy(update=ticket)
    return TicketCreated(ticket=snapshot, message=told.message, actor=told.message.author)


async def test_whatever_way_mail_goes_it_is_in_the_account(make_desk: MakeDesk) -> None:
    provider = Postmark()
    desk = await make_desk(DESK_INGESTION_PROVIDER_POSTMARK_LOGIN=provider.login)
    ids = [(await desk.take_mail(mail(name)))["id"] for name in ("opened", "held", "customer", "aside", "agent")]
    kinds = MessageKind.CUSTOMER, MessageKind.SYSTEM, MessageKind.NOTE
    joined = [reply(uuid7(), id=UUID(id_), kind=kind) for id_, kind in zip(ids[2:], kinds, strict=True)]
    await desk.consume(opened(ids[0]), opened(ids[1], review="stranger"), *joined)
    # What tickets tells later of the same changes nothing.
    await desk.consume(reply(uuid7(), id=UUID(ids[1]), kind=MessageKind.CUSTOMER))

    body, headers = provider.mail(mail("by a provider"))
    for _ in range(2):  # it tells again what it has told
        assert (await Client(desk.app, headers).post("/api/ingest/providers/postmark", body)).status < 300

    loops = [mail(name, From="support@desk.example") for name in ("let in", "tried again", "deleted")]
    own = [(await desk.take_mail(each))["id"] for each in loops]
    agent = desk.as_(Role.ADMIN)
    assert (await agent.post(f"/api/ingest/quarantine/{own[0]}/release", {})).status == 202
    assert (await agent.post(f"/api/ingest/quarantine/{own[1]}/retry", {})).status == 202
    await desk.parse_all()
    await desk.consume(opened(own[0]))
    assert (await agent.request("DELETE", f"/api/ingest/quarantine/{own[2]}", query={"why": "a loop"})).status == 204
    await desk.post_mail(loops[2])
    await desk.take_mail(mail("I am away", Auto_Submitted="auto-replied"))

    total = (await reconciliation(desk))["total"]
    ignored = {"deleted_from_quarantine": 1, "automatic_reply_to_nothing": 1}
    assert (total["ignored"], total["quarantined"]) == (ignored, {"from_our_own_address": 1})
    counts = {name: total[name] for name in ("opened", "joined", "held", "pending", "again")}
    assert counts == {"opened": 2, "joined": 3, "held": 1, "pending": 1, "again": 2}
    assert total["received"] == sum(counts.values()) + 3
    assert total["balanced"] is True


async def test_a_message_that_is_gone_is_told(desk: Desk) -> None:
    await desk.take_mail(mail())
    await desk.execute("DELETE FROM inbound_messages")
    found = await reconciliation(desk)
    assert (found["balanced"], found["total"]["unaccounted"]) == (False, 1)


async def test_a_range_is_bounded(desk: Desk) -> None:
    client = desk.as_(Role.ADMIN)
    for query in ("since=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z", "since=2999-01-01T00:00:00Z"):
        answer = await client.get(f"{PATH}?{query}")
        assert (answer.status, answer.json()["type"].endswith("bad-range")) == (422, True)


@pytest_asyncio.fixture
async def month(databases: Databases) -> AsyncIterator[Database]:
    async with filled(databases, "ingestion", _ROWS) as database:
        yield database


@pytest.mark.parametrize("mode", MODES)
async def test_a_day_is_counted_without_reading_the_month(month: Database, mode: str) -> None:
    now = now_utc()
    async with sent(month) as statements, month.read() as session:
        await ReconciliationRepository(session).counts(now - timedelta(days=1), now)
    plan = await explain(month, statements[-1], mode)
    assert "ix_mail_deliveries_delivered_at" in {node.get("Index Name") for node in nodes(plan)}
