"""Use cases: mail that was fetched from a mailbox, and how far that was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.repository.deliveries import Delivered
from services.ingestion.repository.fetching import ClaimedMailbox, FetchingRepository
from services.ingestion.service.mail import Incoming, receive_mails

DOOR = "imap"


class LeaseLostError(Exception):
    """Somebody else fetches from this mailbox by now: nothing of the batch counts."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mail whose bytes are in the object store, or of which only the header is, with the reason `refused`."""

    uid: int
    fingerprint: str
    raw_key: str | None
    size_bytes: int
    received_at: datetime | None
    refused: str | None = None


@dataclass(slots=True)
class Progress:
    """How far a folder was read. `unsettled` are stored mails with which the server has not done its part yet."""

    source: str
    uid_validity: int
    last_uid: int
    unsettled: list[int]


async def store_fetched(
    session: AsyncSession,
    claimed: ClaimedMailbox,
    mails: Sequence[Fetched],
    progress: Progress,
    *,
    now: datetime,
) -> list[str]:
    """Store what was fetched and how far that is, together; returns the spare keys, as of `Received`.

    Raises LeaseLostError.

    The receive time is the server's (INTERNALDATE), where that is not in the future.
    """
    incoming = [
        Incoming(
            (Delivered(DOOR, claimed.mailbox_id, f"{progress.uid_validity}:{each.uid}"),),
            each.fingerprint,
            each.raw_key,
            each.size_bytes,
            received_at=min(each.received_at or now, now),
            refused=each.refused,
        )
        for each in mails
    ]
    received = await receive_mails(session, incoming, now=now)
    await note_progress(session, claimed, progress)
    return received.spare


async def note_progress(session: AsyncSession, claimed: ClaimedMailbox, progress: Progress) -> None:
    """Note how far a folder was read. Raises LeaseLostError."""
    moved = await FetchingRepository(session).move_on(
        claimed,
        source=progress.source,
        uid_validity=progress.uid_validity,
        last_uid=progress.last_uid,
        unsettled=progress.unsettled,
    )
    if not moved:
        raise LeaseLostError
