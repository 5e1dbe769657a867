"""What accounts are told: of what others did, by frames of their own, and nobody else's."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.gateway import notifications, service
from services.gateway.domain.notifications import MOST_KEPT, RETENTION, Notice, NoticeKind
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import Actor, ActorKind
from shared.events.tickets import FieldChange, MessageKind, TicketChanged, TicketMessageAdded
from shared.ids import uuid7
from tests.integration.events import START, event_of
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.test_live import frame, listening, message, ticket

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


async def show(gateway: Gateway, *told: TicketChanged | TicketMessageAdded) -> None:
    async with gateway.database.transaction() as session:
        await service.show(session, [event_of(each, each.ticket.id) for each in told])


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
