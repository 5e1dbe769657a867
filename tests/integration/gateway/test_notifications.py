"""What accounts are told: of what others did, by frames of their own, and nobody else's."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway import notifications, service
from services.gateway.consumers import handlers
from services.gateway.domain.notifications import MOST_KEPT, RETENTION, Notice, NoticeKind
from shared.db import now_utc
from shared.events import EventData
from shared.events.accounts import Role
from shared.events.common import Actor, ActorKind
from shared.events.tickets import (
    FieldChange,
    MessageKind,
    TicketChanged,
    TicketFollowersChanged,
    TicketMessageAdded,
    TicketReplyUndelivered,
)
from shared.ids import uuid7
from shared.messaging.envelope import Record, encode_headers
from shared.messaging.inbox import Inbox
from shared.messaging.outbox import Row
from tests.integration.events import START, event_of
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.test_accounts import waiting_for_a_lock
from tests.integration.gateway.test_live import frame, listening, message, ticket
from tests.statements import sent

ROUTING = Actor(kind=ActorKind.SYSTEM, id="routing")


def by(account_id: UUID, name: str) -> Actor:
    return Actor(kind=ActorKind.AGENT, id=str(account_id), name=name)


def given(account_id: UUID | None, actor: Actor, **fields: Any) -> TicketChanged:
    changes = {"assignee_id": FieldChange(after=account_id and str(account_id))}
    return TicketChanged(
        ticket=ticket(assignee_id=account_id, **fields), changes=changes, actor=actor, cause="test", changed_at=START
    )


def mentioned(author: Actor, *accounts: UUID) -> TicketMessageAdded:
    note = message(MessageKind.NOTE, text="a secret note").model_copy(update={"author": author})
    return TicketMessageAdded(ticket=ticket(number=8), message=note, mentions=accounts)


def answered(ticket_id: UUID, **fields: Any) -> TicketMessageAdded:
    customer = Actor(kind=ActorKind.CUSTOMER, id=str(uuid7()), name="Ana")
    said = message(MessageKind.CUSTOMER, text="a secret answer").model_copy(update={"author": customer})
    return TicketMessageAdded(ticket=ticket(id=ticket_id, **fields), message=said)


def turned(ticket_id: UUID, before: str, after: str, actor: Actor) -> TicketChanged:
    changes = {"status": FieldChange(before=before, after=after)}
    return TicketChanged(ticket=ticket(id=ticket_id), changes=changes, actor=actor, cause="test", changed_at=START)


async def show(gateway: Gateway, *told: EventData) -> None:
    async with gateway.database.transaction() as session:
        await service.show(session, [event_of(each) for each in told])


async def kinds(gateway: Gateway, account_id: UUID) -> list[str]:
    told = await gateway.rows("SELECT kind FROM notifications WHERE account_id = :id ORDER BY id DESC", id=account_id)
    return [row.kind for row in told]


async def read_all(gateway: Gateway, account_id: UUID) -> None:
    rows = await gateway.rows("SELECT id FROM notifications WHERE account_id = :id", id=account_id)
    async with gateway.database.transaction() as session:
        await notifications.read(session, account_id, [row.id for row in rows], now_utc())


def delivered(ticket_id: UUID, data: Sequence[EventData]) -> list[Record]:
    """The records of a ticket's events, as the broker hands them over."""
    return [
        Record(each.topic, 0, version, str(ticket_id).encode(), tuple(encode_headers(row)), row.data.encode())
        for version, each in enumerate(data, start=1)
        if (row := _row(ticket_id, version, each))
    ]


def _row(ticket_id: UUID, version: int, data: EventData) -> Row:
    return Row(
        event_id=uuid7(),
        topic=data.topic,
        type=data.type,
        source=data.source,
        aggregate_id=str(ticket_id),
        aggregate_version=version,
        time=START,
        data=data.model_dump_json(),
        correlation_id="test",
        causation_id=None,
        hops=0,
        traceparent=None,
    )


async def test_mentions_and_assignments_by_others_are_told_to_whom_they_concern(gateway: Gateway) -> None:
    asha, ben = [UUID(await gateway.person(Role.AGENT, f"{name}@desk.example")) for name in ("asha", "ben")]
    customer = UUID(await gateway.person(Role.CUSTOMER, "customer@desk.example"))
    await show(
        gateway,
        given(asha, ROUTING),
        given(asha, by(asha, "Asha")),
        given(None, by(ben, "Ben")),
        given(customer, by(ben, "Ben")),
        mentioned(by(ben, "Ben"), asha, ben, asha, customer, uuid7()),
    )
    client = await gateway.signed_in("asha@desk.example")
    told = (await client.get("/api/notifications?limit=1")).json()
    assert told["unread"] == 2
    [mention] = told["items"]
    assert (mention["kind"], mention["author"], mention["ticket_number"]) == ("mentioned", "Ben", 8)
    rest = (await client.get(f"/api/notifications?cursor={told['next_cursor']}")).json()
    assert [(item["kind"], item["author"], item["ticket_number"]) for item in rest["items"]] == [("assigned", "", 7)]
    assert rest["next_cursor"] is None
    for email in ("ben@desk.example", "admin@desk.example"):
        answer = await (await gateway.signed_in(email)).get("/api/notifications")
        assert answer.json() == {"items": [], "next_cursor": None, "unread": 0}
    assert len(await gateway.rows("SELECT 1 FROM notifications")) == 2


async def test_reading_is_ones_own_and_told_to_ones_other_windows(gateway: Gateway, served: str) -> None:
    asha, ben = [UUID(await gateway.person(Role.AGENT, f"{name}@desk.example")) for name in ("asha", "ben")]
    await show(gateway, given(asha, ROUTING), given(ben, ROUTING))
    mine = await gateway.signed_in("asha@desk.example")
    theirs = await gateway.signed_in("ben@desk.example")
    [item] = (await mine.get("/api/notifications")).json()["items"]
    newest = (await gateway.rows("SELECT max(seq) AS seq FROM live_frames"))[0].seq
    async with listening(gateway, served, since=newest, token=mine.cookies["desk_access"]) as window:
        assert (await frame(window))["type"] == "hello"
        # Whoever else tries: nothing happens, and nobody learns whether there is such a thing.
        assert (await theirs.post("/api/notifications/read", {"ids": [item["id"]]})).status == 204
        assert (await mine.get("/api/notifications?unread=true")).json()["unread"] == 1
        for _ in range(2):
            assert (await mine.post("/api/notifications/read", {"ids": [item["id"]]})).status == 204
        assert (await frame(window))["type"] == "notification"
    after = (await mine.get("/api/notifications?unread=true")).json()
    assert (after["items"], after["unread"]) == ([], 0)
    assert (await mine.get("/api/notifications")).json()["items"][0]["read_at"] is not None
    assert (await gateway.rows("SELECT count(*) AS n FROM live_frames WHERE seq > :seq", seq=newest))[0].n == 1


async def test_a_personal_frame_reaches_that_account_alone_live_and_resumed(gateway: Gateway, served: str) -> None:
    asha, ben = [UUID(await gateway.person(Role.AGENT, f"{name}@desk.example")) for name in ("asha", "ben")]
    tokens = {account: await gateway.token(Role.AGENT, account_id=account) for account in (asha, ben)}
    kinds: dict[UUID, list[str]] = {}
    async with (
        listening(gateway, served, token=tokens[asha]) as first,
        listening(gateway, served, token=tokens[ben]) as second,
    ):
        await show(gateway, given(asha, ROUTING), mentioned(by(ben, "Ben"), asha), given(None, ROUTING))
        for account, socket, count in ((asha, first, 5), (ben, second, 4)):
            kinds[account] = [(await frame(socket))["type"] for _ in range(count)]
    tickets = ["hello", *["ticket.upserted"] * 3]
    # One for a batch, however much is new in it.
    assert kinds == {asha: [*tickets, "notification"], ben: tickets}
    for account, token in tokens.items():
        await show(gateway, given(None, ROUTING))
        newest = (await gateway.rows("SELECT max(seq) AS seq FROM live_frames"))[0].seq
        async with listening(gateway, served, since=1, token=token) as socket:
            resumed = [await frame(socket)]
            while resumed[-1]["seq"] < newest or resumed[-1]["type"] == "hello":
                resumed.append(await frame(socket))
        assert ("notification" in [each["type"] for each in resumed]) is (account == asha)


async def test_what_is_old_or_too_much_is_forgotten(gateway: Gateway) -> None:
    asha = UUID(await gateway.person(Role.AGENT, "asha@desk.example"))
    now = now_utc()
    old = [Notice(asha, NoticeKind.ASSIGNED, uuid7(), 1, "", now - RETENTION - timedelta(days=1))]
    much = [Notice(asha, NoticeKind.ASSIGNED, uuid7(), n, "", now) for n in range(MOST_KEPT + 2)]
    async with gateway.database.transaction() as session:
        await notifications.note(session, [*old, *much])
    async with gateway.database.transaction() as session:
        assert await notifications.forget(session, now) == 3
    rows = await gateway.rows("SELECT min(ticket_number) AS first, count(*) AS n FROM notifications")
    assert (rows[0].first, rows[0].n) == (2, MOST_KEPT)


async def test_who_follows_a_ticket_is_told_what_becomes_of_it(gateway: Gateway) -> None:
    asha, ben, cara = [UUID(await gateway.person(Role.AGENT, f"{n}@desk.example")) for n in ("asha", "ben", "cara")]
    customer = UUID(await gateway.person(Role.CUSTOMER, "customer@desk.example"))
    followed, other = uuid7(), uuid7()
    await show(gateway, TicketFollowersChanged(ticket_id=followed, followers=(ben, cara, customer, uuid7())))
    await show(gateway, answered(followed, assignee_id=asha), answered(other, assignee_id=asha))
    reply = message(MessageKind.REPLY).model_copy(update={"author": by(ben, "Ben")})
    await show(
        gateway,
        TicketMessageAdded(ticket=ticket(id=followed, assignee_id=asha), message=reply),
        turned(followed, "open", "solved", by(ben, "Ben")),
        turned(followed, "solved", "closed", ROUTING),
        turned(other, "open", "solved", by(asha, "Asha")),
    )
    assert await kinds(gateway, asha) == ["answered", "answered"]
    assert await kinds(gateway, ben) == ["closed", "answered"]
    assert await kinds(gateway, cara) == ["closed", "solved", "replied", "answered"]
    assert await kinds(gateway, customer) == []
    await show(gateway, TicketFollowersChanged(ticket_id=followed, followers=(cara,)))
    await show(gateway, turned(followed, "closed", "open", ROUTING))
    assert (await kinds(gateway, ben), (await kinds(gateway, cara))[0]) == (["closed", "answered"], "reopened")
    client = await gateway.signed_in("cara@desk.example")
    newest, *_, oldest = (await client.get("/api/notifications")).json()["items"]
    assert (newest["kind"], newest["author"], newest["ticket_id"]) == ("reopened", "", str(followed))
    assert (oldest["kind"], oldest["author"]) == ("answered", "")


async def test_who_put_a_ticket_off_is_told_when_it_is_back(gateway: Gateway) -> None:
    asha, ben = [UUID(await gateway.person(Role.AGENT, f"{name}@desk.example")) for name in ("asha", "ben")]
    put_off = ticket(assignee_id=asha)
    until = START.isoformat()

    def snoozed(before: str | None, after: str | None, actor: Actor, cause: str) -> TicketChanged:
        changes = {"snoozed_until": FieldChange(before=before, after=after)}
        return TicketChanged(ticket=put_off, changes=changes, actor=actor, cause=cause, changed_at=START)

    await show(gateway, snoozed(None, until, by(ben, "Ben"), "snooze"))
    assert (await kinds(gateway, asha), await kinds(gateway, ben)) == ([], [])
    for who in (ben, asha):
        # The second time nobody is known to have put it off.
        await show(gateway, snoozed(until, None, Actor(kind=ActorKind.SYSTEM, id="tickets"), "snooze.over"))
        assert await kinds(gateway, who) == ["woken"]
    assert await kinds(gateway, ben) == ["woken"]


async def test_who_wrote_a_reply_is_told_that_it_did_not_arrive(gateway: Gateway) -> None:
    asha = UUID(await gateway.person(Role.AGENT, "asha@desk.example"))
    failed = TicketReplyUndelivered(
        ticket_id=uuid7(), ticket_number=9, message_id=uuid7(), author_id=asha, undelivered_at=START
    )
    # Once for each recipient that it did not reach.
    await show(gateway, failed)
    await show(gateway, failed)
    [row] = await gateway.rows("SELECT account_id, kind, ticket_id, ticket_number, author FROM notifications")
    assert tuple(row) == (asha, "undelivered", failed.ticket_id, 9, "")
    frames = [row.frame["type"] for row in await gateway.rows("SELECT frame FROM live_frames")]
    assert frames == ["notification"] * 2


async def test_what_is_not_read_stands_once_for_a_ticket_and_kind(gateway: Gateway) -> None:
    asha, ben = [UUID(await gateway.person(Role.AGENT, f"{name}@desk.example")) for name in ("asha", "ben")]
    one, other = uuid7(), uuid7()
    for _ in range(5):
        await show(gateway, answered(one, assignee_id=asha), answered(one, assignee_id=asha))
    await show(gateway, answered(other, assignee_id=asha), answered(one, assignee_id=ben))
    await show(gateway, turned(one, "open", "solved", ROUTING))
    client = await gateway.signed_in("asha@desk.example")
    told = (await client.get("/api/notifications")).json()
    assert [(item["kind"], item["ticket_id"]) for item in told["items"]] == [
        ("answered", str(other)),
        ("answered", str(one)),
    ]
    assert told["unread"] == 2
    await show(gateway, answered(one, assignee_id=asha))
    again = (await client.get("/api/notifications")).json()["items"]
    # The newest first, as something that is new.
    assert [item["ticket_id"] for item in again] == [str(one), str(other)]
    assert again[0]["id"] not in {item["id"] for item in told["items"]}
    await read_all(gateway, asha)
    await show(gateway, answered(one, assignee_id=asha))
    assert await kinds(gateway, asha) == ["answered"] * 3
    assert await kinds(gateway, ben) == ["answered"]


async def note_again(session: AsyncSession, told: Sequence[Notice], _: Sequence[UUID]) -> None:
    await notifications.note(session, told)


async def mark_read(session: AsyncSession, told: Sequence[Notice], ids: Sequence[UUID]) -> None:
    await notifications.read(session, told[0].account_id, ids, now_utc())


@pytest.mark.parametrize("change", [note_again, mark_read])
async def test_what_is_not_read_is_locked_in_one_order(
    gateway: Gateway, change: Callable[[AsyncSession, Sequence[Notice], Sequence[UUID]], Awaitable[None]]
) -> None:
    """Whoever marked all as read while a batch told them anew waited for it, and it for them."""
    asha = UUID(await gateway.person(Role.AGENT, "asha@desk.example"))
    first, second, third = sorted(uuid7() for _ in range(3))
    # Neither forwards nor backwards in order, in the table as in what is asked for.
    ids = [second, first, third]
    told = [Notice(asha, NoticeKind.ANSWERED, uuid7(), number, "", now_utc()) for number in range(3)]
    async with gateway.database.transaction() as session:
        for id_, notice in zip(ids, told, strict=True):
            await session.execute(
                text("""INSERT INTO notifications (id, account_id, kind, ticket_id, ticket_number, author, created_at)
                        VALUES (:id, :account_id, :kind, :ticket_id, :number, '', now())"""),
                {
                    "id": id_,
                    "account_id": asha,
                    "kind": notice.kind,
                    "ticket_id": notice.ticket_id,
                    "number": notice.ticket_number,
                },
            )
    lock = text("SELECT FROM notifications WHERE id = ANY(:ids) FOR UPDATE NOWAIT")

    async def run() -> None:
        async with gateway.database.transaction() as session:
            await change(session, told, ids)

    async with gateway.database.transaction() as holder:
        await holder.execute(lock, {"ids": [first]})
        changing = asyncio.create_task(run())
        await waiting_for_a_lock(gateway)
        await holder.execute(lock, {"ids": [second, third]})
    await changing
    unread = await gateway.rows("SELECT id FROM notifications WHERE read_at IS NULL")
    assert not {row.id for row in unread} & set(ids)


async def test_an_event_that_comes_again_tells_nothing_again(gateway: Gateway) -> None:
    """Also after what it told was read, so that nothing unread is there that it could stand for."""
    asha = UUID(await gateway.person(Role.AGENT, "asha@desk.example"))
    ticket_id = uuid7()
    undelivered = TicketReplyUndelivered(
        ticket_id=ticket_id, ticket_number=7, message_id=uuid7(), author_id=asha, undelivered_at=START
    )
    records = delivered(
        ticket_id,
        [
            TicketFollowersChanged(ticket_id=ticket_id, followers=(asha,)),
            answered(ticket_id),
            turned(ticket_id, "open", "solved", ROUTING),
            undelivered,
        ],
    )
    inbox = Inbox(gateway.database, handlers)
    for batch in (records[:2], records[1:], records):
        await inbox.apply(batch)
        await read_all(gateway, asha)
    assert await kinds(gateway, asha) == ["undelivered", "solved", "answered"]


async def test_a_message_to_what_nobody_follows_costs_no_further_statement(gateway: Gateway) -> None:
    followed, nobodys = uuid7(), uuid7()
    asha = UUID(await gateway.person(Role.AGENT, "asha@desk.example"))
    await show(gateway, TicketFollowersChanged(ticket_id=followed, followers=(asha,)))
    async with sent(gateway.database) as alone:
        await show(gateway, answered(nobodys))
    async with sent(gateway.database) as many:
        await show(gateway, *(answered(uuid7()) for _ in range(20)))
    async with sent(gateway.database) as told:
        await show(gateway, answered(followed))
    # When it came, and the frame; for who follows it, what they are told.
    assert [len(statements) for statements in (alone, many, told)] == [2, 2, 3]
