"""Mails that come in together: stored in a handful of statements, each once, whoever brings the same ones meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from services.ingestion.repository.deliveries import Delivered
from services.ingestion.repository.inbound import InboundRepository, LinkedTicket
from services.ingestion.repository.mail_queue import MailQueue, Settlement
from services.ingestion.service.mail import Incoming, claim_mails, discard, receive_mails
from shared.db import now_utc
from shared.ids import uuid7
from shared.objects import ObjectStoreUnavailable
from tests.integration.ingestion.harness import Desk, mail
from tests.statements import sent


async def incoming(desk: Desk, name: str, *doors: str, refused: str | None = None) -> Incoming:
    delivered = tuple(Delivered(door) for door in doors or ("imap",))
    return Incoming(delivered, name, await desk.objects.put(name.encode()), len(name), refused=refused)


def stored_files(desk: Desk) -> list[Path]:
    return [path for path in Path(desk.settings.object_store).rglob("*") if path.is_file()]


async def receive(desk: Desk, mails: Sequence[Incoming]) -> list[str]:
    async with desk.database.transaction() as session:
        received = await receive_mails(session, mails, now=now_utc())
    await discard(desk.objects, received.spare)
    return [str(receipt.id) for receipt in received.receipts]


async def test_many_take_no_more_statements_than_one(desk: Desk) -> None:
    counts = []
    for number in (1, 40):
        mails = [await incoming(desk, f"{number}.{each}") for each in range(number)]
        for _ in range(2):  # new, and known
            async with sent(desk.database) as statements:
                await receive(desk, mails)
            counts.append(len(statements))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 8


async def test_the_same_mail_in_one_batch_is_one_message_whose_bytes_are_kept_once(desk: Desk) -> None:
    mails = [
        await incoming(desk, "a", "imap", "lmtp"),
        await incoming(desk, "b", refused="mail_too_large"),
        await incoming(desk, "a"),
        await incoming(desk, "c"),
    ]
    first, second, same, third = await receive(desk, mails)
    assert (first == same, len({first, second, third})) == (True, 3)
    assert await receive(desk, [await incoming(desk, "c"), await incoming(desk, "d")]) != [third]
    rows = await desk.scalar(
        "SELECT jsonb_object_agg(dedupe_key, ARRAY[deliveries::text, status]) FROM inbound_messages"
    )
    assert rows == {"a": ["3", "stored"], "b": ["1", "quarantined"], "c": ["2", "stored"], "d": ["1", "stored"]}
    made = "SELECT array_agg(made_message ORDER BY id) FROM mail_deliveries WHERE message_id = :id"
    assert await desk.scalar(made, id=first) == [True, False, False]
    kept = await desk.scalar("SELECT array_agg(raw_key) FROM inbound_messages")
    assert len(kept) == 4
    assert all([await desk.objects.exists(key) for key in kept])
    assert len(stored_files(desk)) == 4


async def test_no_transaction_waits_while_the_bytes_of_a_known_mail_are_deleted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends one that says nothing for 2.5 seconds: with a slow store, mails were read again and again."""
    waiting = desk.watch_deletes(monkeypatch)
    for _ in range(2):
        assert (await desk.post_mail(mail())).status == 202
    assert waiting == [0]
    assert len(stored_files(desk)) == 1


async def test_what_is_not_needed_is_deleted_a_few_at_once_and_else_left_to_the_sweep(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleting, most, deleted = 0, 0, 0

    async def delete(key: str) -> None:
        nonlocal deleting, most, deleted
        deleting += 1
        most = max(most, deleting)
        await asyncio.sleep(0.01)
        deleting -= 1
        if key == "lost":
            raise ObjectStoreUnavailable
        deleted += 1

    monkeypatch.setattr(desk.objects, "delete", delete)
    await discard(desk.objects, [*map(str, range(6)), "lost", *map(str, range(6))])
    assert (most, deleted) == (4, 12)


async def test_a_mail_has_the_time_of_its_server(desk: Desk) -> None:
    earlier = now_utc() - timedelta(days=3)
    old, new = await incoming(desk, "old"), await incoming(desk, "new")
    old = Incoming(old.delivered, old.fingerprint, old.raw_key, old.size_bytes, received_at=earlier)
    await receive(desk, [new, old])
    assert await desk.scalar("SELECT received_at FROM inbound_messages WHERE dedupe_key = 'old'") == earlier
    assert await desk.scalar("SELECT received_at FROM inbound_messages WHERE dedupe_key = 'new'") > earlier


@pytest.fixture
async def slow_rows(desk: Desk, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Each row of a mail takes its time, so that two who take them in other orders are sure to meet."""
    await desk.execute("""
        CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_sleep(0.15); RETURN NEW; END $$""")
    await desk.execute(f"""
        CREATE TRIGGER slowly BEFORE {request.param} ON inbound_messages FOR EACH ROW EXECUTE FUNCTION slowly()""")
    yield
    await desk.execute("DROP FUNCTION slowly CASCADE")


@pytest.mark.usefixtures("slow_rows")
@pytest.mark.parametrize("slow_rows", ["INSERT"], indirect=True)
async def test_two_mailboxes_with_the_same_mails_in_another_order_do_not_wait_for_each_other(desk: Desk) -> None:
    """They deadlocked: each held what the other one wanted next, and one of them was read again later."""
    here, there = [[await incoming(desk, f"{each}") for each in order] for order in (range(8), reversed(range(8)))]
    ids, others = await asyncio.gather(receive(desk, here), receive(desk, there))
    assert ids == others[::-1]
    assert await desk.scalar("SELECT array_agg(DISTINCT deliveries) FROM inbound_messages") == [2]
    assert await desk.scalar("SELECT count(*) FROM mail_deliveries WHERE made_message") == 8


@pytest.mark.usefixtures("slow_rows")
@pytest.mark.parametrize("slow_rows", ["UPDATE"], indirect=True)
@pytest.mark.parametrize("by", ["settled", "linked"])
async def test_mails_that_come_again_while_they_are_worked_on_do_not_stop_that(desk: Desk, by: str) -> None:
    """Rows are taken in one order, whoever changes several of them."""
    mails, again = [[await incoming(desk, f"{each}") for each in range(8)] for _ in range(2)]
    await receive(desk, mails)
    async with desk.database.transaction() as session:
        claimed = (await claim_mails(session, limit=8, max_bytes=1_000_000))[::-1]
    # Neither as they lie nor as they are named are the rows in the order of their ids.
    await desk.execute("CREATE INDEX backwards ON inbound_messages (id DESC)")
    await desk.execute("CLUSTER inbound_messages USING backwards")
    await desk.execute("DROP INDEX backwards")

    async def work() -> None:
        async with desk.database.transaction() as session:
            for plan in ("mergejoin", "indexscan", "bitmapscan"):
                await session.execute(text(f"SET LOCAL enable_{plan} = off"))
            if by == "settled":
                await MailQueue(session).settle([Settlement(each, "accepted") for each in claimed])
            else:
                linked = [LinkedTicket(each.id, uuid7(), 1, "opened") for each in claimed]
                await InboundRepository(session).note_tickets(linked)

    working = asyncio.create_task(work())
    await asyncio.sleep(0.1)
    await receive(desk, again)
    await working
    assert await desk.scalar("SELECT array_agg(DISTINCT deliveries) FROM inbound_messages") == [2]
