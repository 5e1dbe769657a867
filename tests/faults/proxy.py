"""TCP proxies between the desk and its parts, in which the network can be made bad."""

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from desk.ports import LOOPBACK

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Weather:
    """What the network does to every connection, old and new.

    `latency_seconds` and `bytes_per_second` hold in each direction. Where it is `half_open`, nothing arrives and nobody
    is told; a connection that lost something this way stays dead when the weather clears.
    """

    latency_seconds: float = 0
    bytes_per_second: float | None = None
    half_open: bool = False
    refusing: bool = False


CLEAR = Weather()


class Cut(Exception):
    """The connection ends here; what was about to be passed on is dropped."""


class Link:
    """One connection through the proxy. Subclasses look at what passes, and may raise Cut."""

    def __init__(self) -> None:
        self.client_port = self.server_port = 0
        self.dead = False
        self.ends: list[asyncio.StreamWriter] = []

    def from_client(self, data: bytes) -> None: ...

    def from_server(self, data: bytes) -> None: ...

    def reset(self) -> None:
        """End both sides at once, with RST."""
        for end in self.ends:
            with suppress(OSError, AttributeError):
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()


class Proxy:
    """Passes what comes to `port` on to `upstream`. Lives in one event loop; any thread may set `weather`."""

    def __init__(self, port: int, upstream: int) -> None:
        self.port = port
        self.upstream = upstream
        self.weather = CLEAR
        self.links: set[Link] = set()

    def make_link(self) -> Link:
        return Link()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)

    async def close(self) -> None:
        self._server.close()
        await self.reset()

    async def reset(self) -> int:
        """End every connection with RST; returns how many there were."""
        links = list(self.links)
        for link in links:
            link.reset()
        return len(links)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self.make_link()
        link.ends.append(writer)
        if self.weather.refusing:
            link.reset()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection(LOOPBACK, self.upstream)
        except OSError:
            link.reset()
            return
        link.ends.append(up_writer)
        link.client_port = writer.get_extra_info("peername")[1]
        link.server_port = up_writer.get_extra_info("sockname")[1]
        self.links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(link, reader, up_writer, link.from_client))
                both.create_task(self._pump(link, up_reader, writer, link.from_server))
        except* (OSError, Cut):
            link.reset()
        finally:
            self.links.discard(link)
            for end in link.ends:
                end.close()

    async def _pump(
        self, link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, look: Callable[[bytes], None]
    ) -> None:
        while data := await source.read(_CHUNK_BYTES):
            look(data)
            if link.dead or self.weather.half_open:
                link.dead = True
                continue
            if self.weather.latency_seconds:
                await asyncio.sleep(self.weather.latency_seconds)
            await self._write(sink, data)
        if not link.dead and sink.can_write_eof():
            sink.write_eof()

    async def _write(self, sink: asyncio.StreamWriter, data: bytes) -> None:
        while data and (rate := self.weather.bytes_per_second):
            sink.write(data[:1])
            data = data[1:]
            await asyncio.sleep(1 / rate)
        sink.write(data)
        await sink.drain()


@dataclass(slots=True)
class LostCommit:
    """Cut one connection of `role` at the COMMIT of a transaction that stores the answer to an Idempotency-Key.

    At the `reply` the transaction is committed and nobody knows; at the `request` it is rolled back.
    """

    role: str
    at: Literal["reply", "request"]


# Just enough of https://www.postgresql.org/docs/18/protocol-message-formats.html: asyncpg prepares a statement once per
# connection (Parse: name, text), names it when it is run (Bind), and sends COMMIT alone, as a simple query.
_STORES_ANSWER = re.compile(rb"P.{4}(\w+)\0\s*INSERT INTO idempotency_keys", re.DOTALL)
_ROLE = re.compile(rb"\0user\0(\w+)\0")
_COMMIT = b"Q\0\0\0\x0cCOMMIT;\0"
_COMMITTED = b"C\0\0\0\x0bCOMMIT\0"


class PostgresLink(Link):
    """Knows which role is connected, and whether its open transaction stores an answer."""

    def __init__(self, proxy: "PostgresProxy") -> None:
        super().__init__()
        self._proxy = proxy
        self._role = ""
        self._statements: set[bytes] = set()
        self._stores_answer = False

    def from_client(self, data: bytes) -> None:
        if not self._role and (found := _ROLE.search(data)):
            self._role = found[1].decode()
        self._statements.update(_STORES_ANSWER.findall(data))
        self._stores_answer = self._stores_answer or any(b"\0" + name + b"\0" in data for name in self._statements)
        if _COMMIT in data:
            self._cut_if_asked("request")

    def from_server(self, data: bytes) -> None:
        if _COMMITTED in data:
            self._cut_if_asked("reply")
            self._stores_answer = False

    def _cut_if_asked(self, at: str) -> None:
        wanted = self._proxy.lose
        if wanted is not None and self._stores_answer and (wanted.role, wanted.at) == (self._role, at):
            self._proxy.lose = None
            raise Cut


class PostgresProxy(Proxy):
    """A proxy that can lose a COMMIT: set `lose`; it is None again once that has happened."""

    def __init__(self, port: int, upstream: int) -> None:
        super().__init__(port, upstream)
        self.lose: LostCommit | None = None

    def make_link(self) -> Link:
        return PostgresLink(self)
