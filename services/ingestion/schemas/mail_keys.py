"""Shapes of keys of mail."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.ingestion.domain.mail import MAX_KEY_CHARS, KeyKind


class NewMailKey(BaseModel):
    """A key. `smime`: a certificate and its private key, as PEM or as PKCS#12 in base64; its mail is decrypted.
    `authority`: the certificate (PEM) of one whose certificates are believed when they sign. `pgp`: an OpenPGP key in
    its armour, a correspondent's public one, or the desk's own with its private part.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [{"kind": "pgp", "key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n…", "passphrase": None}]
        },
    )

    kind: KeyKind
    key: Annotated[str, Field(min_length=1, max_length=MAX_KEY_CHARS, repr=False)]
    passphrase: str | None = Field(default=None, min_length=1, max_length=1024, repr=False)


class MailKeyView(BaseModel):
    """A key without anything private. `decrypts` says that the desk has its private part."""

    id: UUID
    kind: KeyKind
    fingerprint: str
    name: str
    addresses: list[str]
    decrypts: bool
    valid_from: datetime | None
    expires_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: Any) -> "MailKeyView":
        """From a row of the repository."""
        return cls(
            id=row.id,
            kind=row.kind,
            fingerprint=row.fingerprint,
            name=row.name,
            addresses=row.addresses,
            decrypts=row.secrets is not None,
            valid_from=row.valid_from,
            expires_at=row.expires_at,
            created_at=row.created_at,
        )
