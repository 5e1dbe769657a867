"""Secrets of other services that have to be read again: passwords and tokens of mailboxes.

Sealed with Fernet (AES-128-CBC and HMAC-SHA256, encrypt then MAC), by the newest key; opened by any.
"""

import base64
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.mailboxes import SEALING_KEY_BYTES, sealing_keys
from services.ingestion.repository.secrets import SecretRepository


class SealBrokenError(Exception):
    """None of the keys opens it: it was sealed with one that is not configured any more."""


class Seal:
    """Seals with the first of `keys` (32 bytes each) and opens with any of them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        all_of_them = [Fernet(base64.urlsafe_b64encode(key)) for key in keys]
        self._newest, self._fernet = all_of_them[0], MultiFernet(all_of_them)

    def seal(self, plain: str) -> bytes:
        """What can be stored."""
        return self._fernet.encrypt(plain.encode())

    def open(self, sealed: bytes) -> str:
        """What was sealed. Raises SealBrokenError."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise SealBrokenError from error

    def renewed(self, sealed: bytes) -> bytes | None:
        """The same, sealed with the newest key; None where it is. Raises SealBrokenError."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return self.seal(self.open(sealed))
        return None


async def load_seal(session: AsyncSession, configured: str | None) -> Seal:
    """The seal of this service: the configured keys, and as the oldest one the key that was made here."""
    made = await SecretRepository(session).get_or_add("sealing", secrets.token_bytes(SEALING_KEY_BYTES))
    return Seal([*sealing_keys(configured), made])
