"""How many jobs there are, and whose turn it is."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.tickets.service import bulk, pace
from shared.events.accounts import Role
from tests.integration.tickets.harness import Desk
from tests.integration.tickets.test_bulk import asked, counts, items, job_of, made, tickets_of, work


async def test_jobs_have_their_turn_one_after_the_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 1)
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 3)
    paths = [await made(lead.client, asked(ids, add_tags=[str(n)])) for n in range(3)]
    runner = bulk.Runner()
    await work(desk, 3, runner)
    assert [(await job_of(lead.client, path))["progress"]["changed"] for path in paths] == [1, 1, 1]
    await work(desk, 5, runner)
    assert [(await job_of(lead.client, path))["progress"]["changed"] for path in paths] == [3, 3, 2]


async def test_a_job_that_fails_does_not_keep_the_others_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 1)
    bad = await made(lead.client, asked(ids, add_tags=["bad"]))
    good = await made(lead.client, asked(ids, add_tags=["good"]))
    tried = bulk.acted

    def failing(ticket: Any, actions: Any, *args: Any, **options: Any) -> Any:
        if actions.add_tags == ("bad",):
            raise RuntimeError("out of order")
        return tried(ticket, actions, *args, **options)

    monkeypatch.setattr(bulk, "acted", failing)
    runner = bulk.Runner()
    with pytest.raises(RuntimeError):
        await work(desk, 1, runner)
    assert await work(desk, 10, runner) == 1
    assert (await job_of(lead.client, good))["state"] == "done"
    assert counts(await job_of(lead.client, bad)) == {"total": 1, "waiting": 1}


async def test_a_ticket_that_always_fails_is_given_up_and_the_rest_is_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 8)
    monkeypatch.setattr(pace, "REST", timedelta())
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 20)
    path = await made(lead.client, asked(ids, add_tags=["a"]))
    tried = bulk.acted

    def failing(ticket: Any, *args: Any, **options: Any) -> Any:
        if ticket.id == ids[11]:
            raise RuntimeError("out of order")
        return tried(ticket, *args, **options)

    monkeypatch.setattr(bulk, "acted", failing)
    runner, failures = bulk.Runner(), 0
    while (await job_of(lead.client, path))["state"] == "running":
        try:
            await work(desk, 1, runner)
        except RuntimeError:
            failures += 1
        assert failures < 20
    assert counts(await job_of(lead.client, path)) == {"total": 20, "changed": 19, "refused": 1}
    (item,) = await items(lead.client, path, result="refused")
    assert (item["ticket_id"], item["problem"]["type"]) == (str(ids[11]), "/problems/internal-error")
    assert len(await desk.rows("SELECT id FROM tickets WHERE tags = '{a}'")) == 19


async def test_while_nobody_hears_of_changes_no_more_are_made(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 3)
    await made(lead.client, asked(ids, add_tags=["a"]))
    monkeypatch.setattr(pace, "MAX_UNSENT", 2)
    assert await work(desk) == 0
    monkeypatch.setattr(pace, "MAX_UNSENT", 3)
    assert await work(desk) == 3


async def test_somebody_has_only_so_many_jobs_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_RUNNING", 1)
    lead, other, ids = await desk.person(Role.SUPERVISOR), await desk.person(), await tickets_of(desk, 1)
    body = asked(ids, add_tags=["a"])
    waiting = await made(lead.client, {**body, "dry_run": True})
    await made(lead.client, body)
    await made(other.client, body)
    for path in ("/api/bulk", f"{waiting}/start"):
        answer = await lead.client.post(path, body if path == "/api/bulk" else None)
        assert (answer.status, answer.json()["type"]) == (409, "/problems/too-many-jobs")
    await work(desk)
    assert (await lead.client.post(f"{waiting}/start")).status == 200


async def test_many_who_ask_for_somebody_at_once_make_no_more_jobs(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_RUNNING", 2)
    lead, ids = await desk.person(Role.SUPERVISOR), await tickets_of(desk, 1)
    answers = await asyncio.gather(*(lead.client.post("/api/bulk", asked(ids, add_tags=[str(n)])) for n in range(6)))
    assert sorted(answer.status for answer in answers) == [202, 202, 409, 409, 409, 409]


async def test_of_many_dry_runs_the_newest_are_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_PREVIEWS", 2)
    lead, other, ids = await desk.person(Role.SUPERVISOR), await desk.person(), await tickets_of(desk, 1)
    body = {**asked(ids, add_tags=["a"]), "dry_run": True}
    others, started = await made(other.client, body), await made(lead.client, body)
    assert (await lead.client.post(f"{started}/start")).status == 200
    paths = [await made(lead.client, body) for _ in range(4)]
    assert [(await lead.client.get(path)).status for path in paths] == [404, 404, 200, 200]
    assert [(await lead.client.get(path)).status for path in (others, started)] == [200, 200]
    assert (await desk.one("SELECT count(*) AS n FROM bulk_items")).n == 4
