"""HTTP for the benchmark's own client, as little of it as does: a full client costs more than what it measures."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit


class Connection:
    """One HTTP/1.1 connection that is kept open (RFC 9112). Answers need a Content-Length, as all of ours have one."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port
        self._authority = parts.netloc
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or EOFError when the connection breaks."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        fields = {"Host": self._authority, "Content-Length": str(len(body)), **headers}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *found = head.rstrip().split("\r\n")
        answer = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in found)}
        content = await reader.readexactly(int(answer["content-length"]))
        if answer.get("connection") == "close":  # the edge does it after a thousand requests
            self.close()
        return int(status.split()[1]), content

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
