"""Mail that was put aside: found, looked at, tried again, let in, deleted by somebody or by its age."""

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.ingestion.service import quarantine
from services.ingestion.service.quarantine import QuarantineKeeping
from shared.auth import Principal
from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.integration.ingestion.harness import Desk, mail

QUARANTINE = "/api/ingest/quarantine"


async def aside(desk: Desk, body: str = "Hello?", **headers: str) -> str:
    """The id of a mail whose sender cannot be read."""
    taken = await desk.take_mail(mail(body, **{"From": "nobody", "Subject": f"Lost {uuid7()}", **headers}))
    assert (taken["status"], taken["reason"]) == ("quarantined", "sender_unreadable")
    return str(taken["id"])


async def listed(desk: Desk, **query: str) -> list[str]:
    answer = await desk.as_(Role.AGENT).get(QUARANTINE, **query)
    assert answer.status == 200, answer.body
    return [item["id"] for item in answer.json()["items"]]


async def test_it_is_found_by_reason_and_words_and_counted(desk: Desk) -> None:
    first, second = await aside(desk, Subject="50%_off"), await aside(desk)
    third = (await desk.take_mail(mail(From="support@desk.example")))["id"]
    assert await listed(desk) == [third, second, first]
    assert await listed(desk, reason="sender_unreadable") == [second, first]
    assert await listed(desk, q="%_o") == [first]
    assert await listed(desk, q="SUPPORT@") == [third]
    summary = (await desk.as_(Role.AGENT).get(f"{QUARANTINE}/summary")).json()
    assert [(each["reason"], each["count"]) for each in summary["reasons"]] == [
        ("sender_unreadable", 2),
        ("from_our_own_address", 1),
    ]
    assert summary["total"] == 3


async def test_it_is_looked_at_as_text_and_as_a_download_in_a_sandbox(desk: Desk) -> None:
    id_ = await aside(desk, "<script>alert(1)</script>", Content_Type="text/html", X_Evil="\u202egnp.exe")
    seen = (await desk.as_(Role.AGENT).get(f"{QUARANTINE}/{id_}")).json()
    assert "From: nobody\n" in seen["headers"]
    assert "\u202e" not in seen["headers"]
    assert "alert(1)" not in seen["text"]
    path = f"{QUARANTINE}/{id_}/raw"
    raw = await desk.as_(Role.ADMIN).get(path)
    assert b"<script>alert(1)</script>" in raw.body
    assert raw.headers["content-type"].partition(";")[0] == "text/plain"
    assert raw.headers["content-disposition"].startswith("attachment")
    assert (raw.headers["x-content-type-options"], "sandbox" in raw.headers["content-security-policy"]) == (
        "nosniff",
        True,
    )
    assert (await desk.as_(Role.SUPERVISOR).get(path)).status == 403
    accepted = (await desk.take_mail(mail("fine")))["id"]
    for where in (f"{QUARANTINE}/{accepted}", f"{QUARANTINE}/{accepted}/raw"):
        assert (await desk.as_(Role.ADMIN).get(where)).status == 409
    assert (await desk.as_(Role.ADMIN).get(f"{QUARANTINE}/{uuid7()}")).status == 404


async def test_many_are_tried_again_with_a_result_for_each(desk: Desk) -> None:
    ours = [(await desk.take_mail(mail(f"{n}", From="support@desk.example")))["id"] for n in range(2)]
    lost, accepted, agent = await aside(desk), (await desk.take_mail(mail("fine")))["id"], desk.as_(Role.AGENT)
    unknown = str(uuid7())

    async def replay(**body: Any) -> dict[str, str]:
        answer = await agent.post(f"{QUARANTINE}/replay", body)
        assert answer.status == 202, answer.body
        return {item["id"]: item["result"] for item in answer.json()["items"]}

    assert await replay(ids=[lost, accepted, unknown]) == {
        lost: "stored",
        accepted: "not-in-quarantine",
        unknown: "not-found",
    }
    await desk.parse_all()
    assert await listed(desk, reason="sender_unreadable") == [lost], "by the same rules"
    assert await replay(reason="from_our_own_address", limit=1, release=True) == {ours[0]: "stored"}
    await desk.parse_all()
    assert (await desk.status(ours[0]))["status"] == "accepted"
    assert await listed(desk, reason="from_our_own_address") == [ours[1]]
    assert (await agent.post(f"{QUARANTINE}/replay", {"ids": [lost], "reason": "x"})).status == 422


async def test_who_deletes_one_is_noted_and_nothing_of_it_stays(desk: Desk) -> None:
    raw = mail("secret words", From="nobody", Subject="secret")
    id_ = (await desk.take_mail(raw))["id"]
    key = await desk.scalar("SELECT raw_key FROM inbound_messages")
    lead = Principal(uuid7(), Role.SUPERVISOR, "Lead", session_id=uuid7())
    supervisor, path = desk.callers.client(lead), f"{QUARANTINE}/{id_}"
    assert (await desk.as_(Role.AGENT).request("DELETE", path, query={"why": "spam"})).status == 403
    assert (await supervisor.delete(path)).status == 422, "a reason is needed"
    assert (await supervisor.request("DELETE", path, query={"why": "spam"})).status == 204
    assert (await supervisor.request("DELETE", path, query={"why": "spam"})).status == 409
    assert await listed(desk) == []
    assert not await desk.objects.exists(key)
    assert await desk.scalar("SELECT count(*) FROM inbound_messages m WHERE m::text LIKE '%secret%'") == 0
    [noted] = (await supervisor.get(f"{QUARANTINE}/deletions")).json()["items"]
    assert (noted["message_id"], noted["deleted_by"], noted["why"]) == (id_, str(lead.account_id), "spam")

    again = await desk.take_mail(raw)
    assert (again["id"], await listed(desk)) == (id_, []), "it is known, and stays away"


async def test_what_was_deleted_meanwhile_is_not_said_to_be_read_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, lead = await aside(desk), desk.as_(Role.SUPERVISOR)
    for door in ("retry", "release"):
        assert (await lead.post(f"{QUARANTINE}/{uuid7()}/{door}")).status == 404
    assert (await lead.request("DELETE", f"{QUARANTINE}/{id_}", query={"why": "spam"})).status == 204

    async def as_it_was(*_: object) -> None:
        """What a reader saw right before."""

    monkeypatch.setattr(quarantine, "require", as_it_was)
    for door in ("retry", "release"):
        answer = await lead.post(f"{QUARANTINE}/{id_}/{door}")
        assert (answer.status, answer.json()["type"]) == (409, "/problems/not-in-quarantine")


async def test_what_is_old_is_deleted_where_that_is_wanted(desk: Desk) -> None:
    old, new = await aside(desk), await aside(desk)
    aged = "UPDATE inbound_messages SET received_at = received_at - interval '31 days' WHERE id = :id"
    await desk.execute(aged, id=old)

    async def keep(days: int | None) -> int:
        async with desk.database.transaction() as session:
            return await QuarantineKeeping(days).run(session, now_utc() + timedelta(seconds=1))

    assert await keep(None) == 0
    assert REGISTRY.get_sample_value("desk_quarantined_mails", {"reason": "sender_unreadable"}) == 2
    assert (await keep(30), await keep(30)) == (1, 0)
    assert await listed(desk) == [new]
    [noted] = (await desk.as_(Role.ADMIN).get(f"{QUARANTINE}/deletions")).json()["items"]
    assert (noted["message_id"], noted["deleted_by"], noted["why"]) == (old, None, "age")


@pytest.mark.parametrize("reason", ["mail_too_large", "unreadable_on_server"])
async def test_what_was_not_fetched_as_a_whole_is_not_let_in(desk: Desk, reason: str) -> None:
    """Its header alone made an empty ticket; and of one without any it was said that it is not in quarantine."""
    partial, whole = await aside(desk), await aside(desk)
    key = None if reason == "unreadable_on_server" else await desk.objects.put(b"From: ada@example.org\r\n\r\n")
    await desk.execute(
        "UPDATE inbound_messages SET reason = :reason, raw_key = :key WHERE id = CAST(:id AS uuid)",
        reason=reason,
        key=key,
        id=partial,
    )
    admin = desk.as_(Role.ADMIN)
    for door in ("retry", "release"):
        answer = await admin.post(f"{QUARANTINE}/{partial}/{door}")
        assert (answer.status, answer.json()["type"]) == (409, "/problems/not-whole")
    answer = await admin.post(f"{QUARANTINE}/replay", {"ids": [partial, whole], "release": True})
    assert {each["id"]: each["result"] for each in answer.json()["items"]} == {partial: "not-whole", whole: "stored"}
    assert await listed(desk) == [partial]
