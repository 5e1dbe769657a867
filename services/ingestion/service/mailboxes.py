"""Use cases: the mailboxes of the desk, written by admins."""

import contextlib
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.mailboxes import MailboxSecrets, MailboxTroubleError
from services.ingestion.repository.mail_keys import MailKeyRepository
from services.ingestion.repository.mailboxes import MailboxRepository
from services.ingestion.schemas.mailboxes import MailboxBody
from services.ingestion.sealing import Seal, SealBrokenError, load_seal
from shared.ids import uuid7
from shared.telemetry import get_logger
from shared.web.problem import Conflict, NotFound, PreconditionFailed

log = get_logger(__name__)


async def create(session: AsyncSession, body: MailboxBody, *, seal: Seal, now: datetime) -> UUID:
    """A new mailbox. Raises Conflict where its address is another one's."""
    await _require_free(session, body.address)
    mailbox_id = uuid7()
    await MailboxRepository(session).add(mailbox_id, _values(body, MailboxSecrets(), seal), now=now)
    return mailbox_id


async def change(
    session: AsyncSession, mailbox_id: UUID, body: MailboxBody, *, expected: int | None, seal: Seal, now: datetime
) -> None:
    """Put other settings into the place of those of this version. Secrets that are left out stay."""
    row = await _locked(session, mailbox_id, expected)
    await _require_free(session, body.address, but_by=mailbox_id)
    values = _values(body, secrets_of(row, seal), seal)
    if body.secrets is None:
        # As they are, also where no key opens them at the moment: the right one may come back.
        del values["secrets"]
    await MailboxRepository(session).change(mailbox_id, values, now=now)


async def delete(session: AsyncSession, mailbox_id: UUID, *, expected: int | None) -> None:
    """Forget a mailbox of this version, its secrets, and how far it was read. Its messages stay."""
    await _locked(session, mailbox_id, expected)
    await MailboxRepository(session).delete(mailbox_id)


def secrets_of(row: Row[Any], seal: Seal) -> MailboxSecrets:
    """What was sealed; nothing where no key opens it any more."""
    try:
        return open_secrets(row.secrets, seal)
    except MailboxTroubleError:
        return MailboxSecrets()


def open_secrets(sealed: bytes | None, seal: Seal) -> MailboxSecrets:
    """What was sealed. Raises MailboxTroubleError where no key opens it any more."""
    try:
        return MailboxSecrets() if sealed is None else MailboxSecrets.model_validate_json(seal.open(sealed))
    except SealBrokenError as error:
        words = (
            "The secrets were sealed with a key that is not configured any more: configure it again, beside the new "
            "one, or enter the secrets anew."
        )
        raise MailboxTroubleError("seal_broken", words) from error


class SealKeeping:
    """Seals anew, with the newest key, what an older one sealed: afterwards that one is needed no more.

    A new key is configured as the last until every process knows it, and as the first then: no process meets secrets
    that it cannot open.
    """

    def __init__(self, configured: str | None) -> None:
        self._configured = configured

    async def run(self, session: AsyncSession, _now: datetime) -> int:
        """Does it to all at once; returns 0, as nothing is left. What no key opens stays as it is."""
        seal = await load_seal(session, self._configured)
        for repository in (MailboxRepository(session), MailKeyRepository(session)):
            for id_, sealed in await repository.sealed():
                with contextlib.suppress(SealBrokenError):
                    if (renewed := seal.renewed(sealed)) is not None:
                        await repository.reseal(id_, sealed, renewed)
                        log.info("secrets.resealed", id=str(id_))
        return 0


async def _locked(session: AsyncSession, mailbox_id: UUID, expected: int | None) -> Row[Any]:
    row = await MailboxRepository(session).get(mailbox_id, lock=True)
    if row is None:
        raise NotFound("There is no such mailbox.")
    if expected is not None and row.version != expected:
        raise PreconditionFailed("The mailbox was changed since. Read it again.")
    return row


async def _require_free(session: AsyncSession, address: str, *, but_by: UUID | None = None) -> None:
    if await MailboxRepository(session).is_taken(address, but_by=but_by):
        raise Conflict("Another mailbox has this address. Change that one.", slug="address-taken")


def _values(body: MailboxBody, secrets: MailboxSecrets, seal: Seal) -> dict[str, Any]:
    merged = secrets.merged(body.secrets)
    return {
        **body.model_dump(include={"address", "name", "brand", "group", "language", "enabled", "smtp_url"}),
        "inbound": {} if body.imap is None else {"imap": body.imap.model_dump(mode="json")},
        "secrets": seal.seal(merged.model_dump_json(exclude_none=True)) if merged.names else None,
    }
