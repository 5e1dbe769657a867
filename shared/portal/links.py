"""What proves who reads a page: sealed tokens that tell their holder nothing, and that nobody else can make.

Sealed with Fernet (AES-128-CBC and HMAC-SHA256), which also says when: so they expire. The key is of the services
alone; each that has it seals and opens without asking another one. Taking a key away takes back all that it sealed.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

LINK_LASTS = timedelta(days=90)
FORM_LASTS = timedelta(hours=24)
MAX_TOKEN_CHARS = 700
MIN_SECRET_CHARS = 32

# What a token is for. One for one purpose proves nothing for another.
_MAILED, _TYPED, _FORM, _RECEIPT = b"L", b"T", b"F", b"R"
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class PortalLink:
    """Its holder may follow one ticket as the one who writes from `address`.

    It was `mailed` there, so whoever has it reads that mail; otherwise somebody only typed the address into a form.
    """

    ticket_id: UUID
    conversation_id: UUID
    address: str
    mailed: bool
    made_at: datetime


@dataclass(frozen=True, slots=True)
class FormPass:
    """A page was shown: what it sends is one submission, however often it comes."""

    id: UUID
    made_at: datetime


class PortalSeal:
    """Seals with the first of `secrets` and opens with any of them."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_key(each)) for each in secrets])

    @classmethod
    def of(cls, secrets: str | None) -> Self | None:
        """The seal of a setting with commas between, the newest first; None where there is none.

        Raises ValueError for a secret that is too short.
        """
        several = [each.strip() for each in (secrets or "").split(",") if each.strip()]
        if any(len(each) < MIN_SECRET_CHARS for each in several):
            raise ValueError(f"a secret of portal links needs at least {MIN_SECRET_CHARS} characters")
        return cls(several) if several else None

    def link(self, ticket_id: UUID, conversation_id: UUID, address: str, *, mailed: bool, now: datetime) -> str:
        """A token by which a ticket can be followed; the values are those of `PortalLink`."""
        return self._seal(
            _MAILED if mailed else _TYPED, ticket_id.bytes + conversation_id.bytes + address.encode(), now
        )

    def opened_link(self, token: str, now: datetime) -> PortalLink | None:
        """What a token of `link` says; None for one that is none, or does not hold any more."""
        opened = self._opened(token, {_MAILED, _TYPED}, LINK_LASTS, now)
        if opened is None:
            return None
        purpose, value, made_at = opened
        ticket_id, conversation_id = UUID(bytes=value[:_ID_BYTES]), UUID(bytes=value[_ID_BYTES : 2 * _ID_BYTES])
        return PortalLink(ticket_id, conversation_id, value[2 * _ID_BYTES :].decode(), purpose == _MAILED, made_at)

    def form(self, id_: UUID, now: datetime) -> str:
        """A token that goes with a page that can be sent once."""
        return self._seal(_FORM, id_.bytes, now)

    def opened_form(self, token: str, now: datetime) -> FormPass | None:
        """What a token of `form` says; None for one that is none, or whose page was open for too long."""
        opened = self._opened(token, {_FORM}, FORM_LASTS, now)
        return None if opened is None else FormPass(UUID(bytes=opened[1]), opened[2])

    def receipt(self, message_id: UUID, now: datetime) -> str:
        """A token by which the sender of a message sees what became of it."""
        return self._seal(_RECEIPT, message_id.bytes, now)

    def opened_receipt(self, token: str, now: datetime) -> tuple[UUID, datetime] | None:
        """The message of a token of `receipt`, and when that was made; or None."""
        opened = self._opened(token, {_RECEIPT}, LINK_LASTS, now)
        return None if opened is None else (UUID(bytes=opened[1]), opened[2])

    def _seal(self, purpose: bytes, value: bytes, now: datetime) -> str:
        return self._fernet.encrypt_at_time(purpose + value, int(now.timestamp())).decode().rstrip("=")

    def _opened(
        self, token: str, purposes: set[bytes], lasts: timedelta, now: datetime
    ) -> tuple[bytes, bytes, datetime] | None:
        if len(token) > MAX_TOKEN_CHARS or not token.isascii():
            return None
        padded = (token + "=" * (-len(token) % 4)).encode()
        try:
            plain = self._fernet.decrypt_at_time(padded, int(lasts.total_seconds()), int(now.timestamp()))
            made_at = datetime.fromtimestamp(self._fernet.extract_timestamp(padded), UTC)
        except InvalidToken:
            return None
        return (plain[:1], plain[1:], made_at) if plain[:1] in purposes else None


def _key(secret: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"desk portal\0" + secret.encode()).digest())
