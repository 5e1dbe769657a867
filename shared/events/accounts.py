"""Events of the gateway: people, keys, revocations. Topic `desk.accounts`."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from shared.events.base import EventData


class _AccountData(EventData):
    topic: ClassVar[str] = "desk.accounts"
    source: ClassVar[str] = "gateway"


class Role(StrEnum):
    """What an account is allowed in general; `shared.auth` holds the table of actions."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class AccountChanged(_AccountData):
    """An account was created or changed. Aggregate: the account. Carries the whole account, never a credential."""

    type: ClassVar[str] = "account.changed.v1"

    account_id: UUID
    email: str
    name: str
    role: Role
    groups: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    active: bool = True
    version: int


class AccessRevoked(_AccountData):
    """Tokens are no longer valid. Aggregate: the account.

    `kind` tells what `subject` is: every token of an account issued before `revoked_at`, one session, or one API key.
    """

    type: ClassVar[str] = "access.revoked.v1"

    kind: Literal["account", "session", "api_key"]
    subject: UUID
    revoked_at: datetime
    reason: str


class SigningKeyPublished(_AccountData):
    """A public key that tokens are signed with. Aggregate: the key. `public_key` is the raw Ed25519 key, base64url."""

    type: ClassVar[str] = "signing_key.published.v1"

    kid: str
    algorithm: Literal["EdDSA"] = "EdDSA"
    public_key: str
    not_before: datetime
    retired_at: datetime | None = None
