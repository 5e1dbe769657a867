"""Mail from raw bytes to an accepted message, or into quarantine."""

import asyncio
import errno
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from services.ingestion.domain.tokens import reply_address
from services.ingestion.parsing import ParserFailed, ParserLimits, ParserPool
from services.ingestion.repository.attachments import AttachmentRepository
from services.ingestion.service import mail as use_cases
from services.ingestion.service.acceptance import ReadMail, settle_mails
from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk, mail

CORPUS = Path(__file__).resolve().parents[2] / "data" / "mail"


async def test_a_mail_is_stored_acknowledged_parsed_and_announced(desk: Desk) -> None:
    raw = mail(Message_ID="<m1@example.org>", Content_Language="de")
    accepted = (await desk.post_mail(raw)).json()
    assert (await desk.status(accepted["id"]))["status"] == "stored"
    assert await desk.events() == []

    await desk.parse_all()

    [event] = await desk.events("message.received.v1")
    assert event["message_id"] == accepted["id"]
    assert event["aggregate_id"] == event["conversation_id"]
    assert event["sender"] == event["sender"] | {"kind": "email", "address": "ada@example.org", "name": "Ada Lovelace"}
    assert (event["subject"], event["text"], event["external_id"]) == (
        "Help",
        "My printer is on fire.",
        "m1@example.org",
    )
    assert (event["language"], event["evidence"]["authentication"], event["auto_submitted"]) == ("de", "none", False)
    assert await desk.objects.get(event["raw_key"]) == raw
    assert (await desk.status(accepted["id"]))["status"] == "accepted"


async def test_the_same_mail_into_two_mailboxes_is_one_message_with_two_deliveries(desk: Desk) -> None:
    first = await desk.post_mail(mail(Received="from a", Message_ID="<m1@x>", Date="Mon, 2 Mar 2026 10:00:00 +0000"))
    await desk.parse_all()
    again = await desk.post_mail(mail(Received="from b", Message_ID="<m1@x>", Date="Mon, 2 Mar 2026 10:00:00 +0000"))
    other = await desk.post_mail(mail("Another.", Message_ID="<m1@x>", Date="Mon, 2 Mar 2026 10:00:00 +0000"))
    await desk.parse_all()

    assert again.body == first.body
    assert other.json()["id"] != first.json()["id"]
    assert (await desk.status(first.json()["id"]))["deliveries"] == 2
    assert len(await desk.events("message.received.v1")) == 2
    stored = [path for path in desk.objects.root.rglob("*") if path.is_file()]
    assert len(stored) == 2


async def test_racing_deliveries_of_one_mail_get_one_answer(desk: Desk) -> None:
    client = desk.as_(Role.AGENT)
    answers = await asyncio.gather(*(desk.post_mail(mail(), client) for _ in range(8)))

    assert len({answer.body for answer in answers}) == 1
    assert (await desk.status(answers[0].json()["id"]))["deliveries"] == 8


async def test_what_is_no_mail_is_refused(desk: Desk) -> None:
    client = desk.as_(Role.AGENT)
    assert (await client.post("/api/ingest/email", mail(), content_type="text/plain")).status == 415
    assert (await desk.post_mail(b" \r\n", client)).status == 422
    assert (await desk.post_mail(mail(), desk.as_(Role.CUSTOMER))).status == 403
    assert (await desk.post_mail(b"x" * (25 * 1024 * 1024 + 1), client)).status == 413


async def test_a_reply_joins_the_conversation_of_a_known_message_id(desk: Desk) -> None:
    await desk.take_mail(mail(Message_ID="<m1@x>"))
    await desk.take_mail(mail("And?", Message_ID="<m2@x>", References="<unknown@x> <m1@x> <later@x>"))
    await desk.take_mail(mail("Other", Message_ID="<m3@x>", In_Reply_To="<nothing@x>"))

    first, reply, other = await desk.events("message.received.v1")
    assert reply["conversation_id"] == first["conversation_id"]
    assert reply["evidence"]["reference_conversation_id"] == first["conversation_id"]
    assert other["conversation_id"] != first["conversation_id"]
    assert other["evidence"]["reference_conversation_id"] is None


async def test_an_answer_that_is_parsed_before_what_it_answers_is_one_conversation(desk: Desk) -> None:
    """Two parsers side by side once split a thread: whichever mail comes first has to fix the conversation."""
    await desk.take_mail(mail("And?", Message_ID="<m2@x>", References="<m0@x> <m1@x>"))
    await desk.take_mail(mail("Still?", Message_ID="<m3@x>", References="<m1@x>"))
    await desk.take_mail(mail("First.", Message_ID="<m1@x>"))
    await desk.take_mail(mail("Other.", Message_ID="<m9@x>"))

    *thread, other = await desk.events("message.received.v1")
    assert len({event["conversation_id"] for event in thread}) == 1
    assert other["conversation_id"] != thread[0]["conversation_id"]
    assert thread[1]["evidence"]["reference_conversation_id"] == thread[0]["conversation_id"]
    assert [event["evidence"]["reference_conversation_id"] for event in (thread[0], thread[2])] == [None, None]
    ids = await desk.scalar("SELECT array_agg(message_id ORDER BY created_at) FROM mail_ids WHERE message_id <> 'm9@x'")
    assert ids == ["m0@x", "m1@x", "m2@x", "m3@x"]


async def test_a_repeated_message_id_does_not_take_a_conversation_over(desk: Desk) -> None:
    await desk.take_mail(mail(Message_ID="<m1@x>"))
    await desk.take_mail(mail("Mine now.", From="eve@evil.example", Message_ID="<m1@x>"))
    await desk.take_mail(mail("And?", Message_ID="<m2@x>", In_Reply_To="<m1@x>"))

    first, foreign, reply = await desk.events("message.received.v1")
    assert reply["conversation_id"] == first["conversation_id"]
    # It is stated as no evidence: tickets lets nobody in who takes no part.
    assert foreign["evidence"]["reference_conversation_id"] is None


async def test_a_reply_token_proves_the_conversation_to_its_correspondent_only(desk: Desk) -> None:
    context = await desk.mail_desk.context()
    conversation = uuid7()
    address = reply_address(context.token_key, context.identities.default.mailbox, conversation, "ada@example.org")

    await desk.take_mail(mail("mine", To=f"Support <{address.upper()}>"))
    await desk.take_mail(mail("not mine", To=address, From="eve@evil.example"))
    await desk.take_mail(mail("forged", To=address.replace("+r.", "+r.b", 1)[:-1]))

    mine, stolen, forged = await desk.events("message.received.v1")
    assert mine["conversation_id"] == mine["evidence"]["token_conversation_id"] == str(conversation)
    for event in (stolen, forged):
        assert event["evidence"]["token_conversation_id"] is None
        assert event["conversation_id"] != str(conversation)


async def test_the_token_key_is_made_once_for_all_processes(make_desk: MakeDesk) -> None:
    desk = await make_desk()
    first = (await desk.mail_desk.context()).token_key
    desk.mail_desk._context = None
    assert (await desk.mail_desk.context()).token_key == first
    configured = await make_desk(DESK_INGESTION_TOKEN_KEY="ab" * 32)
    assert (await configured.mail_desk.context()).token_key == bytes.fromhex("ab" * 32)


async def test_only_the_trusted_server_vouches_for_a_sender(make_desk: MakeDesk) -> None:
    desk = await make_desk(DESK_INGESTION_TRUSTED_AUTHSERV_ID="mx.desk.example")
    passed = "mx.desk.example; dmarc=pass header.from=example.org"
    await desk.take_mail(mail("a", Authentication_Results=passed))
    await desk.take_mail(mail("b", Authentication_Results=passed.replace("mx.desk", "mx.evil")))
    await desk.take_mail(mail("c", Authentication_Results="mx.desk.example; dmarc=fail header.from=example.org"))

    events = await desk.events("message.received.v1")
    assert [event["evidence"]["authentication"] for event in events] == ["pass", "none", "fail"]


async def test_attachments_are_stored_under_clean_names(desk: Desk) -> None:
    await desk.take_mail((CORPUS / "mailgun-pic.eml").read_bytes())

    [event] = await desk.events("message.received.v1")
    [file] = event["attachments"]
    assert (file["name"], file["content_type"]) == ("mailgun.png", "image/png")
    assert len(await desk.objects.get(file["key"])) == file["size_bytes"]
    answer = await desk.as_(Role.AGENT).get(f"/api/attachments/{file['id']}")
    assert answer.body.startswith(b"\x89PNG")
    assert (await desk.as_(Role.CUSTOMER).get(f"/api/attachments/{file['id']}")).status == 404


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (mail(From="alice@co)<bob@evil.example>"), "sender_unreadable"),
        (mail(From="Support <support@desk.example>"), "from_our_own_address"),
        (mail(From="support+r.abc@desk.example"), "from_our_own_address"),
        ((CORPUS / "report_530.eml").read_bytes(), "delivery_report"),
        (
            mail(From="no-reply@shop.example", To="support+r.abcdefgh@desk.example"),
            "automatic_mail_to_reply_address",
        ),
    ],
)
async def test_what_the_rules_put_aside_can_be_released(desk: Desk, raw: bytes, reason: str) -> None:
    status = await desk.take_mail(raw)
    assert (status["status"], status["reason"]) == ("quarantined", reason)
    assert await desk.events() == []
    agent = desk.as_(Role.AGENT)
    [listed] = (await agent.get("/api/ingest/quarantine")).json()["items"]
    assert (listed["id"], listed["reason"]) == (status["id"], reason)

    assert (await agent.post(f"/api/ingest/quarantine/{status['id']}/retry")).status == 202
    await desk.parse_all()
    assert (await desk.status(status["id"]))["reason"] == reason

    assert (await agent.post(f"/api/ingest/quarantine/{status['id']}/release")).status == 202
    await desk.parse_all()
    released = (await desk.status(status["id"]))["status"]
    assert released == ("quarantined" if reason == "sender_unreadable" else "accepted")
    assert len(await desk.events("message.received.v1")) == (released == "accepted")


async def test_the_quarantine_is_paged_and_guarded(desk: Desk) -> None:
    ids = [(await desk.take_mail(mail(str(number), From="broken")))["id"] for number in range(3)]
    agent = desk.as_(Role.AGENT)
    first = (await agent.get("/api/ingest/quarantine", limit=2)).json()
    rest = (await agent.get("/api/ingest/quarantine", limit=2, cursor=first["next_cursor"])).json()

    assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    accepted = await desk.take_mail(mail())
    assert (await agent.post(f"/api/ingest/quarantine/{accepted['id']}/release")).status == 409
    assert (await agent.post(f"/api/ingest/quarantine/{uuid7()}/release")).status == 404
    assert (await desk.as_(Role.CUSTOMER).get("/api/ingest/quarantine")).status == 403


async def test_a_mail_that_ends_its_process_each_time_is_put_aside(desk: Desk) -> None:
    accepted = (await desk.post_mail(mail())).json()
    await desk.execute("UPDATE inbound_messages SET attempts = 3")
    good = (await desk.post_mail(mail("good"))).json()
    await desk.parse_all()

    assert (await desk.status(accepted["id"]))["reason"] == "parser_crashed"
    assert (await desk.status(good["id"]))["status"] == "accepted"


@pytest.mark.parametrize("fault", ["read", "parse", "write", "settle"])
async def test_a_passing_fault_puts_no_mail_aside(desk: Desk, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a slow start is no fault of the mail; only a dead parser is."""
    raw = (CORPUS / "mailgun-pic.eml").read_bytes()
    accepted = (await desk.post_mail(raw)).json()

    async def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as broken:
        owner, name = {
            "read": (desk.objects, "get"),
            "parse": (desk.pool, "parse"),
            "write": (desk.objects, "put"),
            "settle": (AttachmentRepository, "add"),
        }[fault]
        broken.setattr(owner, name, fails)
        for _ in range(5):
            with pytest.raises(OSError, match="no space"):
                await desk.reading.turn()
            assert not await desk.reading.turn()  # not at once again
            await desk.execute("UPDATE inbound_messages SET leased_until = now() - interval '1 second'")
    assert await desk.scalar("SELECT attempts FROM inbound_messages") == 0
    assert len([path for path in desk.objects.root.rglob("*") if path.is_file()]) == 1

    await desk.parse_all()
    assert (await desk.status(accepted["id"]))["status"] == "accepted"


async def test_a_mail_that_is_put_aside_leaves_no_files(desk: Desk) -> None:
    body = "--b\r\n\r\nx\r\n--b\r\nContent-Disposition: attachment; filename=a\r\n\r\ny\r\n--b--"
    status = await desk.take_mail(mail(body, From="broken", Content_Type="multipart/mixed; boundary=b"))
    assert status["reason"] == "sender_unreadable"
    assert len([path for path in desk.objects.root.rglob("*") if path.is_file()]) == 1


async def test_a_mail_under_lease_is_left_alone_until_the_lease_ends(desk: Desk) -> None:
    accepted = (await desk.post_mail(mail())).json()
    await desk.execute(
        "UPDATE inbound_messages SET lease = :lease, leased_until = now() + interval '1 hour'", lease=uuid7()
    )
    await desk.parse_all()
    assert (await desk.status(accepted["id"]))["status"] == "parsing"

    await desk.execute("UPDATE inbound_messages SET leased_until = now() - interval '1 second'")
    await desk.parse_all()
    assert (await desk.status(accepted["id"]))["status"] == "accepted"


async def test_a_settler_that_lost_its_lease_changes_nothing(desk: Desk) -> None:
    await desk.post_mail(mail())
    async with desk.database.transaction() as session:
        [claimed] = await use_cases.claim_mails(session, limit=10, max_bytes=1_000_000)
    await desk.execute("UPDATE inbound_messages SET lease = :lease", lease=uuid7())
    parsed = await desk.pool.parse(await desk.objects.get(claimed.raw_key))
    async with desk.database.transaction() as session:
        context = await desk.mail_desk.context()
        assert not await settle_mails(session, [ReadMail(claimed, parsed)], context, now_utc())

    assert await desk.events() == []


def parser_processes() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [each for each in children if "services.ingestion.parser_process" in each.cmdline()]


async def test_a_parser_that_is_killed_is_replaced_and_its_mail_parsed() -> None:
    pool = ParserPool(1, ParserLimits())
    before = {process.pid for process in parser_processes()}
    try:
        assert (await pool.parse(mail("one"))).text == "one"
        [idle] = [process for process in parser_processes() if process.pid not in before]
        idle.kill()
        assert (await pool.parse(mail("two"))).text == "two"

        [busy] = [process for process in parser_processes() if process.pid not in before | {idle.pid}]
        slow = asyncio.create_task(pool.parse(mail("word " * 3_000_000)))
        while busy.cpu_times().user < 0.2 and not slow.done():  # it works at the mail
            await asyncio.sleep(0.01)
        busy.kill()
        assert (await slow).text.startswith("word word")
    finally:
        await pool.close()
    assert {process.pid for process in parser_processes()} == before


async def test_a_parser_beyond_its_time_is_killed_and_replaced() -> None:
    pool = ParserPool(1, ParserLimits(cpu_seconds=0.05, memory_mib=512))
    try:
        with pytest.raises(ParserFailed) as failure:
            await pool.parse(b"From: a@b.example\nContent-Type: text/html\n\n" + b"<b>word" * 50_000)
        assert failure.value.reason == "parser_timeout"
        assert (await pool.parse(mail())).subject == "Help"
    finally:
        await pool.close()


async def test_a_parser_beyond_its_memory_is_contained() -> None:
    pool = ParserPool(1, ParserLimits(cpu_seconds=10, memory_mib=128))
    try:
        with pytest.raises(ParserFailed) as failure:
            await pool.parse(b"From: a@b.example\n\n" + b"line of text\n" * 6_000_000)
        assert failure.value.reason in {"parser_out_of_memory", "parser_crashed", "unreadable"}
        assert (await pool.parse(mail())).subject == "Help"
    finally:
        await pool.close()


async def test_a_mail_takes_less_memory_than_its_process_may() -> None:
    pool = ParserPool(1, ParserLimits(cpu_seconds=10, memory_mib=4096))
    try:
        head = b"From: a@b.example\nContent-Type: a/b\nContent-Transfer-Encoding: base64\n\n"
        with pytest.raises(ParserFailed) as failure:
            await pool.parse(head + b"AAAA" * 32_000_000)
        assert failure.value.reason in {"parser_out_of_memory", "parser_crashed"}
        assert (await pool.parse(mail())).subject == "Help"
    finally:
        await pool.close()


async def test_a_parser_process_has_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_DATABASE_URL", "postgresql://secret")
    pool = ParserPool(1, ParserLimits())
    try:
        await pool.parse(mail())
        environment = psutil.Process(pool._idle[0].pid).environ()
        assert not any(name.startswith("DESK_") for name in environment)
        assert "PYTHONPATH" in environment
    finally:
        await pool.close()


async def test_the_whole_corpus_is_taken_or_put_aside(desk: Desk) -> None:
    corpus = sorted(CORPUS.glob("*.eml"))
    assert len(corpus) >= 15
    for path in corpus:
        status = await desk.take_mail(path.read_bytes())
        assert status["status"] in {"accepted", "quarantined"}, path.name
        assert UUID(status["id"])
        if status["status"] == "quarantined":
            assert status["reason"] == "delivery_report", path.name
