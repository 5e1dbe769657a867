"""What other services find out: languages, clocks, deliveries, accounts, and routing's proposals."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.tickets.service import facts, intake
from shared.events.accounts import AccountChanged, Role
from shared.events.messages import MessageDelivered, MessageFailed
from shared.events.routing import TicketClassified, TicketRouted
from shared.events.sla import Clock, ClockState, SlaClockChanged, SlaMetric
from shared.ids import uuid7
from tests.integration.events import START, event_of
from tests.integration.tickets.harness import Desk, Person, received
from tests.statements import sent


async def some_tickets(desk: Desk, count: int = 1, **fields: Any) -> list[Any]:
    await desk.take(*(received(f"c{n}@example.com", **fields) for n in range(count)))
    return list(await desk.rows("SELECT * FROM tickets ORDER BY number"))


async def ticket(desk: Desk, ticket_id: UUID) -> Any:
    return await desk.one("SELECT * FROM tickets WHERE id = :id", id=ticket_id)


def proposal(ticket: Any, agent: Person | None, **fields: Any) -> TicketRouted:
    given: dict[str, Any] = {
        "decision_id": uuid7(),
        "ticket_id": ticket.id,
        "ticket_version": ticket.version,
        "assignee_id": agent.principal.account_id if agent else None,
        "group": "printers",
        "queue": "printers",
        "reasons": (),
        "candidates": (),
        "routed_at": START + timedelta(seconds=1),
    }
    return TicketRouted(**(given | fields))


async def test_a_detected_language_fills_a_gap_and_moves_no_version(desk: Desk) -> None:
    silent, _ = await some_tickets(desk, 2)
    await desk.take(received("d@example.com", language="fr"))
    stated = await desk.one("SELECT * FROM tickets WHERE language = 'fr'")
    before = await desk.event_types()
    events = [
        event_of(TicketClassified(ticket_id=id_, language="de", language_confidence=0.9, classified_at=START), id_)
        for id_ in (silent.id, stated.id, uuid7())
    ]
    await desk.handle(facts.follow, *events)
    assert ((await ticket(desk, silent.id)).language, (await ticket(desk, silent.id)).version) == ("de", 1)
    assert (await ticket(desk, stated.id)).language == "fr"
    assert await desk.event_types() == before


async def test_an_abstaining_detector_says_nothing(desk: Desk) -> None:
    (one,) = await some_tickets(desk)
    data = TicketClassified(ticket_id=one.id, language=None, language_confidence=0, classified_at=START)
    await desk.handle(facts.follow, event_of(data, one.id))
    assert (await ticket(desk, one.id)).language is None


def clocks(ticket_id: UUID, due_in_minutes: int) -> SlaClockChanged:
    due = START + timedelta(minutes=due_in_minutes)
    clock = Clock(
        metric=SlaMetric.FIRST_RESPONSE,
        state=ClockState.RUNNING,
        policy="default",
        target_seconds=3600,
        started_at=START,
        due_at=due,
        generation=1,
    )
    return SlaClockChanged(ticket_id=ticket_id, clocks=(clock,), next_due_at=due, changed_at=START)


async def test_clocks_show_in_lists_and_stale_ones_never_win(desk: Desk) -> None:
    one, two = await some_tickets(desk, 2)
    await desk.handle(
        facts.follow,
        event_of(clocks(one.id, 60), one.id, version=2),
        event_of(clocks(two.id, 30), two.id, version=1),
        event_of(clocks(uuid7(), 1)),
    )
    await desk.handle(facts.follow, event_of(clocks(one.id, 10), one.id, version=1))
    agent = await desk.person()
    answer = await agent.client.get("/api/tickets", sort="sla_due")
    items = answer.json()["items"]
    assert [item["id"] for item in items] == [str(two.id), str(one.id)]
    assert items[1]["sla"] == {"next_due_at": "2026-03-02T10:00:00Z", "state": "running", "metric": "first_response"}
    assert items[1]["version"] == 1


async def test_a_proposal_is_applied(desk: Desk) -> None:
    agent = await desk.person()
    one, two = await some_tickets(desk, 2)
    await desk.handle(
        facts.follow,
        event_of(proposal(one, agent), one.id),
        event_of(proposal(two, None), two.id),
        event_of(proposal(one, agent, ticket_id=uuid7())),
    )
    routed, queued = await ticket(desk, one.id), await ticket(desk, two.id)
    assert (routed.assignee_id, routed.group, routed.status, routed.version) == (
        agent.principal.account_id,
        "printers",
        "open",
        2,
    )
    assert (queued.assignee_id, queued.group, queued.status, queued.version) == (None, "printers", "new", 2)
    changed = await desk.one(
        "SELECT data::jsonb AS data, causation_id FROM outbox WHERE type = 'ticket.changed.v1' AND aggregate_id = :id",
        id=str(one.id),
    )
    assert (changed.data["cause"], changed.data["actor"]["id"]) == ("routing", "routing")
    assert set(changed.data["changes"]) == {"assignee_id", "group", "status"}
    assert changed.causation_id is not None


async def test_a_language_a_proposal_and_clocks_that_come_together_are_one_write(desk: Desk) -> None:
    """Also where the proposal is declined, or the ticket states its language itself; whichever comes first."""
    agent, gone = await desk.person(), await desk.person(active=False)
    one, declined = await some_tickets(desk, 2)
    await desk.take(received("d@example.com", language="fr"))
    stated = await desk.one("SELECT * FROM tickets WHERE language = 'fr'")
    events = []
    for each, whom in ((one, agent), (declined, gone), (stated, agent)):
        found = TicketClassified(ticket_id=each.id, language="de", language_confidence=0.9, classified_at=START)
        told = [event_of(found, each.id), event_of(proposal(each, whom), each.id)]
        told.insert(len(events) % 2, event_of(clocks(each.id, 10), each.id, version=1))
        events += told
    async with sent(desk.database) as seen:
        await desk.handle(facts.follow, *events)
    assert sum(statement.sql.lstrip().startswith("UPDATE tickets.tickets") for statement in seen) == 1
    rows = [await ticket(desk, each.id) for each in (one, declined, stated)]
    assert [(row.language, row.version, row.status) for row in rows] == [
        ("de", 2, "open"),
        ("de", 1, "new"),
        ("fr", 2, "open"),
    ]
    assert {(row.sla_state, row.sla_event_version) for row in rows} == {("running", 1)}
    changed = await desk.one(
        "SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.changed.v1' AND aggregate_id = :id", id=str(one.id)
    )
    assert set(changed.data["changes"]) == {"assignee_id", "group", "status"}
    assert changed.data["ticket"]["language"] == "de"


async def test_edits_that_routing_does_not_rest_on_do_not_make_a_proposal_stale(desk: Desk) -> None:
    agent = await desk.person()
    (one,) = await some_tickets(desk)
    answer = await agent.client.patch(f"/api/tickets/{one.id}", {"subject": "Other", "tags": ["x"]}, if_match='"1"')
    assert answer.json()["version"] == 2
    await desk.handle(facts.follow, event_of(proposal(one, agent), one.id))
    assert (await ticket(desk, one.id)).assignee_id == agent.principal.account_id


async def test_a_proposal_for_a_ticket_that_moved_on_is_declined(desk: Desk) -> None:
    """Each reason on its own; a declined proposal changes nothing, and says which decision it was."""
    agent, gone = await desk.person(), await desk.person(active=False)
    taken, solved, moved, fine = await some_tickets(desk, 4)
    await agent.client.post(f"/api/tickets/{taken.id}/claim")
    await agent.client.patch(f"/api/tickets/{solved.id}", {"status": "solved"}, if_match="*")
    await agent.client.patch(f"/api/tickets/{moved.id}", {"group": "billing"}, if_match="*")
    before = [await ticket(desk, one.id) for one in (taken, solved, moved, fine)]
    proposals = [
        proposal(taken, agent, ticket_version=2),
        proposal(solved, agent, ticket_version=2),
        proposal(moved, agent),
        proposal(fine, gone),
    ]
    await desk.handle(facts.follow, *(event_of(data, data.ticket_id) for data in proposals))
    assert [await ticket(desk, one.id) for one in (taken, solved, moved, fine)] == before
    declined = await desk.rows(
        "SELECT data::jsonb AS data FROM outbox WHERE type = 'ticket.routing_declined.v1' ORDER BY id"
    )
    assert [(row.data["decision_id"], row.data["reason"]) for row in declined] == [
        (str(proposals[0].decision_id), "assigned in the meantime"),
        (str(proposals[1].decision_id), "the ticket is solved"),
        (str(proposals[2].decision_id), "changed in the meantime"),
        (str(proposals[3].decision_id), "the proposed agent is not active"),
    ]


async def test_what_became_of_a_reply_shows_and_the_later_word_counts(desk: Desk) -> None:
    agent = await desk.person()
    (one,) = await some_tickets(desk)
    answer = await agent.client.post(f"/api/tickets/{one.id}/replies", {"text": "Use water."})
    message_id = answer.json()["message"]["id"]
    of = {"message_id": message_id, "ticket_id": one.id, "conversation_id": one.conversation_id}
    delivered = MessageDelivered(**of, delivered_at=START + timedelta(minutes=2), external_id="<out@desk>")
    failed = MessageFailed(**of, failed_at=START + timedelta(minutes=1), reason="550 no\x00", attempts=3)
    await desk.handle(intake.keep_failed, event_of(failed))
    row = await desk.one("SELECT * FROM messages WHERE id = :id", id=message_id)
    assert (row.delivery_state, row.delivery_detail) == ("failed", "550 no\ufffd")
    await desk.handle(intake.keep_delivered, event_of(delivered))
    await desk.handle(intake.keep_failed, event_of(failed))
    row = await desk.one("SELECT * FROM messages WHERE id = :id", id=message_id)
    assert (row.delivery_state, row.delivery_detail, row.external_id) == ("delivered", None, "<out@desk>")


async def test_accounts_are_kept_by_their_version(desk: Desk) -> None:
    account_id = uuid7()

    def at(version: int, name: str) -> AccountChanged:
        return AccountChanged(
            account_id=account_id, email="A@desk.example", name=name, role=Role.AGENT, version=version
        )

    await desk.handle(facts.keep_accounts, event_of(at(2, "new")))
    await desk.handle(facts.keep_accounts, event_of(at(1, "old")))
    row = await desk.one("SELECT * FROM accounts")
    assert (row.name, row.email, row.version) == ("new", "a@desk.example", 2)
