"""R31: who fetches mail is killed again and again, while the server fails, and gives all mails other UIDs."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import asyncpg
import pytest
import pytest_asyncio

from services.ingestion.domain.mail import fingerprint
from services.ingestion.domain.mailboxes import ImapSettings, MailboxSecrets
from services.ingestion.sealing import Seal
from services.ingestion.settings import IngestionSettings
from shared.ids import uuid7
from shared.objects import ObjectNotFound, ObjectStore, open_store
from tests.conftest import Databases
from tests.dovecot import PASSWORD, Dovecot, require_dovecot
from tests.faults.supervisor import Findings, Run, figure, supervise, whole
from tests.running_desk import ROOT

pytestmark = pytest.mark.faults

KILLS = whole(5, 50)
MAILS = whole(150, 2000)
SEALING_KEY = "5e" * 32
# A bound on liveness.
PATIENCE_SECONDS = 600
# How long a kill waits for the fetcher to begin; after trouble with the server it leaves that alone for 5 s.
BEGIN_SECONDS = 8.0
# What becomes of mail at the server; each user has a mailbox of the desk.
USERS = {"keeps": "leave", "clears": "delete"}


@dataclass
class MailStage:
    """A mail server, a database, and one process that fetches from the one into the other."""

    dovecot: Dovecot
    url: str
    objects: ObjectStore
    nursery: subprocess.Popen[str]
    pid: int | None = None

    def another(self) -> Self:
        raise NotImplementedError("each run of this row has servers of its own: run it again with fewer kills")

    async def start_fetcher(self) -> None:
        """Start a process that fetches."""
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        print("next", file=self.nursery.stdin, flush=True)
        while not (line := await asyncio.to_thread(self.nursery.stdout.readline)).strip().isdecimal():
            assert line, "the fetchers' parent has ended"
        self.pid = int(line)

    def kill_fetcher(self) -> None:
        """End it as nothing else does."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None


def _nursery(url: str, objects: Path, ca_file: Path) -> subprocess.Popen[str]:
    environment = {
        "DESK_DATABASE_URL": url,
        "DESK_OBJECT_STORE": str(objects),
        "DESK_INGESTION_SEALING_KEYS": SEALING_KEY,
        "DESK_INGESTION_IMAP_LEASE_SECONDS": "1",
        "DESK_INGESTION_MAIL_CA_FILE": str(ca_file),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.fetcher"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest_asyncio.fixture
async def mail_stage(databases: Databases, tmp_path: Path) -> AsyncIterator[MailStage]:
    require_dovecot()
    url = (await databases.url("ingestion"))["ingestion"]
    with Dovecot() as dovecot, _nursery(url, tmp_path / "objects", dovecot.ca_file) as nursery:
        stage = MailStage(
            dovecot,
            url,
            open_store(IngestionSettings(database_url=url, object_store=str(tmp_path / "objects"))),
            nursery,
        )
        try:
            yield stage
        finally:
            stage.kill_fetcher()
    await databases.drop(url)


async def _add_mailbox(connection: asyncpg.Connection, dovecot: Dovecot, user: str, after: str) -> None:
    dovecot.add_user(user)
    imap = ImapSettings(host="localhost", port=dovecot.tls_port, username=user, after=after, poll_seconds=1)  # type: ignore[arg-type]
    mailbox_id = uuid7()
    sealed = Seal([bytes.fromhex(SEALING_KEY)]).seal(MailboxSecrets(password=PASSWORD).model_dump_json())
    await connection.execute(
        "INSERT INTO ingestion.mailboxes (id, address, inbound, secrets, created_at, updated_at) "
        "VALUES ($1, $2, $3::jsonb, $4, now(), now())",
        mailbox_id,
        f"{user}@desk.example",
        json.dumps({"imap": imap.model_dump(mode="json")}),
        sealed,
    )
    await connection.execute(
        "INSERT INTO ingestion.mailbox_fetching (mailbox_id, due_at) VALUES ($1, now())", mailbox_id
    )


def _mail(number: int) -> bytes:
    return (
        f"From: Ada <ada{number}@example.org>\r\nTo: help@desk.example\r\nSubject: Mail {number}\r\n"
        f"Message-ID: <{number}@example.org>\r\n\r\nThis is number {number}.\r\n"
    ).encode()


_COUNT = "SELECT count(*) FROM ingestion.inbound_messages"


async def _unsettled(connection: asyncpg.Connection, mails: int = MAILS) -> int:
    """Mails that are not here yet, and deletions that the server was not asked for."""
    found: int = await connection.fetchval(
        "SELECT (SELECT $1 - count(*) FROM ingestion.inbound_messages) "
        "+ (SELECT sum(cardinality(unsettled)) FROM ingestion.mailbox_fetching)",
        mails,
    )
    return found


async def killed_fetchers(stage: MailStage, run: Run) -> Findings:
    """Kill the fetcher while mail comes in; in between the server is gone, and later all UIDs are other ones."""
    connection = await asyncpg.connect(stage.url)
    raws = [_mail(number) for number in range(MAILS)]
    share = -(-MAILS // run.faults)
    in_the_middle = 0
    try:
        for user, after in USERS.items():
            await _add_mailbox(connection, stage.dovecot, user, after)
        for fault in range(run.faults):
            await stage.start_fetcher()
            for number in range(fault * share, min((fault + 1) * share, MAILS)):
                stage.dovecot.deliver(sorted(USERS)[number % len(USERS)], raws[number])
            if fault in {run.faults // 3, 2 * run.faults // 3}:
                await _fail(stage, run, other_uids=fault == run.faults // 3)
            known = await connection.fetchval(_COUNT)
            with suppress(TimeoutError):
                # Once it has begun: there are two mailboxes, and each mail has a part at the server, too.
                async with asyncio.timeout(run.randomness.choice((0.2, BEGIN_SECONDS))):
                    while await connection.fetchval(_COUNT) == known:
                        await asyncio.sleep(0.005)
            await asyncio.sleep(run.randomness.uniform(0, 0.05))
            stage.kill_fetcher()
            left = await _unsettled(connection, min((fault + 1) * share, MAILS))
            in_the_middle += left > 0
            run.note(f"kill -9 of the fetcher, with {left} left to do")
        await stage.start_fetcher()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await _unsettled(connection) > 0:
                    await asyncio.sleep(0.1)
        stage.kill_fetcher()
        return await _account(connection, stage, raws) | {
            "measured": [figure("kills while mail was waiting", in_the_middle, "")]
        }
    finally:
        await connection.close()


async def _fail(stage: MailStage, run: Run, *, other_uids: bool) -> None:
    await asyncio.to_thread(stage.dovecot.stop)
    if other_uids:
        for user in USERS:
            stage.dovecot.change_uid_validity(user)
    await asyncio.sleep(run.randomness.uniform(0, 0.5))
    await asyncio.to_thread(stage.dovecot.start)
    run.note("the server was gone" + (", and all UIDs are other ones" if other_uids else ""))


async def _account(connection: asyncpg.Connection, stage: MailStage, raws: list[bytes]) -> dict[str, object]:
    """Every mail is one message, with a delivery that made it and its bytes; what was to go is gone at the server."""
    expected = {fingerprint(raw) for raw in raws}
    rows = await connection.fetch("SELECT id, dedupe_key, raw_key FROM ingestion.inbound_messages")
    made = await connection.fetchval(
        "SELECT count(DISTINCT message_id) FROM ingestion.mail_deliveries WHERE made_message"
    )
    kept = [await _is_kept(stage.objects, row["raw_key"]) for row in rows]
    left = [user for user, after in USERS.items() if after == "delete" for _ in stage.dovecot.inbox(user)]
    return {
        "acknowledged": len(raws),
        "lost": len(expected - {row["dedupe_key"] for row in rows}),
        "doubled": len(rows) - len({row["dedupe_key"] for row in rows}),
        "disagreeing": len(rows) - made,
        "failed": kept.count(False),
        "stuck": len(left),
    }


async def _is_kept(objects: ObjectStore, key: str) -> bool:
    try:
        return bool(await objects.get(key))
    except ObjectNotFound:
        return False


async def test_r31_killed_fetchers_lose_and_double_nothing(mail_stage: MailStage) -> None:
    await supervise("R31", killed_fetchers, mail_stage, faults=KILLS)
