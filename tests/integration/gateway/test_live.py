"""The live WebSocket: order, resuming, rights that end, and clients that misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from services.gateway import live as hub_module
from services.gateway import service
from services.gateway.repository import Repository
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import (
    Actor,
    ActorKind,
    Channel,
    Priority,
    Requester,
    TicketSnapshot,
    TicketStatus,
    TicketType,
)
from shared.events.sla import Clock, ClockState, SlaClockChanged, SlaMetric
from shared.events.tickets import (
    FieldChange,
    MessageKind,
    ThreadMessage,
    TicketChanged,
    TicketCreated,
    TicketMessageAdded,
)
from shared.ids import uuid7
from tests.integration.events import START, event_of
from tests.integration.gateway.conftest import ADMIN, Gateway, append

LIVENESS = 30.0


@asynccontextmanager
async def listening(
    gateway: Gateway, served: str, *, since: int | None = None, token: str | None = None, **headers: str
) -> AsyncIterator[ClientConnection]:
    token = token or await gateway.token(Role.AGENT)
    query = "" if since is None else f"?since={since}"
    sent = {"Authorization": f"Bearer {token}", **headers}
    async with connect(f"ws://{served}/api/live{query}", additional_headers=sent) as socket:
        yield socket


async def frame(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(LIVENESS):
        received: dict[str, Any] = json.loads(await socket.recv())
        return received


async def to_the_end(socket: ClientConnection) -> None:
    while True:
        await frame(socket)


def ticket(**fields: Any) -> TicketSnapshot:
    given: dict[str, Any] = {
        "id": uuid7(),
        "number": 7,
        "version": 3,
        "subject": "Printer on fire",
        "status": TicketStatus.OPEN,
        "priority": Priority.HIGH,
        "type": TicketType.INCIDENT,
        "channel": Channel.EMAIL,
        "requester": Requester(customer_id=uuid7(), name="Ana", email="ana@example.com"),
        "created_at": START,
        "updated_at": START,
    }
    return TicketSnapshot(**(given | fields))


ACTOR = Actor(kind=ActorKind.SYSTEM, id="tickets")


def message(kind: MessageKind, *, after: timedelta = timedelta(), text: str = "-") -> ThreadMessage:
    return ThreadMessage(id=uuid7(), kind=kind, channel=Channel.EMAIL, author=ACTOR, text=text, added_at=START + after)


async def test_frames_come_in_the_order_of_their_commits(gateway: Gateway, served: str) -> None:
    async with listening(gateway, served) as socket:
        assert await frame(socket) == {"type": "hello", "seq": 0}
        await asyncio.gather(*(append(gateway, {"type": "test", "n": n}) for n in range(20)))
        received = [await frame(socket) for _ in range(20)]
    assert [f["seq"] for f in received] == sorted(f["seq"] for f in received)
    assert {f["n"] for f in received} == set(range(20))


async def test_no_frame_is_missed_by_a_slow_writer(gateway: Gateway, served: str) -> None:
    """`seq > last` loses rows where a lower number may commit later; the writers' lock does not let it."""
    async with listening(gateway, served) as socket:
        await frame(socket)
        async with gateway.database.transaction() as slow:
            await Repository(slow).append_frames([{"type": "test", "n": "slow"}])
            fast = asyncio.create_task(append(gateway, {"type": "test", "n": "fast"}))
            await asyncio.sleep(0.3)
            assert not fast.done()
        await fast
        assert [(await frame(socket))["n"] for _ in range(2)] == ["slow", "fast"]


async def test_a_client_resumes_where_it_was(gateway: Gateway, served: str) -> None:
    await append(gateway, *({"type": "test", "n": n} for n in range(5)))
    async with listening(gateway, served, since=3) as socket:
        assert (await frame(socket)) == {"type": "hello", "seq": 5}
        assert [(await frame(socket))["seq"] for _ in range(2)] == [4, 5]
        await append(gateway, {"type": "test", "n": 5})
        assert (await frame(socket))["seq"] == 6


async def test_frames_that_come_while_a_client_joins_are_neither_lost_nor_doubled(
    gateway: Gateway, served: str
) -> None:
    stop = asyncio.Event()
    last = 1

    async def write() -> None:
        """As much as a client may be behind, and no more: one that is farther behind has to read anew."""
        written = 1
        while not stop.is_set():
            if written < last + hub_module.QUEUE_FRAMES // 2:
                await append(gateway, {"type": "test"}, {"type": "test"})
                written += 2
            await asyncio.sleep(0.005)

    await append(gateway, {"type": "test"})
    writer = asyncio.create_task(write())
    for _ in range(5):
        async with listening(gateway, served, since=last) as socket:
            assert (await frame(socket))["type"] == "hello"
            seen = [(await frame(socket))["seq"] for _ in range(40)]
        assert seen == list(range(last + 1, last + 41))
        last = seen[-1]
    stop.set()
    await writer


@pytest.mark.parametrize("since", [0, 1, 99])
async def test_what_is_no_longer_kept_has_to_be_read_anew(gateway: Gateway, served: str, since: int) -> None:
    await append(gateway, *({"type": "test", "n": n} for n in range(5)))
    async with gateway.database.transaction() as session:
        assert await Repository(session).forget_frames(before=now_utc() + timedelta(seconds=5)) == 4
    async with listening(gateway, served, since=since) as socket:
        assert await frame(socket) == {"type": "hello", "seq": 5}
        assert await frame(socket) == {"type": "resync"}


async def test_the_newest_frame_is_never_forgotten(gateway: Gateway, served: str) -> None:
    await append(gateway, {"type": "test"})
    for _ in range(2):
        async with gateway.database.transaction() as session:
            await Repository(session).forget_frames(before=now_utc() + timedelta(days=1))
    async with listening(gateway, served, since=1) as socket:
        assert await frame(socket) == {"type": "hello", "seq": 1}


async def test_a_long_absence_is_a_resync(gateway: Gateway, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "REPLAY_FRAMES", 3)
    await append(gateway, *({"type": "test", "n": n} for n in range(5)))
    async with listening(gateway, served, since=1) as socket:
        await frame(socket)
        assert await frame(socket) == {"type": "resync"}


async def test_a_ping_is_answered_and_nonsense_is_not(gateway: Gateway, served: str) -> None:
    async with listening(gateway, served) as socket:
        await frame(socket)
        for nonsense in ("", "[", "null", '{"type": "subscribe", "channel": "*"}', "[" * 4000, '"ping"'):
            await socket.send(nonsense)
        await socket.send(b"\x00\xff")
        await socket.send('{"type": "ping"}')
        assert await frame(socket) == {"type": "pong"}


async def test_a_long_message_ends_the_connection(gateway: Gateway, served: str) -> None:
    async with listening(gateway, served) as socket:
        await frame(socket)
        await socket.send("x" * 5000)
        assert (await frame(socket))["type"] == "bye"
        with pytest.raises(websockets.ConnectionClosed):
            await frame(socket)
    assert socket.close_code == 1009


@pytest.mark.parametrize("what", ["account", "session"])
async def test_a_revoked_client_is_closed(gateway: Gateway, served: str, what: str) -> None:
    ana = await gateway.person(Role.AGENT, "ana@desk.example")
    client = await gateway.signed_in("ana@desk.example")
    async with listening(gateway, served, token=client.cookies["desk_access"]) as socket:
        await frame(socket)
        if what == "account":
            admin = await gateway.signed_in()
            assert (await admin.post(f"/api/accounts/{ana}/revoke")).status == 204
        else:
            assert (await client.post("/api/auth/sign-out")).status == 204
        assert await frame(socket) == {"type": "bye", "reason": "revoked"}
        with pytest.raises(websockets.ConnectionClosed):
            await frame(socket)


async def test_an_expired_client_is_closed(gateway: Gateway, served: str) -> None:
    token = await gateway.token(Role.AGENT, lifetime=timedelta(seconds=2))
    async with listening(gateway, served, token=token) as socket:
        await frame(socket)
        assert await frame(socket) == {"type": "bye", "reason": "expired"}


async def test_a_slow_client_is_closed_and_holds_up_nobody(
    gateway: Gateway, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(gateway, served) as slow:
        await frame(slow)
        client = next(iter(gateway.app.state.parts.hub._clients))
        for n in range(hub_module.QUEUE_FRAMES + 1):
            client.offer(n + 1, "{}")
        assert client.end.result() == ("resync", 1013)
        with pytest.raises(websockets.ConnectionClosed):
            await to_the_end(slow)
        async with listening(gateway, served) as other:
            await frame(other)
            await append(gateway, {"type": "test"})
            assert (await frame(other))["type"] == "test"


async def test_stopping_says_so(gateway: Gateway, served: str) -> None:
    async with listening(gateway, served) as socket:
        await frame(socket)
        gateway.app.state.draining = True
        assert await frame(socket) == {"type": "bye", "reason": "shutting down"}


@pytest.mark.parametrize(
    ("role", "headers", "status"),
    [
        (Role.CUSTOMER, {}, 403),
        (Role.AGENT, {"Origin": "https://evil.example"}, 403),
        (Role.AGENT, {"Origin": "null"}, 403),
        (Role.AGENT, {"Sec-Fetch-Site": "cross-site"}, 403),
        (None, {}, 401),
        (None, {"Authorization": "Bearer nonsense"}, 401),
    ],
)
async def test_who_may_not_listen_is_refused(
    gateway: Gateway, served: str, role: Role | None, headers: dict[str, str], status: int
) -> None:
    if role is not None:
        headers = {"Authorization": f"Bearer {await gateway.token(role)}", **headers}
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(f"ws://{served}/api/live", additional_headers=headers):
            pass
    assert refused.value.response.status_code == status


async def test_a_page_of_another_origin_cannot_listen_with_our_cookie(gateway: Gateway, served: str) -> None:
    client = await gateway.signed_in()
    cookie = {"Cookie": f"desk_access={client.cookies['desk_access']}"}
    for foreign in ({}, {"Origin": "https://evil.example"}):
        with pytest.raises(websockets.InvalidStatus):
            async with connect(f"ws://{served}/api/live", additional_headers={**cookie, **foreign}):
                pass
    ours = {**cookie, "Origin": gateway.settings.public_url}
    async with connect(f"ws://{served}/api/live", additional_headers=ours) as socket:
        assert (await frame(socket))["type"] == "hello"


async def test_tickets_are_shown_as_list_rows_without_their_text(gateway: Gateway, served: str) -> None:
    (admin,) = await gateway.rows("SELECT id FROM accounts WHERE email = :email", email=ADMIN)
    shown = ticket(assignee_id=admin.id, tags=("vip",))
    async with listening(gateway, served) as socket:
        await frame(socket)
        async with gateway.database.transaction() as session:
            reply = message(MessageKind.REPLY, after=timedelta(minutes=1), text="a secret reply")
            await service.show(session, [event_of(TicketMessageAdded(ticket=shown, message=reply), shown.id)])
        first = await frame(socket)
        async with gateway.database.transaction() as session:
            changed = TicketChanged(ticket=shown, changes={}, actor=ACTOR, cause="test", changed_at=START)
            await service.show(session, [event_of(changed, shown.id)])
        second = await frame(socket)
    at = (START + timedelta(minutes=1)).isoformat()
    assert first["type"] == "ticket.upserted"
    assert first["ticket"] == {
        "id": str(shown.id),
        "number": 7,
        "subject": "Printer on fire",
        "status": "open",
        "status_key": None,
        "snoozed_until": None,
        "priority": "high",
        "type": "incident",
        "type_key": None,
        "review": None,
        "channel": "email",
        "language": None,
        "requester": {"customer_id": str(shown.requester.customer_id), "name": "Ana"},
        "assignee": {"id": str(admin.id), "name": "Administrator"},
        "group": None,
        "tags": ["vip"],
        "created_at": START.isoformat(),
        "updated_at": START.isoformat(),
        "version": 3,
        "last_message_at": at,
    }
    assert second["ticket"]["last_message_at"] == at
    for secret in ("secret reply", "ana@example.com"):
        assert secret not in json.dumps([first, second])


async def test_a_batch_is_shown_event_by_event_in_its_order(gateway: Gateway) -> None:
    one, other = ticket(), ticket()
    first = message(MessageKind.CUSTOMER)
    clock = SlaClockChanged(ticket_id=one.id, clocks=(), next_due_at=None, changed_at=START)
    events = [
        event_of(TicketCreated(ticket=one, message=first, actor=ACTOR), one.id),
        event_of(TicketCreated(ticket=other, message=first, actor=ACTOR), other.id),
        event_of(clock, one.id),
        event_of(TicketChanged(ticket=one, changes={}, actor=ACTOR, cause="test", changed_at=START), one.id),
    ]
    async with gateway.database.transaction() as session:
        await service.show(session, events)
    frames = [row.frame for row in await gateway.rows("SELECT frame FROM live_frames ORDER BY seq")]
    assert [(frame["type"], frame.get("ticket_id") or frame["ticket"]["id"]) for frame in frames] == [
        ("ticket.upserted", str(one.id)),
        ("ticket.upserted", str(other.id)),
        ("ticket.sla", str(one.id)),
        ("ticket.upserted", str(one.id)),
    ]
    assert frames[3]["ticket"]["last_message_at"] == START.isoformat()


async def test_replies_that_leave_later_are_told_and_what_they_say_is_not(gateway: Gateway) -> None:
    shown = ticket(status_key="in_repair", snoozed_until=START)
    reply = {"id": str(uuid7()), "author": {"id": str(uuid7()), "name": "Ada"}, "release_at": START.isoformat()}
    changes = [
        {"leaving": FieldChange(after=reply)},
        {"leaving": FieldChange(before=reply)},
        {"status": FieldChange(before="new", after="open")},
    ]
    events = [
        event_of(TicketChanged(ticket=shown, changes=each, actor=ACTOR, cause="test", changed_at=START), shown.id)
        for each in changes
    ]
    async with gateway.database.transaction() as session:
        await service.show(session, events)
    frames = [row.frame for row in await gateway.rows("SELECT frame FROM live_frames ORDER BY seq")]
    about = {"type": "ticket.leaving", "ticket_id": str(shown.id)}
    assert frames[:2] == [{**about, "reply": reply}, {**about, "reply": {**reply, "release_at": None}}]
    assert (frames[2]["ticket"]["status_key"], frames[2]["ticket"]["snoozed_until"]) == (
        "in_repair",
        START.isoformat(),
    )


async def test_an_older_message_that_comes_late_does_not_turn_back_when_the_last_one_came(gateway: Gateway) -> None:
    shown = ticket()
    last, late = (message(MessageKind.CUSTOMER, after=timedelta(minutes=minutes)) for minutes in (5, 1))
    for batch in ([last, late], [late]):
        async with gateway.database.transaction() as session:
            events = [event_of(TicketMessageAdded(ticket=shown, message=message), shown.id) for message in batch]
            await service.show(session, events)
    frames = await gateway.rows("SELECT frame FROM live_frames ORDER BY seq")
    assert {row.frame["ticket"]["last_message_at"] for row in frames} == {last.added_at.isoformat()}


@pytest.mark.parametrize("kind", [MessageKind.NOTE, MessageKind.SYSTEM])
async def test_a_message_that_no_customer_sees_is_not_the_last_one(gateway: Gateway, kind: MessageKind) -> None:
    """As in lists: else a row would say another time until it is read again."""
    shown, silent = ticket(), ticket()
    inside = message(kind, after=timedelta(minutes=1), text="a secret note")
    async with gateway.database.transaction() as session:
        await service.show(
            session,
            [
                event_of(TicketCreated(ticket=shown, message=message(MessageKind.CUSTOMER), actor=ACTOR), shown.id),
                event_of(TicketMessageAdded(ticket=shown, message=inside), shown.id),
                event_of(TicketMessageAdded(ticket=silent, message=inside), silent.id),
            ],
        )
    frames = [row.frame for row in await gateway.rows("SELECT frame FROM live_frames ORDER BY seq")]
    assert [frame["ticket"]["last_message_at"] for frame in frames] == [START.isoformat(), START.isoformat(), None]
    assert "secret" not in json.dumps(frames)


async def test_a_ticket_that_begins_with_a_reply_has_a_last_message(gateway: Gateway) -> None:
    shown = ticket()
    created = TicketCreated(ticket=shown, message=message(MessageKind.REPLY), actor=ACTOR)
    async with gateway.database.transaction() as session:
        await service.show(session, [event_of(created, shown.id)])
    [row] = await gateway.rows("SELECT frame FROM live_frames")
    assert row.frame["ticket"]["last_message_at"] == START.isoformat()


async def test_clocks_are_shown_as_one_badge(gateway: Gateway, served: str) -> None:
    ticket_id = uuid7()
    due = START + timedelta(hours=1)
    clock = Clock(
        metric=SlaMetric.FIRST_RESPONSE,
        state=ClockState.RUNNING,
        policy="default",
        target_seconds=3600,
        started_at=START,
        due_at=due,
        generation=1,
    )
    async with listening(gateway, served) as socket:
        await frame(socket)
        async with gateway.database.transaction() as session:
            changed = SlaClockChanged(ticket_id=ticket_id, clocks=(clock,), next_due_at=due, changed_at=START)
            await service.show(session, [event_of(changed, ticket_id)])
        assert await frame(socket) == {
            "seq": 1,
            "type": "ticket.sla",
            "ticket_id": str(ticket_id),
            "sla": {"next_due_at": due.isoformat(), "state": "running", "metric": "first_response"},
        }
