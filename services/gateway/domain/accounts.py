"""Rules of accounts, sessions and API keys."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.events.accounts import Role

ACCESS_LIFETIME = timedelta(minutes=10)
SESSION_LIFETIME = timedelta(days=30)
# Two tabs may refresh with the same token at once; later than this, a used token is a stolen one.
REFRESH_OVERLAP = timedelta(seconds=10)
API_KEY_DAYS = 365

# A new signing key is used only when every service has had this long to learn of it,
SIGNING_KEY_NOTICE = timedelta(minutes=1)
# every process looks for it this often,
SIGNING_KEY_REREAD = timedelta(minutes=1)
# so this long after it is due, nothing is signed with the one before.
SIGNING_KEY_OVERLAP = 2 * SIGNING_KEY_REREAD

MIN_PASSWORD = 10
MAX_PASSWORD = 256

_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)


class AccountRuleError(Exception):
    """A change that the rules of accounts forbid; the message is for the caller."""


class MalformedEmail(AccountRuleError):
    """Not an address that accounts can have."""


class LastAdmin(AccountRuleError):
    """Without an active admin nobody could make one again."""


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in. `version` is the ETag."""

    id: UUID
    email: str
    name: str
    role: Role
    groups: tuple[str, ...]
    languages: tuple[str, ...]
    active: bool
    version: int

    @property
    def is_active_admin(self) -> bool:
        """Whether this account could make other admins."""
        return self.active and self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key for another system. Acts for `account_id`, with `scopes` of what `role` may do."""

    id: UUID
    account_id: UUID
    name: str
    role: Role
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair that tokens are signed with; `private_key` is sealed when `encrypted`."""

    kid: str
    public_key: str
    private_key: bytes
    encrypted: bool
    not_before: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What is known of a refresh token that was presented."""

    session_id: UUID
    account_id: UUID
    used_at: datetime | None
    session_open: bool


def normalise_email(address: str) -> str:
    """The one spelling of an address: no surrounding space, lower case.

    Mail systems may tell upper from lower case left of the @ (RFC 5321 section 2.4); none in use does, and two
    accounts that differ in case only would be one person. Raises MalformedEmail.
    """
    address = address.strip().lower()
    if not _EMAIL.fullmatch(address) or ".." in address:
        raise MalformedEmail("This is not an e-mail address.")
    return address


def keeps_an_admin(*, active_admins: int, was_admin: bool, stays_admin: bool) -> None:
    """Refuse to take the role or the activity from the last active admin. Raises LastAdmin."""
    if was_admin and not stays_admin and active_admins <= 1:
        raise LastAdmin("This is the last active admin.")


def refresh_is_theft(used_at: datetime | None, now: datetime) -> bool:
    """Whether a refresh token that was used at `used_at` comes back too late to be a second tab."""
    return used_at is not None and now - used_at > REFRESH_OVERLAP
