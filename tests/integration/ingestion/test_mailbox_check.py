"""A check of a mailbox tells of both its servers, whatever becomes of one of them."""

import asyncio
from typing import Never

import pytest

from services.ingestion.delivery import SmtpTransport
from services.ingestion.domain.mailboxes import MailboxSecrets
from services.ingestion.doorman import Doorman, Keep
from services.ingestion.sealing import load_seal
from services.ingestion.service.mailboxes import open_secrets
from shared.events.accounts import Role
from shared.web import Unavailable
from tests.integration.ingestion.harness import Desk

PATH = "/api/channels/mailboxes"
BODY = {
    "address": "help@desk.example",
    "imap": {"host": "127.0.0.1", "port": 9, "username": "help@desk.example"},
    "smtp_url": "smtp://127.0.0.1:9",
    "secrets": {"password": "s3cret"},
}


@pytest.mark.parametrize("host", ["a..b", ".a", "a..", "a" * 64, f"a.{'b' * 64}.c"])
async def test_a_host_that_can_be_none_is_not_taken(desk: Desk, host: str) -> None:
    body = BODY | {"smtp_url": f"smtp://{host}:25"}
    assert (await desk.as_(Role.ADMIN).post(PATH, body)).status == 422


@pytest.mark.parametrize("host", ["mx", "smtp.example.com.", "127.0.0.1", "my_relay.example", f"{'a' * 63}.example"])
async def test_a_host_that_may_be_one_is_taken(desk: Desk, host: str) -> None:
    body = BODY | {"smtp_url": f"smtp://help%40desk.example@{host}:25"}
    assert (await desk.as_(Role.ADMIN).post(PATH, body)).status == 201


async def test_a_host_from_before_that_can_be_none_is_told_in_words(desk: Desk) -> None:
    """Its name cannot even be asked for, and the check was an error of ours."""
    admin = desk.as_(Role.ADMIN)
    added = (await admin.post(PATH, BODY)).json()
    await desk.execute("UPDATE mailboxes SET smtp_url = 'smtp://a..b'")
    answer = await admin.post(f"{PATH}/{added['id']}/check", {})
    assert answer.status == 200, answer.body
    problems = answer.json()["problems"]
    assert [(each["part"], each["reason"]) for each in problems] == [("imap", "unreachable"), ("smtp", "unreachable")]


async def test_an_error_of_one_keeps_the_other_from_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other was cancelled, be it between getting a new refresh token and keeping it; the old one was void."""
    admin = desk.as_(Role.ADMIN)
    added = (await admin.post(PATH, BODY)).json()
    failed = asyncio.Event()

    async def breaks(_: SmtpTransport) -> Never:
        failed.set()
        raise Unavailable("There is no database now.")

    async def renews(_: Doorman, _mailbox_id: object, _imap: object, secrets: MailboxSecrets, keep: Keep) -> Never:
        await failed.wait()
        await asyncio.sleep(0.05)
        await keep(secrets.merged(MailboxSecrets(refresh_token="new")))
        raise TimeoutError

    monkeypatch.setattr(SmtpTransport, "check", breaks)
    monkeypatch.setattr(Doorman, "open", renews)
    assert (await admin.post(f"{PATH}/{added['id']}/check", {})).status == 503
    async with desk.database.transaction() as session:
        seal = await load_seal(session, None)
    assert open_secrets(await desk.scalar("SELECT secrets FROM mailboxes"), seal).refresh_token == "new"
