"""Requests to an ASGI app in this event loop, as somebody who is signed in."""

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.auth import Principal
from shared.auth.tables import keep_keys
from shared.auth.tokens import encode_public_key, sign
from shared.db import Database, now_utc
from shared.events.accounts import Role, SigningKeyPublished


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    def __init__(self, app: Any, key: Ed25519PrivateKey) -> None:
        self._app, self._key = app, key

    def headers(self, role: Role, **more: str) -> dict[str, str]:
        """Headers of somebody with this role."""
        principal = Principal(uuid4(), role, "Asha", session_id=uuid4())
        token = sign(principal, key=self._key, kid="k1", now=now_utc(), lifetime=timedelta(minutes=5))
        return {"Authorization": f"Bearer {token}", **more}

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self._request("GET", path, params, None, headers)

    async def post(self, path: str, *, json: Any = None, **more: Any) -> Answer:
        return await self._request("POST", path, more.get("params"), json, more.get("headers"))

    async def patch(self, path: str, *, json: Any, headers: Mapping[str, str]) -> Answer:
        return await self._request("PATCH", path, None, json, headers)

    async def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Any,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"Host": "desk", "Content-Type": "application/json", "Content-Length": str(len(content))}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": urlencode(params or {}).encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in {**sent, **(headers or {})}.items()],
            "client": ("127.0.0.1", 1),
            "server": ("desk", 80),
            "state": {},
        }
        incoming = [{"type": "http.request", "body": content, "more_body": False}]
        messages: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not incoming:
                await asyncio.Event().wait()
            return incoming.pop()

        async def send(message: MutableMapping[str, Any]) -> None:
            messages.append(message)

        await self._app(scope, receive, send)
        start, *parts = messages
        return Answer(
            start["status"],
            {name.decode(): value.decode() for name, value in start["headers"]},
            b"".join(part.get("body", b"") for part in parts),
        )


async def signed_in(app: Any, database: Database) -> Client:
    """A client whose tokens the service of this database accepts."""
    key = Ed25519PrivateKey.generate()
    published = SigningKeyPublished(
        kid="k1", public_key=encode_public_key(key.public_key()), not_before=now_utc() - timedelta(days=1)
    )
    async with database.transaction() as session:
        await keep_keys(session, [published])
    return Client(app, key)
