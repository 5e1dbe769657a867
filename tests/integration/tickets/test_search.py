"""Search: who finds what by which line, in which order, and what nobody finds."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.tickets.domain.conditions import holds
from services.tickets.domain.query import read
from services.tickets.domain.search import FIELDS, VALUES
from services.tickets.domain.spans import Corpus
from services.tickets.service import facts
from services.tickets.service.documents import Indexer
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.routing import TicketClassified
from shared.ids import uuid7
from tests.integration.events import START, at, event_of
from tests.integration.tickets.harness import Desk, Person, received
from tests.integration.tickets.test_lifecycle import with_own_status

ANA = "ana@example.com"


async def index(desk: Desk, indexer: Indexer | None = None) -> None:
    """Make all documents, as the worker's timer does."""
    indexer = indexer or Indexer()
    done = 1
    while done:
        async with desk.database.transaction() as session:
            done = await indexer.run(session, now_utc())


async def find(person: Person, q: str, **query: Any) -> list[str]:
    """Subjects of what somebody finds."""
    answer = await person.client.get("/api/tickets/search", q=q, **query)
    assert answer.status == 200, answer.body
    return [hit["ticket"]["subject"] for hit in answer.json()["items"]]


async def ticket_id(desk: Desk, subject: str) -> UUID:
    found: UUID = (await desk.one("SELECT id FROM tickets WHERE subject = :subject", subject=subject)).id
    return found


async def note(desk: Desk, subject: str, text: str) -> None:
    """An agent's note, which stays inside."""
    agent = await desk.person()
    path = f"/api/tickets/{await ticket_id(desk, subject)}/notes"
    assert (await agent.client.post(path, {"text": text}, idempotency_key=str(uuid7()))).status == 201


async def test_what_was_written_is_found_in_every_language(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(
        received(subject="退款", text="我昨天在网上申请退款但是没有收到", received_at=at(1)),
        received(subject="Rechnung", text="Die Straße auf der RECHNUNG ist falsch", received_at=at(2)),
        received(subject="เงินคืน", text="ฉันต้องการเงินคืนภายในสัปดาห์นี้", received_at=at(3)),
        received(subject="شكوى", text="أريد استرداد الفاتورة الأخيرة", received_at=at(4)),
    )
    await index(desk)
    assert await find(agent, "没有收到") == ["退款"]
    assert await find(agent, "strasse") == ["Rechnung"]
    assert await find(agent, "ต้องการ") == ["เงินคืน"]
    assert await find(agent, "فاتورة") == ["شكوى"]
    assert await find(agent, "falsch OR 申请") == ["Rechnung", "退款"]
    assert await find(agent, '"auf der rechnung"') == ["Rechnung"]
    assert await find(agent, '"rechnung auf"') == []
    assert await find(agent, "rechn*") == ["Rechnung"]
    assert await find(agent, "rechn") == []


async def test_words_of_a_message_that_came_later_and_of_a_new_subject_are_found(desk: Desk) -> None:
    agent = await desk.person()
    first = received(subject="Broken lamp")
    await desk.take(first)
    indexer = Indexer()
    await index(desk, indexer)
    await desk.take(received(conversation_id=first.conversation_id, text="The bulb is fine.", received_at=at(60)))
    await index(desk, indexer)
    assert await find(agent, "lamp bulb") == ["Broken lamp"]
    edit = {"subject": "Broken lantern"}
    path = f"/api/tickets/{await ticket_id(desk, 'Broken lamp')}"
    assert (await agent.client.patch(path, edit, if_match="*")).status == 200
    await index(desk, indexer)
    assert await find(agent, "lantern") == ["Broken lantern"]
    assert await find(agent, "lamp") == []


@pytest.mark.parametrize(
    ("spans", "bounds"),
    [((), {}), ((1, 8, 64), {}), ((), {"_FEW": 0}), ((1, 8, 64), {"_FEW": 0}), ((), {"_SOME": 0})],
    ids=["all at once", "span by span", "all, by fields", "span by span, by fields", "few, by the index"],
)
async def test_the_newest_are_first_and_pages_neither_skip_nor_repeat(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, spans: tuple[int, ...], bounds: dict[str, int]
) -> None:
    """Hits of several days, months and years, some of them at the same moment."""
    monkeypatch.setattr(Corpus, "spans", lambda *_, **__: iter(spans))
    for name, bound in bounds.items():
        monkeypatch.setattr(f"services.tickets.repository.search.{name}", bound)
    agent = await desk.person()
    days = [0, 0, 0, 1, 5, 9, 9, 40, 70, 70, 300, 600, 601, 1500]
    await desk.take(
        *(
            received(f"c{n}@example.com", subject=f"{day} {n}", received_at=at(-day * 86_400))
            for n, day in enumerate(days)
        )
    )
    await index(desk)
    a_week_before = at(-7 * 86_400).strftime("%Y-%m-%dT%H:%M:%SZ")
    older = [day for day in days if day > 7]
    for q, wanted in {
        **dict.fromkeys(("burns", "-lamp", "", "burns created<2030-01-01", '"burns"'), days),
        **dict.fromkeys((f"burns created<{a_week_before}", f"-lamp -created>={a_week_before}"), older),
    }.items():
        for limit in (1, 3, 50):
            found: list[str] = []
            cursor: dict[str, str] = {}
            while True:
                page = (await agent.client.get("/api/tickets/search", q=q, limit=limit, **cursor)).json()
                found += [hit["ticket"]["subject"] for hit in page["items"]]
                if page["next_cursor"] is None:
                    break
                cursor = {"cursor": page["next_cursor"]}
            assert [int(subject.split()[0]) for subject in found] == wanted, (q, limit)
            assert len(set(found)) == len(wanted), (q, limit)


async def test_customers_find_what_they_may_read_and_nothing_else(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, ANA)
    await desk.take(
        received(ANA, subject="Mine", text="late parcel"),
        received("bo@example.com", subject="Other", text="late parcel"),
    )
    await note(desk, "Mine", "a difficult fraudster")
    await index(desk)
    assert await find(agent, "parcel fraudster") == ["Mine"]
    assert await find(ana, "parcel") == ["Mine"]
    assert await find(ana, "fraud* OR difficult") == []
    assert await find(ana, '"difficult fraudster"') == []
    # By what is not there a note would be guessed at, too.
    assert await find(ana, "-fraudster") == ["Mine"]
    for line in ("group:billing", "tags:vip", "due<+1d", "requester:bo@example.com"):
        assert await find(ana, line) == [], line  # no fields of theirs, and no words of the ticket


@pytest.mark.parametrize("q", ["parcel", "fraudster", "-nothing"])
async def test_an_excerpt_for_a_customer_is_of_what_they_may_read(desk: Desk, q: str) -> None:
    ana = await desk.person(Role.CUSTOMER, ANA)
    await desk.take(received(ANA, subject="Mine", text="late parcel of the fraudster"))
    await note(desk, "Mine", "a parcel of a fraudster")
    await index(desk)
    (hit,) = (await ana.client.get("/api/tickets/search", q=q)).json()["items"]
    pieces = hit["excerpt"]["pieces"] if hit["excerpt"] else []
    assert "".join(piece["text"] for piece in pieces) in {"", "late parcel of the fraudster"}


async def test_hits_are_shown_where_they_stand(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(received(subject="ÉTÉ parcel", text="x" * 500 + " <b>Été</b> is late 😀 parcel " + "y" * 500))
    await index(desk)
    (hit,) = (await agent.client.get("/api/tickets/search", q="ete parcel")).json()["items"]
    assert [(piece["text"], piece["found"]) for piece in hit["subject"]] == [
        ("ÉTÉ", True),
        (" ", False),
        ("parcel", True),
    ]
    pieces = hit["excerpt"]["pieces"]
    assert [piece["text"] for piece in pieces if piece["found"]] == ["Été", "parcel"]
    around = "".join(piece["text"] for piece in pieces)
    assert " <b>Été</b> is late 😀 parcel " in around
    assert len(around) < 300


async def test_a_line_that_cannot_be_read_says_where(desk: Desk) -> None:
    agent = await desk.person()
    for q, position, part in (
        ("status:opne", 7, "open"),
        ("late (parcel", 5, "never closed"),
        ("statsu:open", 0, "status"),
        ("created>yesterday", 8, ""),
        ("x" * 1001, None, ""),
    ):
        answer = await agent.client.get("/api/tickets/search", q=q)
        problem = answer.json()
        assert answer.status == 422, q
        if position is not None:
            assert problem["type"] == "/problems/bad-search"
            assert problem["position"] == position, q
            assert part in problem["detail"]
    assert (await agent.client.get("/api/tickets/search", q="", zone="Mars")).status == 422
    assert (await agent.client.get("/api/tickets/search")).status == 422


async def test_days_begin_where_the_asker_is(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(received(subject="Late", received_at=START.replace(hour=23)))
    await index(desk)
    assert await find(agent, "created:2026-03-02") == ["Late"]
    assert await find(agent, "created:2026-03-03") == []
    assert await find(agent, "created:2026-03-03", zone="Asia/Tokyo") == ["Late"]


LINES = (
    "status:open", "-status:open", "status:open,pending", "priority:high", "type:billing", "channel:phone,email",
    "language:de", "language:none", "-language:de", "group:billing", "group:none", "-group:billing", "tags:vip",
    "tags:vip,late", "tags:none", "-tags:vip", "assignee:none", "assignee:me", "-assignee:me",
    "created>2026-03-03", "created<=2026-03-03", "created:2026-03-04", "due:none",
    "solved:none", "due<2030-01-01", "-due<2030-01-01", "status:open OR tags:vip", "-(status:open OR tags:vip)",
    "-(group:billing tags:vip)", "group:billing -(language:de OR due:none)", "number:1", "-number:1", "brand:default",
)  # fmt: skip


async def test_conditions_mean_the_same_here_and_in_python(desk: Desk) -> None:
    """Above all that of an empty field nothing holds, and so the opposite does."""
    agent = await desk.person()
    await desk.take(
        *(
            received(f"c{n}@example.com", subject=f"{'LAMP' if n % 3 else '50% off'} {n}", received_at=at(n * 40_000))
            for n in range(12)
        )
    )
    await index(desk)
    async with desk.database.transaction() as session:
        await session.execute(
            text("""
                UPDATE tickets SET status = (ARRAY['new', 'open', 'pending'])[1 + number % 3],
                    priority = CASE WHEN number % 4 = 0 THEN 'high' ELSE 'low' END,
                    type = CASE WHEN number % 5 = 0 THEN 'billing' ELSE 'question' END,
                    channel = CASE WHEN number % 2 = 0 THEN 'phone' ELSE 'chat' END,
                    language = (ARRAY['de', 'en', NULL])[1 + number % 3],
                    "group" = CASE WHEN number % 2 = 0 THEN 'billing' END,
                    tags = (ARRAY['{vip}', '{}', '{late,vip}', '{late}'])[1 + number % 4]::text[],
                    assignee_id = CASE WHEN number % 3 = 0 THEN CAST(:me AS uuid) END,
                    sla_next_due_at = CASE WHEN number % 3 = 1 THEN created_at END"""),
            {"me": str(agent.principal.account_id)},
        )
    tickets = await desk.rows("SELECT * FROM tickets")
    for line in LINES:
        condition = read(line, FIELDS, VALUES)
        wanted = {
            ticket.subject
            for ticket in tickets
            if holds(
                condition,
                ticket._asdict()
                | {"created": ticket.created_at, "due": ticket.sla_next_due_at, "solved": ticket.solved_at}
                | {"assignee": "me" if ticket.assignee_id else None, "number": str(ticket.number)},
                now=START,
            )
        }
        assert set(await find(agent, line)) == wanted, line
        # With words beside it, another way is taken.
        assert set(await find(agent, f"burns {line}")) == wanted, line
        assert set(await find(agent, f"nothing OR ({line})")) == wanted, line


async def test_words_of_the_subject_are_asked_for_by_themselves(desk: Desk) -> None:
    agent, ana = await desk.person(), await desk.person(Role.CUSTOMER, ANA)
    await desk.take(
        received(ANA, subject="Late refund of 50%", text="a lamp"),
        received(ANA, subject="Lamps", text="late refund", received_at=at(1)),
    )
    await index(desk)
    for line, found in {
        "subject:refund": ["Late refund of 50%"],
        "subject:refunds": ["Late refund of 50%"],
        'subject:"refunds"': [],
        "subject:LATE,lamp": ["Lamps", "Late refund of 50%"],
        'subject:"late refund"': ["Late refund of 50%"],
        'subject:"refund late"': [],
        "subject:lam*": ["Lamps"],
        "-subject:lamps": ["Late refund of 50%"],
        "subject:50%": ["Late refund of 50%"],
        "refund -subject:refund": ["Lamps"],
        "subject:nothing OR number:2": ["Lamps"],
    }.items():
        for person in (agent, ana):
            assert await find(person, line, sort="newest") == found, line


async def test_other_forms_of_words_are_found_in_their_languages(desk: Desk) -> None:
    """By stems; a phrase, a beginning and what is excluded mean what they say."""
    agent = await desk.person()
    await desk.take(
        received(subject="en", text="two refunded orders", language="en"),
        received(subject="de", text="Alle Rückerstattungen fehlen", language="de-AT", received_at=at(1)),
        received(subject="ru", text="Возвраты денег", language="ru", received_at=at(2)),
        received(subject="none", text="no refunds", received_at=at(3)),
    )
    await index(desk)
    assert await find(agent, "refund") == ["none", "en"]
    assert await find(agent, "rückerstattung") == ["de"]
    assert await find(agent, "ruckerstattung") == ["de"]
    assert await find(agent, "возврат") == ["ru"]
    assert await find(agent, '"refund"') == []
    assert await find(agent, "order -refund") == ["en"]
    assert await find(agent, "refund order") == ["en"]


async def test_a_language_that_is_known_later_is_that_of_the_words(desk: Desk) -> None:
    agent = await desk.person()
    await desk.take(received(subject="Später", text="Alle Rückerstattungen fehlen"))
    indexer = Indexer()
    await index(desk, indexer)
    assert await find(agent, "rückerstattung") == []
    id_ = await ticket_id(desk, "Später")
    classified = TicketClassified(ticket_id=id_, language="de", language_confidence=1, classified_at=at(1))
    await desk.handle(facts.follow, event_of(classified, id_))
    assert (await agent.client.patch(f"/api/tickets/{id_}", {"priority": "high"}, if_match="*")).status == 200
    await index(desk, indexer)
    assert await find(agent, "rückerstattung") == ["Später"]


async def test_the_best_come_first_and_pages_neither_skip_nor_repeat(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there are more hits than are ranked, and where tickets are written to between the pages."""
    monkeypatch.setattr("services.tickets.service.search.BEST_OF", 8)
    agent = await desk.person()
    kinds = (("late refunds", "x"), ("x", "late refund"), ("x", "refund, but late"), ("late refund", "late refund"))
    await desk.take(
        *(
            received(f"c{n}@example.com", subject=f"{subject} {n}", text=text, language="en", received_at=at(n))
            for n, (subject, text) in enumerate(kinds * 3)
        )
    )
    await index(desk)
    # As written, in the subject; side by side elsewhere; other forms in the subject, or as written but apart.
    best = [11, 7, 9, 5, 10, 8, 6, 4]
    for limit in (1, 2, 3, 7, 50):
        found, cursor = [], {}
        while True:
            page = (await agent.client.get("/api/tickets/search", q="late refund", limit=limit, **cursor)).json()
            found += [int(hit["ticket"]["subject"].split()[-1]) for hit in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
            if len(found) == limit == 2:
                await desk.take(received(f"new{limit}@example.com", subject="late refund 99", received_at=at(600)))
                await index(desk)
        assert len(set(found)) == len(found), limit
        if limit <= 2:
            assert found == [*best, 3, 2, 1, 0], limit
    assert await find(agent, "late refund -99", sort="newest", limit=3) == ["late refund 11", "x 10", "x 9"]


async def test_people_are_asked_for_by_id_or_address(desk: Desk) -> None:
    agent = await desk.person(email="Sam@desk.example")
    await desk.take(received(ANA, subject="Mine"), received("bo@example.com", subject="Other", received_at=at(1)))
    await index(desk)
    claim = f"/api/tickets/{await ticket_id(desk, 'Mine')}/claim"
    assert (await agent.client.post(claim, idempotency_key="claim")).status == 200
    requester = (await desk.one("SELECT requester_id FROM tickets WHERE subject = 'Mine'")).requester_id
    for line in (
        "assignee:me", "assignee:sam@desk.example", f"assignee:{agent.principal.account_id}", f"requester:{ANA}",
        f"requester:{requester}", "requester:ANA@example.com", "-requester:bo@example.com", "assignee:me,nobody@x",
    ):  # fmt: skip
        assert await find(agent, line) == ["Mine"], line
    assert await find(agent, "requester:nobody@example.com") == []
    assert await find(agent, f"requester:{ANA},bo@example.com") == ["Other", "Mine"]
    by_phone = {"text": "Calls back.", "subject": "By phone", "requester": {"phone": "+4930123456"}}
    assert (await agent.client.post("/api/tickets", by_phone)).status == 201
    await index(desk)
    assert await find(agent, 'requester:"+49 (30) 123-456"') == ["By phone"]


async def test_statuses_of_the_organisations_own_are_asked_for_like_categories(desk: Desk) -> None:
    agent = await desk.person()
    await with_own_status(desk)
    await desk.take(received(subject="Waits"), received("bo@example.com", subject="New", received_at=at(1)))
    path = f"/api/tickets/{await ticket_id(desk, 'Waits')}"
    assert (await agent.client.patch(path, {"status": "open"}, if_match="*")).status == 200
    assert (await agent.client.patch(path, {"status_key": "waiting_for_parts"}, if_match="*")).status == 200
    await index(desk)
    assert await find(agent, "status:waiting_for_parts") == ["Waits"]
    assert await find(agent, "burns status:on_hold,new") == ["New", "Waits"]
    assert await find(agent, "burns -status:waiting_for_parts") == ["New"]
    assert (await agent.client.get("/api/tickets/search", q="status:pieces")).status == 422
