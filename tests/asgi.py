"""A small client that calls an ASGI app in the test's own event loop, so that requests really run side by side.

It sends bodies in pieces, leaves in the middle of a request and sees every cookie as it was set.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookies import SimpleCookie
from itertools import chain
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.auth import Principal
from shared.auth.tables import keep_keys
from shared.auth.tokens import encode_public_key, sign
from shared.db import Database, now_utc
from shared.events.accounts import Role, SigningKeyPublished
from shared.ids import uuid7

ORIGIN = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Answer:
    status: int
    raw_headers: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.raw_headers)

    @property
    def cookies(self) -> dict[str, SimpleCookie]:
        return {
            name: cookie
            for header, value in self.raw_headers
            if header == "set-cookie"
            for name, cookie in SimpleCookie(value).items()
        }

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """`cookies` are sent and kept; `headers` go with every request."""

    app: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"

    async def get(self, path: str, **query: Any) -> Answer:
        return await self.request("GET", path, query=query)

    async def post(
        self, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None, **headers: str
    ) -> Answer:
        return await self.request("POST", path, query=query, body=body, headers=headers)

    async def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.request("PUT", path, body=body, headers=headers)

    async def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return await self.request("PATCH", path, body=body, headers=headers)

    async def delete(self, path: str, **headers: str) -> Answer:
        return await self.request("DELETE", path, headers=headers)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        chunks: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request. `body` goes as JSON, or as it is when it is bytes; header names are given with underscores."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent: dict[str, str] = {"host": "desk", "content-type": "application/json", **self.headers}
        if chunks is None:
            sent["content-length"] = str(len(content))
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        target = urlsplit(f"{path}?{urlencode(query, doseq=True)}" if query else path)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": target.path,
            "raw_path": target.path.encode(),
            "query_string": target.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": (self.address, 1),
            "server": ("desk", 80),
            "state": {},
        }
        incoming = iter([content]) if chunks is None else chain(chunks, [b""])
        started: dict[str, Any] = {}
        parts: list[bytes] = []

        async def receive() -> dict[str, Any]:
            part = next(incoming, None)
            if part is None:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": part, "more_body": chunks is not None and part != b""}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                assert not started, "two responses to one request"
                started.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, receive, send)
        answer = Answer(
            started["status"],
            [(name.decode(), value.decode()) for name, value in started["headers"]],
            b"".join(parts),
        )
        for name, cookie in answer.cookies.items():
            if cookie["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value
        return answer


def browser(app: Any, **fields: Any) -> Client:
    """A client that sends what a page of ours makes a browser send."""
    return Client(app, {"origin": ORIGIN, "sec-fetch-site": "same-origin", "x-desk-csrf": "1"}, **fields)


class Callers:
    """Makes clients for people of every role, with tokens that one service accepts."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._key = Ed25519PrivateKey.generate()

    async def publish_key(self, database: Database) -> None:
        """Make the service know the key, as the event from the gateway does."""
        published = SigningKeyPublished(
            kid="test",
            public_key=encode_public_key(self._key.public_key()),
            not_before=now_utc() - timedelta(days=1),
        )
        async with database.transaction() as session:
            await keep_keys(session, [published])

    def as_(self, role: Role, account_id: UUID | None = None) -> Client:
        """A client of somebody with this role."""
        return self.client(Principal(account_id or uuid7(), role, "Somebody", session_id=uuid7()))

    def client(self, principal: Principal) -> Client:
        """A client with the principal's token."""
        token = sign(principal, key=self._key, kid="test", now=now_utc(), lifetime=timedelta(minutes=10))
        return Client(self._app, {"authorization": f"Bearer {token}"})

    def nobody(self) -> Client:
        """A client without a token."""
        return Client(self._app)


async def callers(app: Any, database: Database) -> Callers:
    """Callers whom the service of this app and database lets in."""
    made = Callers(app)
    await made.publish_key(database)
    return made
