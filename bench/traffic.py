"""The customers: one client process that posts the project's sample messages, again and again from somebody else."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from email.message import EmailMessage
from http import HTTPStatus
from itertools import cycle
from typing import Any

from bench.connection import Connection
from desk.samples import load_samples
from shared.ids import uuid7

LANGUAGES = ("en", "hi", "bn", "de", "es", "ar")
MESSAGES_PER_CUSTOMER = 3
BUSY = {409, 429, 502, 503, 504}
PATIENCE_SECONDS = 60


class Refused(Exception):
    """A request that the desk should have taken; the message is its answer."""


@dataclass(frozen=True)
class Post:
    """One request, made before the clock runs."""

    path: str
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, path: str, body: Any) -> "Post":
        """A JSON request that may be repeated."""
        return cls(path, json.dumps(body).encode(), headers={"Idempotency-Key": str(uuid7())})


def messages(count: int) -> list[dict[str, Any]]:
    """Messages in six languages, in turn. The language is left for the desk to find out."""
    run = uuid7().hex[-8:]
    texts = cycle([s.message for s in load_samples() if s.message["sender"].get("language") in LANGUAGES])
    made = []
    for number in range(count):
        text, customer = next(texts), number // MESSAGES_PER_CUSTOMER
        made.append(
            {
                "channel": text["channel"],
                "sender": {"kind": "email", "address": f"{run}-{customer}@example.org", "name": f"Customer {customer}"},
                "subject": text["subject"],
                "text": text["text"],
                "external_id": f"{run}-{number}",
            }
        )
    return made


def batches(count: int, size: int) -> list[Post]:
    """`count` messages, `size` in each request."""
    made = messages(count)
    return [
        Post.json("/api/ingest/messages", {"messages": made[start : start + size]}) for start in range(0, count, size)
    ]


def singles(count: int, path: str = "/api/ingest/messages") -> list[Post]:
    """`count` requests of one message each."""
    return [Post.json(path, message) for message in messages(count)]


def mails(count: int) -> list[Post]:
    """`count` raw mails with a plain text part."""
    posts = []
    for message in messages(count):
        mail = EmailMessage()
        mail["From"] = f"{message['sender']['name']} <{message['sender']['address']}>"
        mail["To"], mail["Subject"] = "support@desk.example", message["subject"]
        mail["Message-ID"] = f"<{message['external_id']}@example.org>"
        mail.set_content(message["text"])
        posts.append(Post("/api/ingest/email", bytes(mail), "message/rfc822"))
    return posts


@dataclass
class Client:
    """Posts, and repeats what a busy desk turned away. `headers` go with each request."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    repeated: int = 0

    async def send_all(self, posts: Sequence[Post], connections: int) -> float:
        """Post everything as fast as it is taken, over so many connections; returns the seconds it took."""
        waiting = iter(posts)

        async def sender() -> None:
            with closing(Connection(self.url)) as connection:
                for post in waiting:
                    await self._send(connection, post)

        begun = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(connections):
                tasks.create_task(sender())
        return time.monotonic() - begun

    async def send_paced(
        self, posts: Sequence[Post], per_second: float, connections: int = 1
    ) -> list[tuple[float, float]]:
        """Post at a steady pace; for each, when it was sent and when it was answered (monotonic).

        A slow answer delays the next request only when all connections wait for one.
        """
        times = [(0.0, 0.0)] * len(posts)
        waiting, begun = iter(enumerate(posts)), time.monotonic()

        async def sender() -> None:
            with closing(Connection(self.url)) as connection:
                for place, post in waiting:
                    await asyncio.sleep(max(0.0, begun + place / per_second - time.monotonic()))
                    sent = time.monotonic()
                    await self._send(connection, post)
                    times[place] = (sent, time.monotonic())

        async with asyncio.TaskGroup() as tasks:
            for _ in range(connections):
                tasks.create_task(sender())
        return times

    async def _send(self, connection: Connection, post: Post) -> None:
        """Post until it is accepted. Raises Refused for any answer that is not about being busy."""
        headers = {"Content-Type": post.content_type, **self.headers, **post.headers}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                status, answer = await connection.post(post.path, post.body, headers)
                if status == HTTPStatus.ACCEPTED:
                    return
                if status not in BUSY:
                    raise Refused(f"{status} {answer.decode(errors='replace')}")
                self.repeated += 1
                await asyncio.sleep(0.2)
