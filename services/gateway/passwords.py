"""Hashing passwords (Argon2id, RFC 9106) in a few worker processes that can be killed."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

_WORKER = Path(__file__).with_name("hashing.py")
_ANSWER_SECONDS = 30.0
_IDLE_SECONDS = 60.0
_WAITING_PER_WORKER = 16


class HashingOverloaded(Exception):
    """More passwords wait to be hashed than can be done in time."""


class Passwords:
    """Hashes and verifies. At most `workers` at once and `_WAITING_PER_WORKER` waiting for each."""

    def __init__(self, workers: int) -> None:
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        self._workers = [_Worker() for _ in range(workers)]
        for worker in self._workers:
            self._idle.put_nowait(worker)
        self._asking = 0

    async def hash(self, password: str) -> str:
        """The hash to store, with its salt and parameters. Raises HashingOverloaded."""
        return str((await self._ask({"do": "hash", "password": password}))["hash"])

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password fits. Without a hash: False, after as long a time. Raises HashingOverloaded."""
        answer = await self._ask({"do": "verify", "hash": password_hash, "password": password})
        return bool(answer["matches"]) and password_hash is not None

    async def close(self) -> None:
        """End the worker processes."""
        for worker in self._workers:
            await worker.end()

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._asking >= len(self._workers) * (_WAITING_PER_WORKER + 1):
            raise HashingOverloaded
        self._asking += 1
        try:
            worker = await self._idle.get()
            try:
                return await worker.ask(request)
            finally:
                self._idle.put_nowait(worker)
        finally:
            self._asking -= 1


class _Worker:
    """One process, started when it is first asked and ended when it has not been for a while."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._retire: asyncio.TimerHandle | None = None

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._retire is not None:
            self._retire.cancel()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                process = await self._running()
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(request).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
            if not line:
                raise HashingOverloaded  # the process was killed, most likely for want of memory
            answer: dict[str, Any] = json.loads(line)
        except BaseException:
            # Also when the caller went away: the answer that is still to come must not be taken for the next one's.
            self._kill()
            raise
        self._retire = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._kill)
        return answer

    async def end(self) -> None:
        if self._retire is not None:
            self._retire.cancel()
        process = self._process
        self._kill()
        if process is not None:
            await process.wait()

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            # Nothing of our environment: it holds the database's password.
            environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(_WORKER), stdin=PIPE, stdout=PIPE, env=environment
            )
        return self._process

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process = None
