"""Files that people uploaded, in what they write: theirs alone, once, and read by who may read the message."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.tickets.service import scheduled, uploads
from shared.auth import Principal
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import AttachmentRef
from shared.events.messages import FileUploaded
from shared.ids import uuid7
from shared.objects import new_key
from shared.objects.links import account_audience, is_signed
from tests.asgi import Answer
from tests.integration.events import event_of
from tests.integration.tickets.harness import Desk, Person, received


async def upload(desk: Desk, owner: Principal, *, days: float = 7, name: str = "plan.pdf") -> AttachmentRef:
    """A file that the account uploaded, as ingestion tells of it."""
    file = AttachmentRef(id=uuid7(), key=new_key(), name=name, content_type="application/pdf", size_bytes=9)
    told = FileUploaded(file=file, account_id=owner.account_id, kept_until=now_utc() + timedelta(days=days))
    await desk.handle(uploads.keep_uploads, event_of(told, file.id))
    return file


async def a_ticket(desk: Desk, address: str = "ana@example.com") -> str:
    await desk.take(received(address))
    return str((await desk.one("SELECT id FROM tickets ORDER BY number DESC LIMIT 1")).id)


async def write(person: Person, ticket: str, kind: str, *files: AttachmentRef, **fields: Any) -> Answer:
    body = {"text": "See the file.", "attachment_ids": [str(file.id) for file in files], **fields}
    return await person.client.post(f"/api/tickets/{ticket}/{kind}", body)


async def test_a_reply_has_the_files_that_its_writer_uploaded(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    first, second = await upload(desk, agent.principal), await upload(desk, agent.principal, name="b.pdf")
    answer = await write(agent, ticket, "replies", second, first)
    assert answer.status == 201, answer.body
    told = await desk.one("SELECT data FROM outbox WHERE type = 'ticket.message_added.v1'")
    assert [second.key in told.data, first.key in told.data] == [True, True]
    shown = answer.json()["message"]["attachments"]
    assert [file["id"] for file in shown] == [str(second.id), str(first.id)]
    assert shown[0]["url"] == f"/api/attachments/{second.id}"
    assert first.key not in answer.body.decode()


async def test_another_ones_upload_is_not_there_nor_is_one_that_was_sent(desk: Desk) -> None:
    agent, other, ticket = await desk.person(), await desk.person(), await a_ticket(desk)
    file = await upload(desk, agent.principal)
    unknown = AttachmentRef(id=uuid7(), key=new_key(), name="x", content_type="text/plain", size_bytes=1)
    for person, kind, asked in ((other, "replies", file), (other, "notes", file), (agent, "replies", unknown)):
        refused = await write(person, ticket, kind, asked)
        assert (refused.status, refused.json()["type"]) == (409, "/problems/attachments-not-there")
        assert refused.json()["attachment_ids"] == [str(asked.id)]
    assert (await write(agent, ticket, "notes", file)).status == 201
    assert (await write(agent, ticket, "replies", file)).status == 409, "a note's file does not leave with a reply"


async def test_a_customer_gets_the_files_of_their_thread_and_none_of_notes(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    ana = await desk.person(Role.CUSTOMER, "ana@example.com")
    theirs, ours = await upload(desk, agent.principal), await upload(desk, agent.principal, name="internal.pdf")
    own = await upload(desk, ana.principal, name="mine.pdf")
    assert (await write(agent, ticket, "replies", theirs)).status == 201
    assert (await write(agent, ticket, "notes", ours)).status == 201
    assert (await write(ana, ticket, "replies", own)).status == 201
    thread = await ana.client.get(f"/api/tickets/{ticket}/messages")
    shown = [file for message in thread.json()["items"] for file in message["attachments"]]
    assert [file["name"] for file in shown] == ["plan.pdf", "mine.pdf"]
    assert str(ours.id) not in thread.body.decode()
    path, _, query = shown[0]["url"].partition("?")
    expires, signature = (part.partition("=")[2] for part in query.split("&"))
    assert path == f"/api/attachments/{theirs.id}"

    def holds(account_id: UUID) -> bool:
        audience = account_audience(account_id)
        return is_signed(
            theirs.id, theirs.key, audience=audience, expires=int(expires), signature=signature, now=now_utc()
        )

    assert holds(ana.principal.account_id)
    assert not holds(uuid7())


async def test_a_draft_of_files_alone_is_never_lost(desk: Desk) -> None:
    agent, ticket = await desk.person(Role.ADMIN), await a_ticket(desk)
    waiting = await agent.client.post(f"/api/tickets/{ticket}/replies", {"text": "Later", "undo_seconds": 30})
    file = await upload(desk, agent.principal)
    path = f"/api/tickets/{ticket}/draft"
    begun = {"kind": "reply", "text": "", "attachment_ids": [str(file.id)], "thread_version": 1}
    assert (await agent.client.put(path, begun, **{"If-Match": "*"})).status == 200
    # Neither what is taken back takes its place, nor what a macro sends; what a macro drafts goes beside the files.
    assert (await agent.client.delete(waiting.headers["location"])).status == 200
    assert (await agent.client.get(path)).json()["draft"]["text"] == ""
    macro = {"name": "Thanks", "actions": {}, "texts": {"en": {"text": "Thank you"}}, "default_language": "en"}
    made = await agent.client.post("/api/macros", macro)
    assert made.status == 201, made.body
    use = {"macro_id": made.json()["id"]}
    sent = await agent.client.post(f"/api/tickets/{ticket}/macro", {**use, "send": True}, **{"If-Match": "*"})
    assert (sent.status, sent.json()["type"]) == (409, "/problems/draft-in-the-way")
    drafted = await agent.client.post(f"/api/tickets/{ticket}/macro", use, **{"If-Match": "*"})
    assert drafted.status == 200, drafted.body
    draft = (await agent.client.get(path)).json()["draft"]
    assert (draft["text"], draft["attachment_ids"]) == ("Thank you", [str(file.id)])


async def test_a_reply_that_leaves_later_keeps_its_files_and_gives_them_back(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    file = await upload(desk, agent.principal, days=2)
    late = (now_utc() + timedelta(days=3)).isoformat()
    assert (await write(agent, ticket, "replies", file, send_at=late)).status == 409
    waiting = await write(agent, ticket, "replies", file, undo_seconds=30)
    assert waiting.status == 202, waiting.body
    path = waiting.headers["location"]
    assert [one["id"] for one in waiting.json()["attachments"]] == [str(file.id)]
    moved = await agent.client.patch(path, {"send_at": late}, **{"If-Match": "*"})
    assert (moved.status, moved.json()["type"]) == (422, "/problems/attachments-expire")
    assert (await write(agent, ticket, "replies", file)).status == 409, "it is used"

    assert (await agent.client.delete(path)).status == 200
    draft = (await agent.client.get(f"/api/tickets/{ticket}/draft")).json()["draft"]
    assert draft["attachment_ids"] == [str(file.id)]
    assert (await write(agent, ticket, "replies", file, undo_seconds=30)).status == 202
    async with desk.database.transaction() as session:
        assert await scheduled.release_due(session, now=now_utc() + timedelta(minutes=1)) == 1
    [sent] = await desk.rows("SELECT attachments FROM messages WHERE kind = 'reply'")
    assert [one["id"] for one in sent.attachments] == [str(file.id)]


async def test_uploads_are_forgotten_when_they_are_not_kept_any_more(desk: Desk) -> None:
    agent, ticket = await desk.person(), await a_ticket(desk)
    old, new = await upload(desk, agent.principal, days=-1), await upload(desk, agent.principal)
    async with desk.database.transaction() as session:
        assert await uploads.forget(session, now=now_utc()) == 1
    assert (await write(agent, ticket, "replies", old)).status == 409
    assert (await write(agent, ticket, "replies", new)).status == 201
