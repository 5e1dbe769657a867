"""Use cases: the keys that mail is decrypted with and signatures are verified by, written by admins."""

import base64
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.mail import MailKey, MailKeys
from services.ingestion.repository.mail_keys import MailKeyRepository
from services.ingestion.sealing import Seal, SealBrokenError
from shared.ids import uuid7
from shared.telemetry import get_logger
from shared.web.problem import Conflict, NotFound

log = get_logger(__name__)

# All of them go to a parser process with each mail that is signed or encrypted.
MAX_KEYS = 500


async def add(session: AsyncSession, key: MailKey, *, seal: Seal, by: UUID, now: datetime) -> UUID:
    """A new key. Raises Conflict (`key-known`, `too-many-keys`)."""
    repository = MailKeyRepository(session)
    if await repository.count() >= MAX_KEYS:
        raise Conflict(f"There are {MAX_KEYS} keys, and no more may be. Delete some first.", slug="too-many-keys")
    key_id = uuid7()
    if not await repository.add(key_id, key, _sealed(key, seal), by=by, now=now):
        raise Conflict("The desk has this key. To renew it, delete it first.", slug="key-known")
    log.info("mail_key.added", key_id=str(key_id), kind=key.kind, by=str(by))
    return key_id


async def remove(session: AsyncSession, key_id: UUID, *, by: UUID) -> None:
    """Forget a key. Raises NotFound."""
    if not await MailKeyRepository(session).remove(key_id):
        raise NotFound("There is no such key.")
    log.info("mail_key.removed", key_id=str(key_id), by=str(by))


async def all_keys(session: AsyncSession, *, seal: Seal, at: datetime) -> MailKeys:
    """All keys, for a mail that came at that time. What no sealing key opens does not decrypt."""
    return MailKeys(at, [_key(row, seal) for row in await MailKeyRepository(session).all()])


def _sealed(key: MailKey, seal: Seal) -> bytes | None:
    if key.secret is None:
        return None
    return seal.seal(json.dumps({"secret": base64.b64encode(key.secret).decode(), "passphrase": key.passphrase}))


def _key(row: Row[Any], seal: Seal) -> MailKey:
    secrets: dict[str, Any] = {}
    if row.secrets is not None:
        try:
            secrets = json.loads(seal.open(row.secrets))
        except SealBrokenError:
            log.warning("mail_key.seal_broken", key_id=str(row.id))
    return MailKey(
        kind=row.kind,
        fingerprint=row.fingerprint,
        name=row.name,
        public=row.public,
        addresses=tuple(row.addresses),
        ids=tuple(row.ids),
        valid_from=row.valid_from,
        expires_at=row.expires_at,
        secret=base64.b64decode(secrets["secret"]) if secrets else None,
        passphrase=secrets.get("passphrase"),
    )
