"""Fetching mail from mailboxes: one process at a time reads each, under a lease, many at once side by side."""

import asyncio
import contextlib
import functools
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.admission import Admission
from services.ingestion.domain.mail import fingerprint
from services.ingestion.domain.mailboxes import (
    ImapSettings,
    MailboxSecrets,
    MailboxTroubleError,
    batches,
    retry_after,
)
from services.ingestion.doorman import Doorman
from services.ingestion.imap import FetchRefusedError, Folder, ImapConnection, Listed
from services.ingestion.repository.fetching import ClaimedMailbox, FetchingRepository
from services.ingestion.repository.mailboxes import MailboxRepository
from services.ingestion.sealing import Seal, load_seal
from services.ingestion.service.fetching import (
    Fetched,
    LeaseLostError,
    Progress,
    note_progress,
    store_fetched,
)
from services.ingestion.service.mail import discard
from services.ingestion.service.mailboxes import open_secrets
from shared.db import Database, now_utc
from shared.failures import summary
from shared.ids import uuid7
from shared.objects import ObjectStore, new_keys
from shared.telemetry import get_logger
from shared.web import Unavailable

log = get_logger(__name__)

Result = TypeVar("Result")

# In one command, and so in one transaction.
_BATCH_MAILS = 50
_BATCH_BYTES = 8 * 1024 * 1024
_LISTED = 500
_TRANSACTIONS = 3
_READING = 4
_PUTS = 4
# Servers end what idles for half an hour (RFC 2177), and those between forget it without a word.
_IDLE_SECONDS = 20 * 60
# How often a server may fail at a single mail before that is passed over.
_REFUSALS = 3


class Fetching:
    """Reads the mailboxes of this desk. Its `turn` takes one that is due and hands it to a task of its own."""

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        doorman: Doorman,
        admission: Admission,
        *,
        sealing_keys: str | None = None,
        stored: asyncio.Event | None = None,
    ) -> None:
        self._database = database
        self._transactions = asyncio.Semaphore(_TRANSACTIONS)
        # What is read of mails at the same time, each up to its batch.
        self.reading = asyncio.Semaphore(_READING)
        self.objects = objects
        self.doorman = doorman
        self.admission = admission
        self._sealing_keys = sealing_keys
        self.limits = doorman.limits
        self.stored = stored or asyncio.Event()
        self._seal: Seal | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.refusals: dict[tuple[UUID, int], int] = {}

    async def turn(self) -> bool:
        """Start reading a mailbox that is due; false where there is none, or no connection left for it."""
        if len(self._tasks) >= self.limits.connections:
            return False
        async with self.transaction() as session:
            claimed = await FetchingRepository(session).claim(lease=uuid7(), lease_for=self.limits.lease)
        if claimed is None:
            return False
        task = asyncio.create_task(self._read(claimed), name=f"fetch-{claimed.mailbox_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def close(self) -> None:
        """Let go of all mailboxes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.doorman.close()

    async def _read(self, claimed: ClaimedMailbox) -> None:
        reading = _Reading(self, claimed)
        wait, trouble = timedelta(), None
        try:
            wait = await reading.run()
        except MailboxTroubleError as error:
            trouble = error
            log.warning("mailbox.trouble", mailbox_id=str(claimed.mailbox_id), reason=error.reason)
        except Unavailable as error:
            trouble = MailboxTroubleError("no_room", f"{error.detail} Mail is left at the server until there is room.")
            log.warning("mailbox.no_room", mailbox_id=str(claimed.mailbox_id))
        except LeaseLostError:
            log.info("mailbox.taken_over", mailbox_id=str(claimed.mailbox_id))
        except Exception as error:  # noqa: BLE001 - a fault of ours, such as a full disk: the others go on
            log.error("mailbox.failed", mailbox_id=str(claimed.mailbox_id), error=summary(error))
            trouble = MailboxTroubleError("ours", "The desk itself could not store the mail. It tries again.")
        finally:
            if trouble is not None:
                wait = retry_after(reading.failures + 1, trouble.reason)
            with contextlib.suppress(Exception):  # or the lease ends by itself
                async with self.transaction() as session:
                    await FetchingRepository(session).release(claimed, wait=wait, trouble=trouble)

    async def secrets_of(self, claimed: ClaimedMailbox) -> MailboxSecrets:
        """What was sealed. Raises MailboxTroubleError where no key opens it."""
        if self._seal is None:
            async with self.transaction() as session:
                self._seal = await load_seal(session, self._sealing_keys)
        return open_secrets(claimed.secrets, self._seal)

    async def keep(self, claimed: ClaimedMailbox, secrets: MailboxSecrets) -> None:
        """Keep a refresh token that took another's place."""
        assert self._seal is not None
        async with self.transaction() as session:
            sealed = self._seal.seal(secrets.model_dump_json(exclude_none=True))
            await MailboxRepository(session).keep_secrets(claimed.mailbox_id, claimed.version, sealed)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A transaction; few at a time, or the rest of the process would have no connection left."""
        async with self._transactions, self._database.transaction() as session:
            yield session

    @property
    def is_crowded(self) -> bool:
        """Whether every connection is taken: then none of them waits for mail, and all take turns."""
        return len(self._tasks) >= self.limits.connections


class _Reading:
    """One mailbox, from the login until it is let go."""

    def __init__(self, fetching: Fetching, claimed: ClaimedMailbox) -> None:
        self._all = fetching
        self._claimed = claimed
        self._settings = ImapSettings.model_validate(claimed.inbound["imap"])
        # In a row, up to now.
        self.failures = claimed.failures
        same = claimed.source == self._settings.source and claimed.uid_validity is not None
        self._progress = Progress(
            self._settings.source,
            claimed.uid_validity or 0 if same else 0,
            claimed.last_uid if same else 0,
            list(claimed.unsettled) if same else [],
        )
        self._skipped_before = claimed.skipped_before if same else None
        self._reread_below = claimed.reread_below

    async def run(self) -> timedelta:
        """Read until there is a reason to let go; returns when to come back."""
        secrets = await self._all.secrets_of(self._claimed)
        keep = functools.partial(self._all.keep, self._claimed)
        connection = await self._all.doorman.open(self._claimed.mailbox_id, self._settings, secrets, keep)
        renewing = asyncio.create_task(self._renew(connection))
        try:
            while True:
                if not await self._read_all(connection):
                    return timedelta()
                if not await self._renewed(well=True):
                    return timedelta()
                self.failures = 0
                if self._all.is_crowded or not connection.can_idle:
                    return timedelta(seconds=self._settings.poll_seconds)
                if renewing.done():
                    return timedelta()
                await self._wait_for_mail(connection, renewing)
        finally:
            renewing.cancel()
            connection.close()

    async def _run(self, call: Callable[..., Result], *args: Any, **named: Any) -> Result:
        """A call of the connection. Raises MailboxTroubleError where it takes longer than any may.

        A server that sends a byte now and then would else hold its thread, and whoever waits for that, for ever.
        """
        try:
            async with asyncio.timeout(self._all.limits.call_seconds):
                return await self._all.doorman.threads.run(functools.partial(call, *args, **named))
        except TimeoutError as error:
            words = f"{self._settings.host} takes too long to answer."
            raise MailboxTroubleError("timeout", words) from error

    async def _renew(self, connection: ImapConnection) -> None:
        """Keep the lease while a server takes its time; without it the connection ends at once."""
        while True:
            await asyncio.sleep(self._all.limits.lease.total_seconds() / 4)
            try:
                if await self._renewed(well=False):
                    continue
            except Exception as error:  # noqa: BLE001 - the next commit tells whether the lease still held
                log.warning("mailbox.not_renewed", error=summary(error))
                continue
            connection.close()
            return

    async def _renewed(self, *, well: bool) -> bool:
        async with self._all.transaction() as session:
            return await FetchingRepository(session).renew(self._claimed, lease_for=self._all.limits.lease, well=well)

    async def _wait_for_mail(self, connection: ImapConnection, renewing: "asyncio.Task[None]") -> None:
        """Wait until the server says something, or it is time to look (some never say anything)."""
        if await self._run(connection.idle):
            await self._run(connection.idle_done)
            return
        loop, heard, handle = asyncio.get_running_loop(), asyncio.Event(), connection.fileno()
        loop.add_reader(handle, heard.set)
        hearing = asyncio.create_task(heard.wait())
        try:
            seconds = min(self._settings.poll_seconds, _IDLE_SECONDS)
            await asyncio.wait({hearing, renewing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            loop.remove_reader(handle)
            hearing.cancel()
        if not renewing.done():
            await self._run(connection.idle_done)

    async def _read_all(self, connection: ImapConnection) -> bool:
        """Read to the end; false where others wait for a connection before that is reached."""
        folder = await self._run(connection.select)
        await self._begin(connection, folder)
        await self._settle(connection)
        while listed := await self._run(_list_after, connection, self._progress.last_uid, folder):
            for each in self._groups(listed):
                async with self._all.reading:
                    await self._fetch(connection, each)
                await self._settle(connection)
            if self._all.is_crowded:
                return False
        return True

    async def _begin(self, connection: ImapConnection, folder: Folder) -> None:
        """Go on where reading ended, or anew where UIDs mean other mails now: dedupe knows what was there before."""
        progress = self._progress
        if progress.uid_validity == folder.uid_validity:
            return
        is_first = progress.uid_validity == 0
        progress.uid_validity, progress.last_uid, progress.unsettled = folder.uid_validity, 0, []
        if is_first and self._settings.start == "new":
            last = await self._run(connection.last, folder)
            self._skipped_before = last.received_at if last else None
            progress.last_uid = last.uid if last else 0
        self._reread_below = folder.uid_next
        async with self._all.transaction() as session:
            await FetchingRepository(session).leave_alone(
                self._claimed, before=self._skipped_before, below=self._reread_below
            )
            await note_progress(session, self._claimed, progress)

    def _groups(self, listed: Sequence[Listed]) -> list[list[Listed]]:
        by_uid = {each.uid: each for each in listed}
        # After a failure one by one: whatever it was, it does not take others with it.
        mails = 1 if self.failures else _BATCH_MAILS
        groups = batches(((each.uid, each.size_bytes) for each in listed), mails=mails, total_bytes=_BATCH_BYTES)
        return [[by_uid[uid] for uid in group] for group in groups]

    async def _fetch(self, connection: ImapConnection, group: Sequence[Listed]) -> None:
        """Fetch some mails and store them with how far that is. Raises Unavailable where there is no room for them."""
        await self._all.admission.require()
        wanted = [each for each in group if not self._is_skipped(each)]
        mails: list[Fetched] = []
        if wanted:
            try:
                raws = await self._raws(connection, [each for each in wanted if each.size_bytes <= self._max_bytes])
            except FetchRefusedError as error:
                mails = [self._given_up(wanted, error)]
            else:
                mails = await self._put(await self._judged(connection, wanted, raws))
        self._progress.last_uid = group[-1].uid
        if self._settings.after != "leave":
            self._progress.unsettled = [each.uid for each in mails if each.refused is None]
        async with self._all.transaction() as session:
            spare = await store_fetched(session, self._claimed, mails, self._progress, now=now_utc())
        if mails:
            self._all.stored.set()
        await discard(self._all.objects, spare)

    async def _raws(self, connection: ImapConnection, wanted: Sequence[Listed]) -> dict[int, bytes]:
        """The mails by UID; those gone are left out. Raises FetchRefusedError."""
        size_bytes = sum(each.size_bytes for each in wanted)
        try:
            raws = await self._run(connection.fetch, [each.uid for each in wanted], size_bytes=size_bytes)
        except MailboxTroubleError as error:
            connection.close()
            raise FetchRefusedError from error
        if any(each.size_bytes and raws.get(each.uid) == b"" for each in wanted):
            # What cannot be read just now is no empty mail: as one, it would be stored, and deleted at the server.
            raise FetchRefusedError
        return raws

    @property
    def _max_bytes(self) -> int:
        return self._all.limits.max_bytes

    def _is_skipped(self, each: Listed) -> bool:
        """Whether it was there before the desk was, by the server's clock: UIDs tell it no more after a change."""
        return (
            each.uid < self._reread_below
            and self._skipped_before is not None
            and each.received_at is not None
            and each.received_at < self._skipped_before
        )

    def _given_up(self, wanted: Sequence[Listed], error: Exception) -> Fetched:
        """A mail that the server fails at again and again, to be passed over; it stays there.

        Raises MailboxTroubleError where it is not known yet which of them it is, or whether it lasts.
        """
        place = (self._claimed.mailbox_id, wanted[0].uid)
        refusals = self._all.refusals.pop(place, 0) + (len(wanted) == 1)
        if refusals < _REFUSALS:
            if refusals:
                self._all.refusals[place] = refusals
            raise MailboxTroubleError("protocol", "The server failed while it handed out a mail.") from error
        log.warning("mailbox.mail_passed_over", mailbox_id=str(self._claimed.mailbox_id), uid=wanted[0].uid)
        key = hashlib.sha256(f"{self._claimed.mailbox_id}:{self._progress.uid_validity}:{wanted[0].uid}".encode())
        return Fetched(wanted[0].uid, key.hexdigest(), None, 0, wanted[0].received_at, refused="unreadable_on_server")

    async def _judged(
        self, connection: ImapConnection, wanted: Sequence[Listed], raws: Mapping[int, bytes]
    ) -> list[tuple[Listed, bytes, str | None]]:
        """The mails that are still there; of one that is too large the header, and the reason."""
        judged: list[tuple[Listed, bytes, str | None]] = []
        for listed in wanted:
            raw = raws.get(listed.uid)
            if listed.size_bytes > self._max_bytes or (raw is not None and len(raw) > self._max_bytes):
                with contextlib.suppress(FetchRefusedError):
                    raw = await self._run(connection.header, listed.uid)
                judged.append((listed, raw or b"\r\n", "mail_too_large"))
            elif raw is not None:
                judged.append((listed, raw, None))
        return judged

    async def _put(self, mails: Sequence[tuple[Listed, bytes, str | None]]) -> list[Fetched]:
        """Put the bytes of mails into the store, some at once: a disk keeps several as fast as one."""
        at_once = asyncio.Semaphore(_PUTS)

        async def put(raw: bytes, key: str) -> str:
            async with at_once:
                return await self._all.objects.put(raw, key=key)

        digests = await asyncio.to_thread(lambda: [fingerprint(raw) for _, raw, _ in mails])
        places = zip(mails, new_keys(len(mails)), strict=True)
        keys = await asyncio.gather(*(put(raw, key) for (_, raw, _), key in places))
        return [
            Fetched(
                listed.uid,
                digest if refused is None else hashlib.sha256(f"{refused}:{digest}".encode()).hexdigest(),
                key,
                listed.size_bytes if refused else len(raw),
                listed.received_at,
                refused,
            )
            for (listed, raw, refused), digest, key in zip(mails, digests, keys, strict=True)
        ]

    async def _settle(self, connection: ImapConnection) -> None:
        """Have the server do its part with what is stored: once more where that was not noted."""
        if not self._progress.unsettled:
            return
        await self._run(connection.settle, self._progress.unsettled)
        self._progress.unsettled = []
        async with self._all.transaction() as session:
            await note_progress(session, self._claimed, self._progress)


def _list_after(connection: ImapConnection, uid: int, folder: Folder) -> list[Listed]:
    return connection.list_after(uid, folder, limit=_LISTED)
