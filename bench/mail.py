"""How fast mail comes in, the whole way, by each of its doors, and how fast answers leave."""

import asyncio
import smtplib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from itertools import cycle
from typing import Any

import asyncpg
import httpx

from bench import way
from bench.processes import cpu_seconds, used
from bench.result import Figure, Result, circumstances, load_average
from bench.scratch import scratch_desk
from bench.traffic import Client, Post, messages
from desk.dev.mail_servers import find
from desk.ports import free_port
from shared.ids import uuid7
from tests.dovecot import PASSWORD, Dovecot
from tests.running_desk import RunningDesk

MAILS = 2_000
WARM_UP = 200
REPLIES = 300
LMTP_CONNECTIONS = 4
REPLY_CONNECTIONS = 8
ADDRESS = "support@desk.example"
ORDINARY_BYTES = "an answer or a question of about 6 kB, plain and HTML, half of them with a quotation below"
_QUOTED = "On Mon, 2 Mar 2026 at 10:00, Support <support@desk.example> wrote:\n\n> {line}\n> {line}\n> {line}\n"
_HTML = "<html><head><style>{style}</style></head><body><div>{body}</div>{quote}</body></html>"


async def run(count: int = MAILS) -> Result:
    """One desk: mail by HTTP, by LMTP and by IMAP, one kind after the other; then answers to them by SMTP."""
    load = load_average()
    lmtp, smtp = free_port(), free_port()
    settings = {
        "DESK_INGESTION_LMTP_LISTEN": f"127.0.0.1:{lmtp}",
        "DESK_INGESTION_SMTP_URL": f"smtp://127.0.0.1:{smtp}",
    }
    with _sink(smtp), scratch_desk(**settings) as desk:
        await asyncio.to_thread(desk.start)
        by_imap = count if find() is not None else 0
        await asyncio.to_thread(way.hire, desk, (2 * count + by_imap + 2 * WARM_UP) // way.CAPACITY + 1)
        client = Client(desk.url, {"Authorization": f"Bearer {desk.ingest_token}"})
        await way.measured(desk, lambda: _over_lmtp(lmtp, ordinary_mails(WARM_UP)), WARM_UP)
        phases = {
            "handed over by LMTP": await way.measured(desk, lambda: _over_lmtp(lmtp, ordinary_mails(count)), count),
            "posted one by one": await way.phase(desk, client, _posts(WARM_UP), WARM_UP, way.SINGLE_CONNECTIONS),
        }
        if by_imap:
            phases["fetched by IMAP"] = await _fetched(desk, count)
        out = await _replies(desk, REPLIES)
        found = await circumstances(desk, load)
    figures = []
    for door, phase in phases.items():
        figures += [
            Figure(f"mails {door}, the whole way", phase.tickets / phase.seconds, "/s", "≥ 300"),
            Figure(f"processor per mail {door}, the whole way", phase.cpu_ms, "ms"),
        ]
    figures += [
        Figure("replies by SMTP, from the request to the next hop", out.tickets / out.seconds, "/s"),
        Figure("processor per reply", out.cpu_ms, "ms"),
    ]
    return Result(
        id="mail",
        circumstances=found,
        parameters={"mails": count, "posted": WARM_UP, "replies": REPLIES, "a_mail": ORDINARY_BYTES},
        figures=figures,
        references=[],
        split=_split({**phases, "replies": out}),
    )


def ordinary_mails(count: int) -> list[bytes]:
    """Raw mails as people's programs make them, each from somebody else after three."""
    quoted = cycle((True, False))
    return [_ordinary(message, quoted=next(quoted)) for message in messages(count)]


def _ordinary(message: dict[str, Any], *, quoted: bool) -> bytes:
    mail = EmailMessage()
    mail["Received"] = "from out.example.org by mx.desk.example; Mon, 2 Mar 2026 10:00:00 +0000"
    mail["From"] = f"{message['sender']['name']} <{message['sender']['address']}>"
    mail["To"], mail["Subject"] = ADDRESS, f"Re: {message['subject']}" if quoted else message["subject"]
    mail["Date"], mail["Message-ID"] = "Mon, 2 Mar 2026 10:00:00 +0000", f"<{message['external_id']}@example.org>"
    if quoted:
        mail["References"] = f"<asked-{message['external_id']}@example.org>"
    line = message["text"].replace("\n", " ")[:200]
    below = _QUOTED.format(line=line) if quoted else "-- \nSent by hand\n"
    mail.set_content(f"{message['text']}\n\n{below}")
    quote = f'<div class="gmail_quote"><blockquote>{line}</blockquote></div>' if quoted else ""
    style = "".join(f".c{number} {{ color: #{number:06x} }} " for number in range(60))
    body = "".join(f"<p>{part}</p>" for part in message["text"].split("\n"))
    mail.add_alternative(_HTML.format(style=style, body=body, quote=quote), subtype="html")
    return bytes(mail)


def _posts(count: int) -> list[Post]:
    return [Post("/api/ingest/email", raw, "message/rfc822") for raw in ordinary_mails(count)]


async def _over_lmtp(port: int, mails: Sequence[bytes]) -> float:
    """Hand mails over as a mail server does; returns the seconds until the last was acknowledged."""
    waiting = iter(mails)

    def connection() -> None:
        with smtplib.LMTP("127.0.0.1", port) as lmtp:
            for raw in waiting:
                assert not lmtp.sendmail("sender@example.org", [ADDRESS], raw)

    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(LMTP_CONNECTIONS):
            group.create_task(asyncio.to_thread(connection))
    return time.monotonic() - begun


async def _fetched(desk: RunningDesk, count: int) -> way.Phase:
    """Mails that wait in a folder, from the moment that the desk is told of it."""
    with Dovecot() as dovecot:
        dovecot.add_user("support")
        for raw in ordinary_mails(count):
            dovecot.deliver("support", raw)
        mailbox = {
            "address": "fetched@desk.example",
            "imap": {"host": "127.0.0.1", "port": dovecot.port, "security": "none", "username": "support"},
            "secrets": {"password": PASSWORD},
        }

        async def begin() -> float:
            def post() -> None:
                with desk.client(desk.admin) as admin:
                    headers = {"Idempotency-Key": str(uuid7())}
                    admin.post("/api/channels/mailboxes", json=mailbox, headers=headers).raise_for_status()

            await asyncio.to_thread(post)
            return 0.0

        return await way.measured(desk, begin, count)


async def _replies(desk: RunningDesk, count: int) -> way.Phase:
    """Replies of one agent to so many tickets, until the next hop has taken all of them."""
    admin = await asyncpg.connect(desk.admin_url)
    by_mail = "SELECT id FROM tickets.tickets WHERE channel = 'email' ORDER BY id DESC LIMIT $1"
    tickets = [str(each) for (each,) in await admin.fetch(by_mail, count)]
    left = "SELECT count(*) FROM ingestion.outbound_messages WHERE state = 'queued'"
    sent = "SELECT count(*) FROM ingestion.outbound_messages WHERE state = 'delivered'"
    with desk.client(desk.agent) as signed_in:
        cookies, headers = dict(signed_in.cookies), {"X-Desk-CSRF": "1", "Origin": desk.url}
    waiting = iter(tickets)
    committed = await admin.fetchval(way.COMMITTED)
    cpu, begun = cpu_seconds(desk), time.monotonic()
    async with (
        httpx.AsyncClient(base_url=desk.url, cookies=cookies, headers=headers, timeout=60) as client,
        asyncio.TaskGroup() as group,
    ):

        async def reply() -> None:
            for ticket in waiting:
                answer = await client.post(
                    f"/api/tickets/{ticket}/replies",
                    json={"text": "Thank you for asking. It left on Monday, and should be with you by tomorrow."},
                    headers={"Idempotency-Key": str(uuid7())},
                )
                answer.raise_for_status()

        for _ in range(REPLY_CONNECTIONS):
            group.create_task(reply())
    accepted = time.monotonic() - begun
    async with asyncio.timeout(way.PATIENCE_SECONDS):
        while await admin.fetchval(sent) < count or await admin.fetchval(left):
            await asyncio.sleep(0.05)
    phase = way.Phase(
        tickets=count,
        accepted_seconds=accepted,
        seconds=time.monotonic() - begun,
        cpu=used(cpu, cpu_seconds(desk)),
        client_cpu=0.0,
        transactions=await admin.fetchval(way.COMMITTED) - committed,
    )
    await admin.close()
    return phase


@contextmanager
def _sink(port: int) -> Iterator[None]:
    """A mail server that takes everything, in a process of its own, so that it is not counted."""
    server = subprocess.Popen(
        [sys.executable, "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", f"127.0.0.1:{port}"]
    )
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def _split(phases: dict[str, way.Phase]) -> list[dict[str, Any]]:
    names = sorted(set().union(*(phase.cpu for phase in phases.values())))
    rows = [
        {"process": name, **{f"{door}, ms": phase.of(phase.cpu.get(name, 0.0)) for door, phase in phases.items()}}
        for name in names
    ]
    return sorted(rows, key=lambda row: -row["handed over by LMTP, ms"])
