"""Keys that mail is decrypted with and signatures are verified by, as they are handed to a parser process."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Self

from services.ingestion.domain.mail.values import MailSecurity

KeyKind = Literal["smime", "authority", "pgp"]

# A key as it is handed in: a PGP key with the signatures of many others is the largest.
MAX_KEY_CHARS = 256 * 1024
MAX_ADDRESSES = 20
# Smaller ones can be forged, larger ones take the time of a parser.
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192


class KeyRejectedError(Exception):
    """What was handed in is no key that the desk can use. `reason` is a slug, `words` what an admin can do about it."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.words = words


@dataclass(frozen=True, slots=True)
class MailKey:
    """A key: `smime` decrypts, `authority` vouches for certificates, `pgp` verifies and, with its secret, decrypts.

    `public` is a certificate (DER) or a PGP key (binary), `secret` a private key (PKCS#8, DER) or a PGP key with its
    secrets, which may need `passphrase`. `ids` are the fingerprints of a PGP key and its subkeys, in hex.
    """

    kind: KeyKind
    fingerprint: str
    name: str
    public: bytes = field(repr=False)
    addresses: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    valid_from: datetime | None = None
    expires_at: datetime | None = None
    secret: bytes | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)

    def is_over(self, at: datetime) -> bool:
        """Whether it had expired by then."""
        return self.expires_at is not None and self.expires_at <= at

    def told(self) -> dict[str, Any]:
        """For the other end of a pipe; see `of`."""
        return {
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "name": self.name,
            "public": base64.b64encode(self.public).decode(),
            "addresses": self.addresses,
            "ids": self.ids,
            "valid_from": self.valid_from and self.valid_from.isoformat(),
            "expires_at": self.expires_at and self.expires_at.isoformat(),
            "secret": None if self.secret is None else base64.b64encode(self.secret).decode(),
            "passphrase": self.passphrase,
        }

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """What `told` told."""
        return cls(
            kind=told["kind"],
            fingerprint=told["fingerprint"],
            name=told["name"],
            public=base64.b64decode(told["public"]),
            addresses=tuple(told["addresses"]),
            ids=tuple(told["ids"]),
            valid_from=told["valid_from"] and datetime.fromisoformat(told["valid_from"]),
            expires_at=told["expires_at"] and datetime.fromisoformat(told["expires_at"]),
            secret=None if told["secret"] is None else base64.b64decode(told["secret"]),
            passphrase=told["passphrase"],
        )


@dataclass(frozen=True, slots=True)
class MailKeys:
    """All keys of the desk, and when the mail came that they are used for: what had expired by then counts no more."""

    at: datetime
    keys: Sequence[MailKey] = ()

    def of_kind(self, kind: KeyKind) -> list[MailKey]:
        """The keys of this kind."""
        return [key for key in self.keys if key.kind == kind]

    @property
    def has_secrets(self) -> bool:
        """Whether there is anything private among them."""
        return any(key.secret is not None for key in self.keys)

    def needed_for(self, security: MailSecurity) -> "MailKeys":
        """Those to look at a mail with: private ones where something of it is encrypted, else its scheme's alone."""
        if security.encrypted:
            # What is within may be signed by the other scheme.
            return self
        of_scheme = [key for key in self.keys if (key.kind == "pgp") == (security.scheme == "pgp")]
        return replace(self, keys=[replace(key, secret=None, passphrase=None) for key in of_scheme])

    def to_bytes(self) -> bytes:
        """For the pipe to a parser process."""
        return json.dumps({"at": self.at.isoformat(), "keys": [key.told() for key in self.keys]}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` made."""
        told = json.loads(data)
        return cls(datetime.fromisoformat(told["at"]), [MailKey.of(each) for each in told["keys"]])
