"""Mailboxes as admins write them: settings in, secrets never out, and what is wrong said in words."""

import asyncio
from typing import Any, Never
from uuid import UUID

import pytest

from services.ingestion.delivery import SmtpTransport
from services.ingestion.domain.mailboxes import MailboxSecrets, MailboxTroubleError
from services.ingestion.doorman import Doorman
from services.ingestion.repository.deliveries import Delivered
from services.ingestion.sealing import Seal, load_seal
from services.ingestion.service.mail import Incoming, receive_mails
from services.ingestion.service.mailboxes import SealKeeping
from shared.db import now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from tests.integration.ingestion.conftest import MakeDesk
from tests.integration.ingestion.harness import Desk, mail

PATH = "/api/channels/mailboxes"
BODY: dict[str, Any] = {
    "address": "Help@Desk.example",
    "name": "Help",
    "brand": "shoes",
    "group": "Returns",
    "imap": {"host": "127.0.0.1", "port": 9, "username": "help"},
    "secrets": {"password": "s3cret"},
}


async def test_a_mailbox_is_added_changed_and_forgotten(desk: Desk) -> None:
    admin = desk.as_(Role.ADMIN)
    answer = await admin.post(PATH, BODY)
    assert answer.status == 201, answer.body
    assert b"s3cret" not in answer.body
    added = answer.json()
    assert (added["address"], added["secrets"], added["version"]) == ("help@desk.example", ["password"], 1)
    assert added["fetching"]["state"] == "waiting"
    assert (await admin.post(PATH, BODY)).json()["type"].endswith("address-taken")
    path = f"{PATH}/{added['id']}"
    changed = {**BODY, "enabled": False, "secrets": {"smtp_password": "other"}}
    assert (await admin.put(path, changed, **{"if-match": '"7"'})).status == 412
    answer = await admin.put(path, changed, **{"if-match": '"1"'})
    assert answer.status == 200, answer.body
    assert answer.json()["secrets"] == ["password", "smtp_password"]
    assert answer.json()["fetching"]["state"] == "disabled"
    async with desk.database.transaction() as session:
        seal = await load_seal(session, None)
    sealed = await desk.scalar("SELECT secrets FROM mailboxes")
    assert b"s3cret" not in sealed
    assert MailboxSecrets.model_validate_json(seal.open(sealed)).password == "s3cret"
    assert [each["id"] for each in (await admin.get(PATH)).json()["items"]] == [added["id"]]
    assert (await admin.delete(path, **{"if-match": '"2"'})).status == 204
    assert (await admin.get(path)).status == 404


async def test_settings_that_cannot_work_are_refused(desk: Desk) -> None:
    admin, imap = desk.as_(Role.ADMIN), BODY["imap"]
    for wrong in (
        {"address": "help+x@desk.example"},
        {"address": "nobody"},
        {"imap": {**imap, "host": "mail.example.com", "security": "none"}},
        {"imap": {**imap, "auth": "oauth2"}},
        {"imap": {**imap, "auth": "oauth2", "client_id": "x", "token_url": "http://example.com/token"}},
        {"imap": {**imap, "after": "move"}},
        {"smtp_url": "smtp://user:password@example.com"},
    ):
        answer = await admin.post(PATH, {**BODY, **wrong})
        assert answer.status == 422, wrong
        assert b"s3cret" not in answer.body


async def test_what_does_not_work_is_said_in_words(desk: Desk) -> None:
    admin = desk.as_(Role.ADMIN)
    added = (await admin.post(PATH, {**BODY, "smtp_url": "smtp://127.0.0.1:9"})).json()
    check = (await admin.post(f"{PATH}/{added['id']}/check", {})).json()
    assert not check["ok"]
    assert [(each["part"], each["reason"]) for each in check["problems"]] == [
        ("imap", "unreachable"),
        ("smtp", "unreachable"),
    ]
    assert check["problems"][0]["words"] == "127.0.0.1 cannot be reached on port 9."


async def test_a_mail_to_a_mailbox_is_of_its_brand_and_group(desk: Desk) -> None:
    added = (await desk.as_(Role.ADMIN).post(PATH, BODY)).json()
    desk.mail_desk.refresh()
    await desk.take_mail(mail(To="help@desk.example"))
    [event] = await desk.events("message.received.v1")
    assert (event["brand"], event["group"]) == ("shoes", "Returns")
    assert str(await desk.scalar("SELECT mailbox_id FROM inbound_messages")) == added["id"]
    # What we send never comes in: from none of our addresses.
    assert (await desk.take_mail(mail(From="help@desk.example", Subject="Loop")))["reason"] == "from_our_own_address"


async def test_the_first_mail_of_a_new_mailbox_is_read_as_its(desk: Desk) -> None:
    """It comes sooner than anybody looks for new mailboxes, and with it what was in the folder all the years."""
    await desk.take_mail(mail(Subject="Before"))
    added = (await desk.as_(Role.ADMIN).post(PATH, BODY)).json()
    for each in (mail(Subject="Hello"), mail(From="help@desk.example", Subject="Loop")):
        delivered = (Delivered("imap", UUID(added["id"])),)
        incoming = Incoming(delivered, str(uuid7()), await desk.objects.put(each), len(each))
        async with desk.database.transaction() as session:
            await receive_mails(session, [incoming], now=now_utc())
    await desk.parse_all()
    assert (await desk.events("message.received.v1"))[-1]["group"] == "Returns"
    assert await desk.scalar("SELECT count(*) FROM inbound_messages WHERE reason = 'from_our_own_address'") == 1


async def test_a_new_sealing_key_takes_the_place_of_an_older_one(make_desk: MakeDesk) -> None:
    old, new = "11" * 32, "22" * 32
    desk = await make_desk(DESK_INGESTION_SEALING_KEYS=old)
    await desk.as_(Role.ADMIN).post(PATH, BODY)
    assert b"s3cret" not in await desk.scalar("SELECT secrets FROM mailboxes")
    async with desk.database.transaction() as session:
        await SealKeeping(f"{new},{old}").run(session, now_utc())
    sealed = await desk.scalar("SELECT secrets FROM mailboxes")
    assert MailboxSecrets.model_validate_json(Seal([bytes.fromhex(new)]).open(sealed)).password == "s3cret"
    async with desk.database.transaction() as session:
        await SealKeeping(f"{new},{old}").run(session, now_utc())
        await SealKeeping(old).run(session, now_utc())  # of no use here: nothing is lost by it
    assert await desk.scalar("SELECT secrets FROM mailboxes") == sealed


async def test_secrets_outlive_a_time_without_their_key(make_desk: MakeDesk) -> None:
    """A change of anything else wrote over them, when no key opened them at that moment."""
    old, new = "11" * 32, "22" * 32
    desk = await make_desk(DESK_INGESTION_SEALING_KEYS=old)
    admin = desk.as_(Role.ADMIN)
    path = f"{PATH}/{(await admin.post(PATH, BODY)).json()['id']}"
    sealed = await desk.scalar("SELECT secrets FROM mailboxes")
    desk.app.state.sealing_keys = new
    [problem] = (await admin.post(f"{path}/check", {})).json()["problems"]
    assert (problem["part"], problem["reason"]) == ("imap", "seal_broken")
    changed = {name: each for name, each in BODY.items() if name != "secrets"} | {"name": "Other"}
    assert (await admin.put(path, changed, **{"if-match": '"1"'})).json()["name"] == "Other"
    assert await desk.scalar("SELECT secrets FROM mailboxes") == sealed


async def test_both_servers_are_tried_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other they may take longer than a request, and then nothing was said of either."""
    admin, both = desk.as_(Role.ADMIN), asyncio.Barrier(2)
    body = BODY | {"smtp_url": "smtp://127.0.0.1:9"}
    path = f"{PATH}/{(await admin.post(PATH, body)).json()['id']}"

    async def slow(*_: object) -> Never:
        async with asyncio.timeout(10):
            await both.wait()
        raise OSError

    async def slow_too(*_: object) -> Never:
        async with asyncio.timeout(10):
            await both.wait()
        raise MailboxTroubleError("unreachable", "It is away.")

    monkeypatch.setattr(SmtpTransport, "check", slow)
    monkeypatch.setattr(Doorman, "open", slow_too)
    problems = (await admin.post(f"{path}/check", {})).json()["problems"]
    assert [(each["part"], each["reason"]) for each in problems] == [("imap", "unreachable"), ("smtp", "unreachable")]
