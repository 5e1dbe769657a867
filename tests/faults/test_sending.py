"""R32: who sends replies is killed again and again, while the mail server refuses, and hangs up before its answer."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Self

import asyncpg
import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from desk.ports import free_port
from shared.ids import uuid7
from tests.conftest import Databases
from tests.faults.supervisor import SEED, Findings, Run, figure, supervise, whole
from tests.running_desk import ROOT

pytestmark = pytest.mark.faults

KILLS = whole(4, 100)
MAILS = whole(80, 2000)
# A bound on liveness.
PATIENCE_SECONDS = 300


@dataclass
class Server:
    """A mail server that keeps what it takes; of ten mails it refuses one, and hangs up on two: before and after."""

    chance: random.Random = field(default_factory=lambda: random.Random(f"{SEED}-R32-server"))
    taken: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        fate = self.chance.random()
        if fate < 0.1:
            return "451 4.3.0 later"
        if fate >= 0.2:
            assert isinstance(envelope.content, bytes)
            self.taken.append((envelope.rcpt_tos[0], message_from_bytes(envelope.content)["Message-ID"].strip("<>")))
        if fate < 0.3:
            assert server.transport is not None
            server.transport.close()
        return "250 2.0.0 taken"


@dataclass
class SendingStage:
    """A mail server, a database, and one process that sends from the one to the other."""

    server: Server
    url: str
    nursery: subprocess.Popen[str]
    pid: int | None = None

    def another(self) -> Self:
        raise NotImplementedError("each run of this row has servers of its own: run it again with fewer kills")

    async def start_sender(self) -> None:
        """Start a process that sends, once the one before is gone."""
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        print("next", file=self.nursery.stdin, flush=True)
        while not (line := await asyncio.to_thread(self.nursery.stdout.readline)).strip().isdecimal():
            assert line, "the senders' parent has ended"
        self.pid = int(line)

    def kill_sender(self) -> None:
        """End it as nothing else does."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None


def _nursery(url: str, port: int, objects: Path) -> subprocess.Popen[str]:
    environment = {
        "DESK_DATABASE_URL": url,
        "DESK_OBJECT_STORE": str(objects),
        "DESK_INGESTION_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "DESK_INGESTION_SMTP_TIMEOUT_SECONDS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.sender"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest_asyncio.fixture
async def sending_stage(databases: Databases, tmp_path: Path) -> AsyncIterator[SendingStage]:
    url = (await databases.url("ingestion"))["ingestion"]
    server, port = Server(), free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    with _nursery(url, port, tmp_path / "objects") as nursery:
        stage = SendingStage(server, url, nursery)
        try:
            yield stage
        finally:
            stage.kill_sender()
            controller.stop()
    await databases.drop(url)


_QUEUE = """
    INSERT INTO ingestion.outbound_messages (message_id, ticket_id, ticket_number, conversation_id, channel, state,
        recipient, subject, text, attachments, mail_id, written_at, due_at)
    VALUES ($1, $1, $2, $1, 'email', 'queued', $3, 'Printer', 'Have you tried water?', '[]', $4, now(), now())"""
_LEFT = "SELECT count(*) FROM ingestion.outbound_messages WHERE state = 'queued'"
# Whoever had claimed something is dead, and what was refused has waited.
_TIME_PASSES = "UPDATE ingestion.outbound_messages SET due_at = now(), attempts = 0 WHERE state = 'queued'"
_WAITED = f"{_TIME_PASSES} AND lease IS NULL AND attempts > 0"


async def killed_senders(stage: SendingStage, run: Run) -> Findings:
    """Kill the sender in the middle of its work, as often as there are faults; then let one finish."""
    connection = await asyncpg.connect(stage.url)
    expected = {f"customer{number}@example.org": f"{uuid7().hex}@desk.example" for number in range(MAILS)}
    in_the_middle = 0
    try:
        for number, (recipient, mail_id) in enumerate(expected.items()):
            await connection.execute(_QUEUE, uuid7(), number, recipient, mail_id)
        for fault in range(run.faults):
            await stage.start_sender()
            goal = len(expected) * fault // run.faults
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while await connection.fetchval(_LEFT) > len(expected) - goal:
                        await connection.execute(_WAITED)
                        await asyncio.sleep(0.005)
            # Then it is somewhere: claiming, sending, or noting what it sent.
            await asyncio.sleep(run.randomness.uniform(0, 0.1))
            stage.kill_sender()
            claimed = await connection.fetchval(f"{_LEFT} AND lease IS NOT NULL")
            in_the_middle += claimed > 0
            run.note(f"kill -9 of the sender, which had claimed {claimed}")
            await connection.execute(_TIME_PASSES)
        await stage.start_sender()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await connection.fetchval(_LEFT) > 0:
                    await connection.execute(_WAITED)
                    await asyncio.sleep(0.05)
        stage.kill_sender()
        taken = Counter(stage.server.taken)
        doubles = sum(count - 1 for count in taken.values())
        return {
            "acknowledged": len(expected),
            "lost": len(expected.items() - taken.keys()),
            # A mail under another Message-ID than its own is another mail for whoever gets both.
            "disagreeing": len(taken.keys() - expected.items()),
            "stuck": await connection.fetchval(_LEFT),
            "failed": await connection.fetchval(
                "SELECT count(*) FROM ingestion.outbound_messages WHERE state = 'failed'"
            ),
            "measured": [
                figure("kills in the middle of sending", in_the_middle, ""),
                figure("mails taken twice, with the same Message-ID", doubles, ""),
            ],
        }
    finally:
        await connection.close()


async def test_r32_killed_senders_lose_no_mail_and_double_it_under_one_id(sending_stage: SendingStage) -> None:
    await supervise("R32", killed_senders, sending_stage, faults=KILLS)
