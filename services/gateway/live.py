"""Fan-out of live frames to the WebSockets of this process.

One loop reads what is new in the table while anybody listens, and hands each frame to every client's bounded queue.
A client that does not keep up is closed and told to read anew; it holds up nobody.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import WebSocket, WebSocketDisconnect
from starlette.datastructures import State
from starlette.websockets import WebSocketState

from services.gateway.domain.notifications import concerns
from services.gateway.domain.presence import place_of
from services.gateway.presence import Presence, Window
from services.gateway.repository import Repository
from shared.auth import TokenVerifier, VerifiedToken
from shared.db import Database, now_utc
from shared.telemetry import get_logger

log = get_logger(__name__)

POLL_SECONDS = 0.05
CHECK_TOKENS_SECONDS = 1.0
QUEUE_FRAMES = 1000
REPLAY_FRAMES = 2000
MAX_CLIENT_MESSAGE = 4096

# Close codes of RFC 6455 section 7.4.1 and of IANA's registry.
_POLICY_VIOLATION = 1008
_TOO_BIG = 1009
_SERVICE_RESTART = 1012
_TRY_AGAIN_LATER = 1013


@dataclass(eq=False, slots=True)
class _Client:
    websocket: WebSocket
    token: VerifiedToken
    queue: asyncio.Queue[tuple[int, str]] = field(default_factory=lambda: asyncio.Queue(QUEUE_FRAMES))
    # Set once: why this connection ends, and its close code.
    end: asyncio.Future[tuple[str, int]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def account_id(self) -> UUID:
        """Whose frames these are."""
        return self.token.principal.account_id

    def offer(self, seq: int, frame: str) -> None:
        """Queue a frame; a full queue ends the connection. `seq` is 0 for frames outside the sequence."""
        try:
            self.queue.put_nowait((seq, frame))
        except asyncio.QueueFull:
            self.finish("resync", _TRY_AGAIN_LATER)

    def finish(self, reason: str, code: int) -> None:
        """End the connection; the first reason counts."""
        if not self.end.done():
            self.end.set_result((reason, code))


class LiveHub:
    """The clients of one process. `run` has to be running while `serve` is called."""

    def __init__(self, database: Database, verifier: TokenVerifier, presence: Presence, state: State) -> None:
        self._database = database
        self._presence = presence
        self._verifier = verifier
        self._state = state
        self._clients: set[_Client] = set()
        self._somebody = asyncio.Event()
        self._seq = 0

    async def serve(self, websocket: WebSocket, token: VerifiedToken, since: int | None) -> None:
        """Serve one accepted client until it leaves, loses its rights, or falls behind."""
        client = _Client(websocket, token)
        try:
            # Joined before the backlog is read: a frame that comes meanwhile is queued, and skipped if it is in both.
            await self._join(client)
            sent = await self._catch_up(client, since)
            tasks = {
                asyncio.create_task(self._write(client, sent)),
                asyncio.create_task(self._listen(client)),
                asyncio.create_task(_ended(client)),
            }
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await _say_bye(client)
        finally:
            self._clients.discard(client)

    async def run(self) -> None:
        """Read and fan out for ever; idle while nobody listens."""
        tokens_due = 0.0
        loop = asyncio.get_running_loop()
        while True:
            if not self._clients:
                self._somebody.clear()
                await self._somebody.wait()
            try:
                if self._state.draining:
                    self.end_all("shutting down")
                if loop.time() >= tokens_due:
                    tokens_due = loop.time() + CHECK_TOKENS_SECONDS
                    await self._check_tokens()
                await self._fan_out()
            except Exception as error:  # noqa: BLE001 - clients wait until the database is back
                log.warning("live.poll_failed", error=type(error).__name__)
                await asyncio.sleep(CHECK_TOKENS_SECONDS)
            await asyncio.sleep(POLL_SECONDS)

    def end_all(self, reason: str) -> None:
        """Say good-bye to every client."""
        for client in self._clients:
            client.finish(reason, _SERVICE_RESTART)

    async def _join(self, client: _Client) -> None:
        if not self._clients:
            async with self._database.read() as session:
                newest = (await Repository(session).live_bounds())[1]
            # Somebody else may have joined while this was read; then the loop already goes on from where it is.
            if not self._clients:
                self._seq = newest
        self._clients.add(client)
        self._somebody.set()

    async def _catch_up(self, client: _Client, since: int | None) -> int:
        """Send hello and what came after `since`; returns the last sequence number that the client has."""
        async with self._database.read() as session:
            repository = Repository(session)
            oldest, newest = await repository.live_bounds()
            backlog: list[tuple[int, dict[str, Any]]] = []
            lost = since is not None and not oldest - 1 <= since <= newest
            if since is not None and not lost:
                backlog = await repository.frames_after(since, limit=REPLAY_FRAMES + 1)
        await client.websocket.send_text(json.dumps({"type": "hello", "seq": newest}))
        if lost or len(backlog) > REPLAY_FRAMES:
            await client.websocket.send_text(json.dumps({"type": "resync"}))
            return newest
        for seq, frame in backlog:
            if concerns(frame, client.account_id):
                await client.websocket.send_text(_encode(seq, frame))
        return max(newest, backlog[-1][0]) if backlog else newest

    async def _fan_out(self) -> None:
        async with self._database.read() as session:
            frames = await Repository(session).frames_after(self._seq, limit=QUEUE_FRAMES)
        for seq, frame in frames:
            text = _encode(seq, frame)
            for client in self._clients:
                if concerns(frame, client.account_id):
                    client.offer(seq, text)
            self._seq = seq

    async def _check_tokens(self) -> None:
        now = now_utc()
        for client in list(self._clients):
            if not await self._verifier.still_valid(client.token, now):
                expired = client.token.expires_at <= now
                client.finish("expired" if expired else "revoked", _POLICY_VIOLATION)

    async def _write(self, client: _Client, sent: int) -> None:
        while True:
            seq, frame = await client.queue.get()
            if seq == 0 or seq > sent:
                await client.websocket.send_text(frame)

    async def _listen(self, client: _Client) -> None:
        principal = client.token.principal
        window = Window(principal.account_id, principal.name, lambda frame: client.offer(0, frame))
        try:
            await self._read(client, window)
        finally:
            self._presence.put(window, None)

    async def _read(self, client: _Client, window: Window) -> None:
        while True:
            received = await client.websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            text = received.get("text") or ""
            if len(text) > MAX_CLIENT_MESSAGE or len(received.get("bytes") or b"") > MAX_CLIENT_MESSAGE:
                client.finish("message too long", _TOO_BIG)
                return
            message = _message_of(text)
            # Whatever else a newer or a hostile client says means nothing to us.
            match message.get("type"):
                case "ping":
                    client.offer(0, '{"type": "pong"}')
                case "viewing":
                    with suppress(ValueError):
                        self._presence.put(window, place_of(message))


async def _ended(client: _Client) -> None:
    await asyncio.shield(client.end)


async def _say_bye(client: _Client) -> None:
    if not client.end.done() or client.websocket.client_state is not WebSocketState.CONNECTED:
        return
    reason, code = client.end.result()
    # The client may be gone, or so far behind that nothing more gets through to it.
    with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(CHECK_TOKENS_SECONDS):
            await client.websocket.send_text(json.dumps({"type": "bye", "reason": reason}))
            await client.websocket.close(code, reason)


def _encode(seq: int, frame: dict[str, Any]) -> str:
    return json.dumps({"seq": seq, **frame}, ensure_ascii=False)


def _message_of(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
