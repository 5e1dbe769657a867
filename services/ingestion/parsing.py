"""Parsing mail in processes that may be killed.

MIME from strangers can exhaust time, memory or the stack. A parser process has limits of its own, no environment, and
no connection to anything; when one mail brings it down, that mail gets a reason and the next mail a new process.
"""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.mail import MailAttachment, MailKind, ParsedMail
from shared.telemetry import get_logger

log = get_logger(__name__)

_ROOT = Path(__file__).resolve().parents[2]
_MAILS_PER_PROCESS = 500
_START_SECONDS = 30.0
_MAX_HEADER_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What one mail may use: processor time, and address space of the whole process."""

    cpu_seconds: float = 5
    memory_mib: int = 512

    @property
    def wall_seconds(self) -> float:
        """A starved process gets longer than its processor time, but not for ever."""
        return self.cpu_seconds * 3


class ParserFailed(Exception):
    """The mail could not be parsed within the bounds. `reason` is a stable word for quarantine lists."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ParserPool:
    """At most `size` parser processes, started when first needed."""

    def __init__(self, size: int, limits: ParserLimits) -> None:
        self._limits = limits
        self._idle: list[_Parser] = []
        self._slots = asyncio.Semaphore(size)

    async def parse(self, raw: bytes) -> ParsedMail:
        """Parse one mail. Raises ParserFailed.

        A mail whose process ended or used up its time is tried once more, in a new one and without looking for
        quotations: the process may have died of something else, and those patterns can be led astray by harmless text.
        """
        async with self._slots:
            try:
                return await self._attempt(raw, strip_quotes=True)
            except ParserFailed as failure:
                if failure.reason not in {"parser_timeout", "parser_crashed"}:
                    raise
            return await self._attempt(raw, strip_quotes=False)

    async def close(self) -> None:
        """End every process."""
        for parser in self._idle:
            await parser.kill()
        self._idle.clear()

    async def _attempt(self, raw: bytes, *, strip_quotes: bool) -> ParsedMail:
        async with self._parser() as parser:
            return await parser.parse(raw, strip_quotes=strip_quotes)

    @asynccontextmanager
    async def _parser(self) -> "AsyncIterator[_Parser]":
        parser = await self._take()
        try:
            yield parser
        finally:
            if parser.usable:
                self._idle.append(parser)
            else:
                await parser.kill()

    async def _take(self) -> "_Parser":
        while self._idle:
            parser = self._idle.pop()
            if parser.usable:
                return parser
            await parser.kill()
        return await _Parser.start(self._limits)


class _Parser:
    """One parser process; see `parser_process` for the other end."""

    def __init__(self, process: asyncio.subprocess.Process, limits: ParserLimits) -> None:
        self._process = process
        self._limits = limits
        self._parsed = 0
        self._clean = True

    @classmethod
    async def start(cls, limits: ParserLimits) -> "_Parser":
        """Start a process and wait until it can parse."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.ingestion.parser_process",
            str(limits.memory_mib),
            str(limits.cpu_seconds),
            cwd=_ROOT,
            env={"PYTHONUTF8": "1", "PYTHONPATH": str(_ROOT)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        parser = cls(process, limits)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await parser._reader.readexactly(1)
        except BaseException:
            await parser.kill()
            raise
        return parser

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether the process is ready for another mail: not after a failure, nor when it has done enough."""
        return self._clean and self._parsed < _MAILS_PER_PROCESS and self._process.returncode is None

    @property
    def _reader(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None
        return self._process.stdout

    async def parse(self, raw: bytes, *, strip_quotes: bool) -> ParsedMail:
        """Have one mail parsed. Raises ParserFailed; then the process is not usable any more."""
        self._clean = False
        self._parsed += 1
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                header, files = await self._exchange(raw, strip_quotes=strip_quotes)
        except TimeoutError:
            raise ParserFailed("parser_timeout") from None
        except (asyncio.IncompleteReadError, OSError) as error:
            raise ParserFailed(await self._reason_of_death()) from error
        self._clean = True
        if (reason := header.get("rejected")) is not None:
            self._clean = reason != "parser_out_of_memory"
            raise ParserFailed(str(reason))
        return _mail(header["mail"], files)

    async def kill(self) -> None:
        """End the process now, and reap it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        # Reading to the end lets the transport see the end of the pipe, without which it never closes.
        with contextlib.suppress(OSError):
            await self._reader.read()
        await self._process.wait()

    async def _exchange(self, raw: bytes, *, strip_quotes: bool) -> tuple[dict[str, Any], list[bytes]]:
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d %d\n" % (len(raw), strip_quotes))
        self._process.stdin.write(raw)
        await self._process.stdin.drain()
        header_size = int.from_bytes(await self._reader.readexactly(4), "big")
        if header_size > _MAX_HEADER_BYTES:
            raise OSError("the parser's answer is out of bounds")
        header: dict[str, Any] = json.loads(await self._reader.readexactly(header_size))
        sizes = [int(size) for size in header.get("sizes", ())]
        if sum(sizes) > 2 * len(raw) + _MAX_HEADER_BYTES:
            raise OSError("the parser's answer is out of bounds")
        return header, [await self._reader.readexactly(size) for size in sizes]

    async def _reason_of_death(self) -> str:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._process.wait()
        log.warning("mail.parser_died", returncode=self._process.returncode)
        return "parser_timeout" if self._process.returncode == -signal.SIGXCPU else "parser_crashed"


def _mail(fields: dict[str, Any], files: list[bytes]) -> ParsedMail:
    """What the parser process wrote, as values again."""
    names = fields.pop("attachment_names")
    sender = fields.pop("sender")
    values: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in fields.items()}
    values["kind"] = MailKind(fields["kind"])
    values["sender"] = Mailbox(*sender) if sender else None
    values["attachments"] = tuple(MailAttachment(name, data) for name, data in zip(names, files, strict=True))
    return ParsedMail(**values)
