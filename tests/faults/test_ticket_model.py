"""R18: the ticket API and the intake against a model, in lockstep, by random sequences of what people do."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from desk.embedded.postgres import EmbeddedPostgres
from services.tickets.service import scheduled, snooze
from services.tickets.service import settings as kept_settings
from shared.db import Database, now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.asgi import Answer
from tests.conftest import Databases
from tests.faults import results
from tests.faults.supervisor import SEED, WHOLE, whole
from tests.faults.ticket_draws import FIELDS, STAFF, edits, moves, organisations
from tests.faults.ticket_model import CATEGORIES, Model, Organisation, Problem
from tests.integration.tickets.harness import Desk, Person, received, running_desk

Due = Callable[..., Awaitable[int]]

SEQUENCES = whole(short=25, at_full_length=5_000)
STEPS = 20
CUSTOMERS = ("ana", "bo")
# How often a caller comes back when told to: a bound on liveness.
PATIENCE = 10


class World:
    """One running service for all sequences, with an agent of each kind."""

    def __init__(self, admin_url: str) -> None:
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._stack = AsyncExitStack()
        self.runner.run(self._open(admin_url))

    async def _open(self, admin_url: str) -> None:
        databases = Databases(admin_url)
        url = (await databases.url("tickets"))["tickets"]
        self._stack.push_async_callback(databases.drop, url)
        database = Database(url, service="tickets")
        self._stack.push_async_callback(database.close)
        self.desk: Desk = await self._stack.enter_async_context(running_desk(database))
        self.staff = {role: await self.desk.person(Role(role)) for role in STAFF}

    async def forget(self) -> None:
        """No status is in use, nobody changed how tickets are worked, and everybody has just signed in."""
        self.staff = {
            role: replace(person, client=self.desk.callers.client(person.principal))
            for role, person in self.staff.items()
        }
        async with self.desk.database.transaction() as session:
            await session.execute(text("UPDATE tickets SET status_key = NULL WHERE status_key IS NOT NULL"))
            await session.execute(text("UPDATE tickets SET snoozed_until = NULL WHERE snoozed_until IS NOT NULL"))
            await session.execute(
                text("UPDATE scheduled_messages SET state = 'cancelled', settled_at = now() WHERE state = 'waiting'")
            )
            await session.execute(text("UPDATE settings SET document = NULL, version = version + 1"))
        kept_settings._kept.clear()

    async def all_due(self, due: Due) -> None:
        """What is due by time, within a month."""
        done = 1
        while done:
            async with self.desk.database.transaction() as session:
                done = await due(session, now=now_utc() + timedelta(days=30))

    def close(self) -> None:
        self.runner.run(self._stack.aclose())
        self.runner.close()


class TicketMachine(RuleBasedStateMachine):
    """Two customers, three people who work, and an admin who changes how they do."""

    world: ClassVar[World]
    counts: ClassVar[Counter[str]] = Counter()

    @initialize(organisation=organisations(), customer=st.sampled_from(CUSTOMERS))
    def begin(self, organisation: Organisation, customer: str) -> None:
        self.model = Model()
        self.ids: list[str] = []
        self.scheduled: list[str] = []
        self.customers: dict[str, Person] = {}
        self.conversations = {customer: uuid7() for customer in CUSTOMERS}
        self.run(self.world.forget())
        self.an_admin_changes_how_tickets_are_worked(organisation)
        self.a_customer_writes(customer, 0)

    def teardown(self) -> None:
        if hasattr(self, "model"):
            for ticket in range(len(self.ids)):
                self.compare(ticket, "agent")
            self.counts["sequences"] += 1

    def run(self, coroutine: Any) -> Any:
        return self.world.runner.run(coroutine)

    def ask(self, role: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        client = self.world.staff[role].client
        for _ in range(PATIENCE):
            answer: Answer = self.run(client.request(method, path, body=body, headers=headers))
            if answer.status != 503:
                break
            # A machine that was too busy: nothing was done, and the answer asks to come back.
            self.counts["asked_again"] += 1
            time.sleep(int(answer.headers.get("retry-after", "1")))
        return answer

    def judge(self, answer: Answer, problem: Problem) -> None:
        """It is refused if the model refuses it, and for the same reason."""
        self.counts["steps"] += 1
        told = None if answer.status < 400 else (answer.status, answer.json()["type"].removeprefix("/problems/"))
        assert told == problem, f"the API: {told}, the model: {problem}; {answer.body!r}"
        self.counts["refused"] += problem is not None
        self.counts[problem[1] if problem else "done"] += 1

    def compare(self, ticket: int, role: str) -> None:
        """The ticket is what the model says, as somebody of this role sees it."""
        expected, view = self.model.tickets[ticket], self.ask(role, "GET", self.path(ticket)).json()
        organisation = self.model.organisation
        staff = {str(person.principal.account_id): name for name, person in self.world.staff.items()}
        assert {
            "status": view["status"],
            "status_key": view["status_key"],
            "type": view["type"],
            "priority": view["priority"],
            "by_hand": view["priority_by_hand"],
            "urgency": view["urgency"],
            "impact": view["impact"],
            "group": view["group"],
            "tags": tuple(view["tags"]),
            "assignee": staff[view["assignee"]["id"]] if view["assignee"] else None,
            "follow_up_of": view["follow_up_of"],
            "merged_into": view["merged_into"],
            "solved": view["solved_at"] is not None,
            "version": view["version"],
            "messages": view["thread_version"],
            "snoozed": view["snoozed_until"] is not None,
            "allowed": view["allowed_statuses"],
        } == {
            "status": expected.status,
            "status_key": organisation.shown(expected.status, expected.key),
            "type": expected.type,
            "priority": expected.priority,
            "by_hand": expected.by_hand,
            "urgency": expected.urgency,
            "impact": expected.impact,
            "group": expected.group,
            "tags": expected.tags,
            "assignee": expected.assignee,
            "follow_up_of": None if expected.follow_up_of is None else self.ids[expected.follow_up_of],
            "merged_into": None if expected.merged_into is None else self.ids[expected.merged_into],
            "solved": expected.solved_on is not None,
            "version": expected.version,
            "messages": expected.messages,
            "snoozed": expected.snoozed is not None,
            "allowed": organisation.ways(role, expected.status),
        }

    def compare_draft(self, ticket: int, role: str) -> None:
        """What somebody has begun to write is what the model says."""
        found = self.ask(role, "GET", f"{self.path(ticket)}/draft").json()["draft"]
        assert ((found["kind"], found["text"]) if found else None) == self.model.drafts.get((ticket, role))

    def path(self, ticket: int) -> str:
        return f"/api/tickets/{self.ids[ticket]}"

    def some(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(range(len(self.ids))), label="ticket")

    @rule(customer=st.sampled_from(CUSTOMERS), days=st.sampled_from([0, 0, 6, 8]))
    def a_customer_writes(self, customer: str, days: int) -> None:
        message = received(
            f"{self.conversations[customer]}@example.com",
            conversation_id=self.conversations[customer],
            received_at=now_utc() + timedelta(days=days),
        )
        self.run(self.world.desk.take(message))
        self.counts["steps"] += 1
        ticket = self.model.message(customer, days)
        row = self.run(self.world.desk.one("SELECT ticket_id FROM messages WHERE id = :id", id=message.message_id))
        if ticket == len(self.ids):
            self.ids.append(str(row.ticket_id))
        assert self.ids[ticket] == str(row.ticket_id), "it got into another ticket"
        self.compare(ticket, "agent")

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), what=st.sampled_from(["any", "over"]))
    def a_customer_replies_on_the_portal(self, data: st.DataObject, what: str) -> None:
        over = self.model.over() if what == "over" else []
        ticket = data.draw(st.sampled_from(over), label="ticket") if over else self.some(data)
        customer = self.model.tickets[ticket].requester
        if customer not in self.customers:
            address = f"{self.conversations[customer]}@example.com"
            self.customers[customer] = self.run(self.world.desk.person(Role.CUSTOMER, address))
        answer = self.run(self.customers[customer].client.post(f"{self.path(ticket)}/replies", {"text": "And?"}))
        self.judge(answer, None)
        heard = self.model.customers_reply(ticket)
        self.counts["follow-up"] += heard != ticket
        if heard == len(self.ids):
            self.ids.append(answer.json()["ticket"]["id"])
        assert answer.json()["ticket"]["id"] == self.ids[heard], "it got into another ticket"
        self.compare(ticket, "agent")
        self.compare(heard, "agent")

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), role=st.sampled_from(STAFF), status=st.sampled_from([None, None, *CATEGORIES[1:5]]))
    def somebody_replies(self, data: st.DataObject, role: str, status: str | None) -> None:
        ticket = self.some(data)
        answer = self.ask(role, "POST", f"{self.path(ticket)}/replies", {"text": "So.", "status": status})
        self.judge(answer, self.model.reply(ticket, role, status))
        self.compare(ticket, role)
        self.compare_draft(ticket, role)

    @precondition(lambda self: self.ids)
    @rule(
        data=st.data(),
        role=st.sampled_from(STAFF),
        fields=edits,
        move=moves,
        behind=st.sampled_from([0] * 9 + [1]),
    )
    def somebody_edits(
        self, data: st.DataObject, role: str, fields: dict[str, Any], move: dict[str, Any], behind: int
    ) -> None:
        ticket = self.some(data)
        version = self.model.tickets[ticket].version - behind
        answer = self.ask(role, "PATCH", self.path(ticket), {**fields, **move}, if_match=f'"{version}"')
        if behind:
            self.judge(answer, (412, "precondition-failed"))
            return
        moved_from = self.model.tickets[ticket].status
        problem = self.model.edit(ticket, role, {**fields, **move})
        self.judge(answer, problem)
        if problem == (422, "fields-missing"):
            wanted = answer.json()
            filled = {name: fields.get(name, getattr(self.model.tickets[ticket], name)) for name in FIELDS}
            assert wanted["fields"], "which fields are missing has to be told"
            assert not any(filled[name] for name in wanted["fields"])
        if problem in {(409, "invalid-transition"), (403, "way-closed")}:
            assert answer.json()["allowed"] == self.model.organisation.ways(role, moved_from)
        self.compare(ticket, role)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), role=st.sampled_from(STAFF), to=st.sampled_from([None, *STAFF, "claim"]))
    def somebody_assigns_or_claims(self, data: st.DataObject, role: str, to: str | None) -> None:
        ticket = self.some(data)
        if to == "claim":
            self.judge(self.ask(role, "POST", f"{self.path(ticket)}/claim"), self.model.claim(ticket, role))
        else:
            account = str(self.world.staff[to].principal.account_id) if to else None
            answer = self.ask(role, "PUT", f"{self.path(ticket)}/assignee", {"assignee_id": account}, if_match="*")
            self.judge(answer, self.model.assign(ticket, to))
        self.compare(ticket, role)

    @precondition(lambda self: len(self.ids) > 1)
    @rule(data=st.data(), role=st.sampled_from(STAFF), itself=st.sampled_from([False] * 9 + [True]))
    def somebody_merges(self, data: st.DataObject, role: str, itself: bool) -> None:
        target = self.some(data)
        others = [ticket for ticket in range(len(self.ids)) if (ticket == target) is itself]
        source = data.draw(st.sampled_from(others), label="source")
        answer = self.ask(role, "POST", f"{self.path(target)}/merges", {"sources": [self.ids[source]]})
        problem = self.model.merge(target, source)
        self.judge(answer, problem)
        self.counts["merged"] += problem is None
        for ticket in (target, source):
            self.compare(ticket, role)

    @precondition(lambda self: any(ticket.merged_into is not None for ticket in self.model.tickets))
    @rule(data=st.data(), role=st.sampled_from(STAFF))
    def somebody_takes_a_merge_back(self, data: st.DataObject, role: str) -> None:
        merged = [number for number, ticket in enumerate(self.model.tickets) if ticket.merged_into is not None]
        source = data.draw(st.sampled_from(merged), label="source")
        target = self.model.tickets[source].merged_into
        assert target is not None
        answer = self.ask(role, "DELETE", f"{self.path(target)}/merges/{self.ids[source]}")
        problem = self.model.undo_merge(target, source)
        self.judge(answer, problem)
        self.counts["merge taken back"] += problem is None
        for ticket in (target, source):
            self.compare(ticket, role)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), role=st.sampled_from(STAFF))
    def somebody_splits(self, data: st.DataObject, role: str) -> None:
        ticket = self.some(data)
        query = "SELECT id FROM messages WHERE ticket_id = :id ORDER BY position LIMIT 1"
        first = self.run(self.world.desk.one(query, id=self.ids[ticket]))
        answer = self.ask(role, "POST", f"{self.path(ticket)}/split", {"message_id": str(first.id)})
        self.judge(answer, None)
        new = self.model.split(ticket)
        assert (answer.status == 201) is (new == len(self.ids))
        if new == len(self.ids):
            self.ids.append(answer.json()["id"])
        assert answer.json()["id"] == self.ids[new]
        self.compare(ticket, role)
        self.compare(new, role)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), role=st.sampled_from(STAFF))
    def somebody_solves_and_closes(self, data: st.DataObject, role: str) -> None:
        ticket = self.some(data)
        for status in ("solved", "closed"):
            answer = self.ask(role, "PATCH", self.path(ticket), {"status": status}, if_match="*")
            self.judge(answer, self.model.edit(ticket, role, {"status": status}))
        self.compare(ticket, role)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), role=st.sampled_from(STAFF), days=st.sampled_from([None, 1, 2]))
    def somebody_puts_off_or_wakes(self, data: st.DataObject, role: str, days: int | None) -> None:
        ticket, until = self.some(data), None if days is None else now_utc() + timedelta(days=days)
        path, body = f"{self.path(ticket)}/snooze", {"until": until.isoformat()} if until else None
        answer = self.ask(role, "PUT" if until else "DELETE", path, body, if_match="*")
        self.judge(answer, self.model.snooze(ticket, None if days is None else self.counts["steps"]))
        self.compare(ticket, role)

    @precondition(lambda self: any(ticket.snoozed is not None for ticket in self.model.tickets))
    @rule()
    def what_is_put_off_is_due(self) -> None:
        self.run(self.world.all_due(snooze.wake_due))
        self.model.wake()
        self.counts["woken"] += 1

    @precondition(lambda self: self.ids)
    @rule(
        data=st.data(),
        role=st.sampled_from(STAFF),
        kind=st.sampled_from(["reply", "note"]),
        words=st.sampled_from(["", "Begun."]),
    )
    def somebody_begins_to_write(self, data: st.DataObject, role: str, kind: str, words: str) -> None:
        ticket = self.some(data)
        body = {"kind": kind, "text": words, "thread_version": 1}
        self.judge(self.ask(role, "PUT", f"{self.path(ticket)}/draft", body, if_match="*"), None)
        self.model.drafts[ticket, role] = (kind, words)
        self.compare_draft(ticket, role)

    @precondition(lambda self: self.ids)
    @rule(
        data=st.data(),
        role=st.sampled_from(STAFF),
        status=st.sampled_from([None, None, *CATEGORIES[1:5]]),
        then=st.sampled_from(["wait", "due", "back"]),
    )
    def somebody_replies_later(self, data: st.DataObject, role: str, status: str | None, then: str) -> None:
        ticket = self.some(data)
        body = {"text": "Later.", "status": status, "undo_seconds": 60}
        answer = self.ask(role, "POST", f"{self.path(ticket)}/replies", body)
        problem = self.model.schedule(ticket, role, status)
        self.judge(answer, problem)
        if problem is None:
            self.scheduled.append(answer.headers["location"])
        self.compare_draft(ticket, role)
        self.compare(ticket, role)
        if then == "due":
            self.replies_are_due()
        elif then == "back" and self.scheduled:
            self.somebody_takes_a_reply_back(data, role)

    @precondition(lambda self: self.scheduled)
    @rule(data=st.data(), role=st.sampled_from(STAFF))
    def somebody_takes_a_reply_back(self, data: st.DataObject, role: str) -> None:
        number = data.draw(st.sampled_from(range(len(self.scheduled))), label="reply")
        self.judge(self.ask(role, "DELETE", self.scheduled[number]), self.model.take_back(number))
        self.counts[f"asked back: {self.model.waiting[number].state}"] += 1
        self.compare_draft(self.model.waiting[number].ticket, self.model.waiting[number].role)

    @precondition(lambda self: any(one.state == "waiting" for one in self.model.waiting))
    @rule()
    def replies_are_due(self) -> None:
        self.run(self.world.all_due(scheduled.release_due))
        self.model.release()
        for one, path in zip(self.model.waiting, self.scheduled, strict=True):
            assert self.ask("agent", "GET", path).json()["state"] == one.state
            self.counts[one.state] += 1
            self.compare_draft(one.ticket, one.role)
            self.compare(one.ticket, one.role)

    @rule(organisation=organisations())
    def an_admin_changes_how_tickets_are_worked(self, organisation: Organisation) -> None:
        answer = self.ask("admin", "PUT", "/api/settings/tickets", organisation.document(), if_match="*")
        self.judge(answer, self.model.organise(organisation))


@pytest.fixture
def world(postgres: EmbeddedPostgres) -> Iterator[World]:
    made = World(postgres.admin_url)
    yield made
    made.close()


def test_r18_the_ticket_api_does_what_the_model_does(world: World) -> None:
    machine = seed(SEED)(TicketMachine)
    machine.world, machine.counts = world, Counter()
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=SEQUENCES,
                stateful_step_count=STEPS,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        print(dict(machine.counts))
    counts = machine.counts
    found = {
        "id": "R18",
        "seed": SEED,
        "run": "whole" if WHOLE else "short",
        "sequences": counts["sequences"],
        "steps": counts["steps"],
        "refused": counts["refused"],
        "asked_again": counts["asked_again"],
        "divergences": 0,  # the first one would have ended the run
    }
    results.write(results.result_name("R18", "", at_full_length=WHOLE), found)
