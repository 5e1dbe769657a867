"""The private keys that tokens are signed with (Ed25519), kept in the gateway's own table."""

import hashlib
import secrets
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from services.gateway.domain.accounts import SIGNING_KEY_REREAD, SigningKey
from services.gateway.repository import Repository
from shared.auth import Principal
from shared.auth.tokens import encode_public_key, sign
from shared.db import Database

_NONCE_BYTES = 12


class KeyLocked(Exception):
    """The signing key is encrypted with another secret than the one that was configured, or with one at all."""


class Signer:
    """Signs tokens with the newest key that is due, and looks for a newer one every `SIGNING_KEY_REREAD`."""

    def __init__(self, database: Database, secret: SecretStr | None) -> None:
        self._database = database
        self._secret = secret
        self._current: tuple[str, Ed25519PrivateKey, datetime] | None = None

    async def token(self, principal: Principal, *, now: datetime, lifetime: timedelta) -> str:
        """A signed token for `principal`. Raises KeyLocked."""
        if self._current is None or now >= self._current[2]:
            async with self._database.read() as session:
                stored = await Repository(session).newest_signing_key(now)
            if stored is None:
                raise KeyLocked("There is no signing key yet.")
            self._current = (stored.kid, open_private_key(stored, self._secret), now + SIGNING_KEY_REREAD)
        kid, key, _ = self._current
        return sign(principal, key=key, kid=kid, now=now, lifetime=lifetime)


def new_signing_key(secret: SecretStr | None, not_before: datetime) -> SigningKey:
    """A fresh key pair, to be used from `not_before` on.

    The private half is encrypted if there is a secret (AES-256-GCM, bound to the key's id).
    """
    key = Ed25519PrivateKey.generate()
    public_key = encode_public_key(key.public_key())
    kid = hashlib.sha256(public_key.encode()).hexdigest()[:16]
    private_key = key.private_bytes_raw()
    if secret is not None:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        private_key = nonce + AESGCM(_derive(secret)).encrypt(nonce, private_key, kid.encode())
    return SigningKey(
        kid, public_key, private_key, encrypted=secret is not None, not_before=not_before, retired_at=None
    )


def open_private_key(stored: SigningKey, secret: SecretStr | None) -> Ed25519PrivateKey:
    """The private key of a stored one. Raises KeyLocked."""
    raw = stored.private_key
    if stored.encrypted:
        if secret is None:
            raise KeyLocked("The signing key is encrypted: set DESK_GATEWAY_KEY_SECRET.")
        nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        try:
            raw = AESGCM(_derive(secret)).decrypt(nonce, sealed, stored.kid.encode())
        except InvalidTag:
            raise KeyLocked("DESK_GATEWAY_KEY_SECRET is not the one that the signing key was encrypted with.") from None
    return Ed25519PrivateKey.from_private_bytes(raw)


def _derive(secret: SecretStr) -> bytes:
    kdf = HKDF(SHA256(), length=32, salt=None, info=b"desk gateway signing keys")
    return kdf.derive(secret.get_secret_value().encode())
