"""Parsing mail in processes that may be killed.

MIME from strangers can exhaust time, memory or the stack. A parser process has limits of its own, no environment, and
no connection to anything; when one mail brings it down, that mail gets a reason and the next mail a new process.
"""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.bounces import MailReport
from services.ingestion.domain.mail import (
    MAX_OPENED_BYTES,
    KeyKind,
    KeyRejectedError,
    MailAttachment,
    MailKey,
    MailKeys,
    MailKind,
    MailSecurity,
    ParsedMail,
    SignatureOf,
    unopened,
)
from services.ingestion.domain.mail_html import ShownHtml
from services.ingestion.parser_process import HTML, HTML_WITH_REMOTE_IMAGES, IMAGE, KEY, NEW_TEXT, THUMBNAIL, WHOLE_TEXT
from shared.telemetry import get_logger

log = get_logger(__name__)

_ROOT = Path(__file__).resolve().parents[2]
_MAILS_PER_PROCESS = 500
_START_SECONDS = 30.0
_MAX_HEADER_BYTES = 16 * 1024 * 1024

GetKeys = Callable[[], Awaitable[MailKeys]]
Get = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What one mail or image may use: processor time, and address space of the whole process.

    Of memory a mail may use less than 200 MB in any case.
    """

    cpu_seconds: float = 1
    memory_mib: int = 512

    @property
    def wall_seconds(self) -> float:
        """A starved process gets longer than its processor time, but not for ever."""
        return self.cpu_seconds * 10


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

    async def parse(self, raw: bytes, get_keys: GetKeys | None = None) -> ParsedMail:
        """Parse one mail. Raises ParserFailed.

        A mail whose process ended or used up its time is tried once more, in a new one and without looking for
        quotations: the process may have died of something else, and those patterns can be led astray by harmless text.
        Keys are got, with `get_keys`, where something of it is signed or encrypted; if it cannot be opened within the
        bounds it stays closed.
        """
        async with self._slots:
            mail = await self._parse_closed(raw)
            if mail.security is None or get_keys is None:
                return mail
            keys = (await get_keys()).needed_for(mail.security)
            try:
                return await self._attempt(raw, strip_quotes=True, keys=keys)
            except ParserFailed as failure:
                log.warning("mail.not_opened", reason=failure.reason)
                return unopened(mail)

    async def html(
        self, get: Get, key: str, *, remote_images: bool, get_keys: GetKeys | None = None
    ) -> ShownHtml | None:
        """What can be shown of a mail's HTML; None where it has none. Raises ParserFailed. Keys as for `parse`.

        The mail is got when it is its turn, as of `image`.
        """
        async with self._slots:
            raw = await get(key)
            async with self._parser() as parser:
                shown, security = await parser.html(raw, remote_images=remote_images)
            if security is None or get_keys is None:
                return shown
            keys = (await get_keys()).needed_for(security)
            try:
                async with self._parser() as parser:
                    return (await parser.html(raw, remote_images=remote_images, keys=keys))[0]
            except ParserFailed as failure:
                log.warning("mail.not_opened", reason=failure.reason)
                return shown

    async def key(self, kind: KeyKind, data: str, passphrase: str | None) -> MailKey:
        """A key as an admin hands it in. Raises KeyRejectedError, ParserFailed."""
        async with self._slots, self._parser() as parser:
            return await parser.key(kind, data, passphrase)

    async def image(self, get: Get, key: str, *, thumbnail: bool) -> tuple[str, bytes]:
        """An image drawn anew, small or to be looked at: its content type and its bytes. Raises ParserFailed.

        It is got when it is its turn: those that wait take no memory. Raises what `get` raises, too.
        """
        async with self._slots:
            raw = await get(key)
            async with self._parser() as parser:
                return await parser.image(raw, thumbnail=thumbnail)

    async def close(self) -> None:
        """End every process."""
        for parser in self._idle:
            await parser.kill()
        self._idle.clear()

    async def _parse_closed(self, raw: bytes) -> ParsedMail:
        try:
            return await self._attempt(raw, strip_quotes=True)
        except ParserFailed as failure:
            if failure.reason not in {"parser_timeout", "parser_crashed"}:
                raise
        return await self._attempt(raw, strip_quotes=False)

    async def _attempt(self, raw: bytes, *, strip_quotes: bool, keys: MailKeys | None = None) -> ParsedMail:
        async with self._parser() as parser:
            return await parser.parse(raw, strip_quotes=strip_quotes, keys=keys)

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

    async def parse(self, raw: bytes, *, strip_quotes: bool, keys: MailKeys | None = None) -> ParsedMail:
        """Have one mail parsed. Raises ParserFailed; then the process is not usable any more."""
        header, files = await self._ask(raw, NEW_TEXT if strip_quotes else WHOLE_TEXT, keys)
        return _mail(header["mail"], files)

    async def html(
        self, raw: bytes, *, remote_images: bool, keys: MailKeys | None = None
    ) -> tuple[ShownHtml | None, MailSecurity | None]:
        """Have the HTML of one mail made safe, and learn whether the mail is signed or encrypted.

        Raises ParserFailed, as `parse` does.
        """
        header, _ = await self._ask(raw, HTML_WITH_REMOTE_IMAGES if remote_images else HTML, keys)
        security = _security(header["security"]) if header["security"] else None
        return ShownHtml(*header["html"]) if header["html"] is not None else None, security

    async def key(self, kind: KeyKind, data: str, passphrase: str | None) -> MailKey:
        """Have a key read. Raises KeyRejectedError, and ParserFailed, as `parse` does."""
        asked = json.dumps({"kind": kind, "data": data, "passphrase": passphrase}).encode()
        header, _ = await self._ask(asked, KEY)
        # What knows a secret reads nothing else.
        self._clean = False
        if "key_rejected" in header:
            raise KeyRejectedError(*header["key_rejected"])
        return MailKey.of(header["key"])

    async def image(self, raw: bytes, *, thumbnail: bool) -> tuple[str, bytes]:
        """Have an image drawn anew. Raises ParserFailed, as `parse` does."""
        header, [data] = await self._ask(raw, THUMBNAIL if thumbnail else IMAGE)
        return str(header["image"]), data

    async def _ask(self, raw: bytes, what: int, keys: MailKeys | None = None) -> tuple[dict[str, Any], list[bytes]]:
        self._clean = False
        self._parsed += 1
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                header, files = await self._exchange(raw, what, b"" if keys is None else keys.to_bytes())
        except TimeoutError:
            raise ParserFailed("parser_timeout") from None
        except (asyncio.IncompleteReadError, OSError) as error:
            raise ParserFailed(await self._reason_of_death()) from error
        # A mail that leads its process astray finds no keys in it of the mail before.
        self._clean = keys is None or not keys.has_secrets
        if (reason := header.get("rejected")) is not None:
            self._clean = self._clean and reason != "parser_out_of_memory"
            raise ParserFailed(str(reason))
        return header, files

    async def kill(self) -> None:
        """End the process now, and reap it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        # Reading to the end lets the transport see the end of the pipe, without which it never closes.
        with contextlib.suppress(OSError):
            await self._reader.read()
        await self._process.wait()

    async def _exchange(self, raw: bytes, what: int, keys: bytes) -> tuple[dict[str, Any], list[bytes]]:
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d %d %d\n" % (len(raw), what, len(keys)))
        self._process.stdin.write(raw)
        self._process.stdin.write(keys)
        await self._process.stdin.drain()
        header_size = int.from_bytes(await self._reader.readexactly(4), "big")
        if header_size > _MAX_HEADER_BYTES:
            raise OSError("the parser's answer is out of bounds")
        header: dict[str, Any] = json.loads(await self._reader.readexactly(header_size))
        sizes = [int(size) for size in header.get("sizes", ())]
        held = max(len(raw), MAX_OPENED_BYTES) if keys else len(raw)
        if sum(sizes) > 2 * held + _MAX_HEADER_BYTES:
            raise OSError("the parser's answer is out of bounds")
        return header, [await self._reader.readexactly(size) for size in sizes]

    async def _reason_of_death(self) -> str:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._process.wait()
        log.warning("mail.parser_died", returncode=self._process.returncode)
        return "parser_timeout" if self._process.returncode == -signal.SIGPROF else "parser_crashed"


def _mail(fields: dict[str, Any], files: list[bytes]) -> ParsedMail:
    """What the parser process wrote, as values again."""
    names = fields.pop("attachment_names")
    sender = fields.pop("sender")
    values: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in fields.items()}
    values["kind"] = MailKind(fields["kind"])
    values["sender"] = Mailbox(*sender) if sender else None
    values["forwarded_from"] = Mailbox(*fields["forwarded_from"]) if fields["forwarded_from"] else None
    values["reply_to"] = Mailbox(*fields["reply_to"]) if fields["reply_to"] else None
    values["report"] = MailReport.of(fields["report"]) if fields["report"] else None
    values["security"] = _security(fields["security"]) if fields["security"] else None
    values["attachments"] = tuple(MailAttachment(name, data) for name, data in zip(names, files, strict=True))
    return ParsedMail(**values)


def _security(fields: dict[str, Any]) -> MailSecurity:
    signature = fields.pop("signature")
    return MailSecurity(**fields, signature=SignatureOf(**signature) if signature else None)
