"""Use cases of the gateway. Each takes the session first and leaves the commit to its caller."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway import notifications
from services.gateway.domain import live
from services.gateway.domain.accounts import (
    ACCESS_LIFETIME,
    API_KEY_DAYS,
    SESSION_LIFETIME,
    SIGNING_KEY_OVERLAP,
    Account,
    ApiKey,
    SigningKey,
    keeps_an_admin,
    normalise_email,
    refresh_is_theft,
)
from services.gateway.domain.limits import PER_ACCOUNT_AND_ADDRESS, PER_ADDRESS
from services.gateway.domain.notifications import Personal, notices_of, notification_frame
from services.gateway.repository import Repository
from shared.auth import ACTIONS, Principal
from shared.auth.tables import keep_keys, keep_revocations
from shared.events import Event
from shared.events.accounts import AccessRevoked, AccountChanged, Role, SigningKeyPublished
from shared.events.tickets import PUBLIC_KINDS, OfTicket, TicketFollowersChanged, WithMessage
from shared.ids import uuid7
from shared.messaging import outbox
from shared.web import (
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    Unprocessable,
)

# Signing in


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that was just opened or refreshed. `refresh_token` is told once and kept only as a hash.

    `issued_at` is when its access token is issued: read while the account's row was held, as the time of a revocation
    is. So either the token is older than the revocation, or it tells what the account is since.
    """

    account: Account
    session_id: UUID
    refresh_token: str
    issued_at: datetime

    @property
    def principal(self) -> Principal:
        """Who the access token of this session is for."""
        account = self.account
        return Principal(account.id, account.role, account.name, account.groups, session_id=self.session_id)


async def admit_sign_in(session: AsyncSession, email: str, address: str, now: datetime) -> timedelta | None:
    """Count one try from a network address; None when it may go on, else how long to wait."""
    repository = Repository(session)
    for limit, key in ((PER_ADDRESS, address), (PER_ACCOUNT_AND_ADDRESS, f"{email} {address}")):
        if (wait := await repository.take(limit, key, now)) is not None:
            return wait
    return None


async def open_session(
    session: AsyncSession, account_id: UUID, password_hash: str, *, address: str, now: datetime
) -> OpenSession | None:
    """Open a session for somebody who gave the password of `password_hash`.

    None when the account was closed or got another password while that one was verified.
    """
    repository = Repository(session)
    account = await repository.account(account_id, lock=True)
    if account is None or not account.active:
        return None
    current = await repository.credentials(account.email)
    if current is None or current[1] != password_hash:
        return None
    await repository.forgive(PER_ACCOUNT_AND_ADDRESS, f"{account.email} {address}")
    return await begin_session(session, account, now)


async def begin_session(session: AsyncSession, account: Account, now: datetime) -> OpenSession:
    """A new session of an account, whose row is held and who has shown who it is."""
    repository = Repository(session)
    session_id = uuid7()
    await repository.add_session(session_id, account.id, now=now, expires_at=now + SESSION_LIFETIME)
    token = await _new_refresh_token(repository, session_id, now)
    return OpenSession(account, session_id, token, await repository.clock())


async def refresh_session(session: AsyncSession, token: str, now: datetime) -> OpenSession | None:
    """Exchange a refresh token for the next one. None when it is not valid.

    A token that comes back after it was used was copied: its session ends, for the thief and for the owner
    (RFC 9700 section 4.14.2).
    """
    repository = Repository(session)
    token_hash = _hash(token)
    account_id = await repository.account_of_refresh_token(token_hash)
    if account_id is None:
        return None
    # The account before the session, everywhere: two transactions cannot wait for each other.
    account = await repository.account(account_id, lock=True)
    found = await repository.refresh_token(token_hash, now=now)
    if found is None or not found.session_open:
        return None
    if refresh_is_theft(found.used_at, now):
        await _end_session(session, found.session_id, found.account_id, now=now, reason="refresh token used twice")
        return None
    if account is None or not account.active:
        return None
    await repository.use_refresh_token(token_hash, now=now)
    successor = await _new_refresh_token(repository, found.session_id, now)
    return OpenSession(account, found.session_id, successor, await repository.clock())


async def sign_out(session: AsyncSession, token: str, now: datetime) -> None:
    """End the session that a refresh token belongs to, if there is one."""
    found = await Repository(session).refresh_token(_hash(token), now=now)
    if found is not None:
        await _end_session(session, found.session_id, found.account_id, now=now, reason="signed out")


async def _end_session(
    session: AsyncSession, session_id: UUID, account_id: UUID, *, now: datetime, reason: str
) -> None:
    if await Repository(session).end_session(session_id, now=now):
        revoked = AccessRevoked(kind="session", subject=session_id, revoked_at=now, reason=reason)
        await _revoke(session, [revoked], account_id)


async def _new_refresh_token(repository: Repository, session_id: UUID, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    await repository.add_refresh_token(_hash(token), session_id, now=now)
    return token


def _hash(token: str) -> bytes:
    # The token has 256 random bits: nothing is gained by a slow hash.
    return hashlib.sha256(token.encode()).digest()


# Accounts


async def create_account(
    session: AsyncSession,
    *,
    email: str,
    name: str,
    role: Role,
    groups: Iterable[str] = (),
    languages: Iterable[str] = (),
    password_hash: str | None,
    now: datetime,
) -> Account:
    """A new account. Raises MalformedEmail, Conflict when the address is taken."""
    account = Account(
        uuid7(), normalise_email(email), name, role, tuple(groups), tuple(languages), active=True, version=1
    )
    if not await Repository(session).add_account(account, password_hash=password_hash, now=now):
        raise Conflict("There is an account with this address.", slug="email-taken")
    _tell_account(session, account)
    return account


async def change_account(
    session: AsyncSession,
    account_id: UUID,
    changes: dict[str, Any],
    *,
    password_hash: str | None,
    expected_version: int | None,
    now: datetime,
) -> Account:
    """Change fields of an account. What its tokens say of role and activity, or its password, ends them.

    Raises NotFound, PreconditionFailed, MalformedEmail, LastAdmin, Conflict.
    """
    repository = Repository(session)
    # Admins are locked before the account, in the order of their ids: two changes cannot wait for each other.
    active_admins = await repository.lock_active_admins()
    before = await repository.account(account_id, lock=True)
    if before is None:
        raise NotFound("There is no such account.")
    if expected_version not in {None, before.version}:
        raise PreconditionFailed("The account was changed in the meantime.", version=before.version)
    if "email" in changes:
        changes = {**changes, "email": normalise_email(changes["email"])}
        if await repository.email_taken(changes["email"], by_other_than=account_id):
            raise Conflict("There is an account with this address.", slug="email-taken")
    after = replace(before, **changes)
    keeps_an_admin(active_admins=active_admins, was_admin=before.is_active_admin, stays_admin=after.is_active_admin)
    if after == before and password_hash is None:
        return before
    after = replace(after, version=before.version + 1)
    await repository.save_account(after, password_hash=password_hash, now=now)
    _tell_account(session, after)
    if password_hash is not None or not after.active:
        await revoke_account(session, account_id, now=now, reason="account changed")
    elif after.role is not before.role:
        # The session goes on: its next access token says the new role.
        await _revoke_tokens(session, account_id, reason="role changed")
    return after


async def revoke_account(session: AsyncSession, account_id: UUID, *, now: datetime, reason: str) -> None:
    """End every session, token and API key of an account. Raises NotFound."""
    repository = Repository(session)
    if await repository.account(account_id, lock=True) is None:
        raise NotFound("There is no such account.")
    await repository.end_sessions_of(account_id, now=now)
    await _revoke_tokens(session, account_id, reason=reason)


async def bootstrap_admin(session: AsyncSession, *, email: str, password_hash: str, now: datetime) -> Account | None:
    """The first account, an admin, where there is none yet."""
    if await Repository(session).has_accounts():
        return None
    return await create_account(
        session, email=email, name="Administrator", role=Role.ADMIN, password_hash=password_hash, now=now
    )


def _tell_account(session: AsyncSession, account: Account) -> None:
    event = AccountChanged(
        account_id=account.id,
        email=account.email,
        name=account.name,
        role=account.role,
        groups=account.groups,
        languages=account.languages,
        active=account.active,
        version=account.version,
    )
    outbox.record(session, event, aggregate_id=account.id)


async def _revoke_tokens(session: AsyncSession, account_id: UUID, *, reason: str) -> None:
    """End all tokens of an account whose row is held."""
    repository = Repository(session)
    revoked_at = await repository.clock()
    keys = await repository.revoke_api_keys_of(account_id, now=revoked_at)
    # Each key by itself too: the revocation of an account is forgotten when the tokens of people have expired.
    await _revoke(
        session,
        [
            AccessRevoked(kind="account", subject=account_id, revoked_at=revoked_at, reason=reason),
            *(AccessRevoked(kind="api_key", subject=key, revoked_at=revoked_at, reason=reason) for key in keys),
        ],
        account_id,
    )


async def _revoke(session: AsyncSession, revocations: Sequence[AccessRevoked], account_id: UUID) -> None:
    await keep_revocations(session, revocations)
    for revocation in revocations:
        outbox.record(session, revocation, aggregate_id=account_id)


# Keys


async def create_api_key(
    session: AsyncSession,
    principal: Principal,
    *,
    name: str,
    role: Role,
    scopes: Sequence[str],
    lifetime: timedelta = timedelta(days=API_KEY_DAYS),
) -> ApiKey:
    """A new API key that acts for its maker with some actions of a role. Raises Forbidden, Unprocessable.

    Its maker's row is held, so that the key is either revoked with the maker's tokens or made after that was over.
    """
    if principal.key_id is not None:
        raise Forbidden("An API key makes no other API keys.")
    if foreign := sorted(scope for scope in scopes if role not in ACTIONS.get(scope, {})):
        raise Unprocessable(
            f"The role {role} does not have all of these actions.", slug="scope-not-allowed", scopes=foreign
        )
    repository = Repository(session)
    account = await repository.account(principal.account_id, lock=True)
    if account is None or not account.active or account.role is not principal.role:
        raise Forbidden("Your account was changed in the meantime.")
    now = await repository.clock()
    key = ApiKey(uuid7(), account.id, name, role, tuple(sorted(set(scopes))), now, now + lifetime, revoked_at=None)
    await repository.add_api_key(key)
    return key


async def revoke_api_key(session: AsyncSession, key_id: UUID, *, now: datetime) -> None:
    """Make an API key invalid. Raises NotFound."""
    account_id = await Repository(session).revoke_api_key(key_id, now=now)
    if account_id is None:
        raise NotFound("There is no such valid key.")
    revoked = AccessRevoked(kind="api_key", subject=key_id, revoked_at=now, reason="revoked by an admin")
    await _revoke(session, [revoked], account_id)


async def ensure_signing_key(session: AsyncSession, candidate: SigningKey) -> None:
    """Take `candidate` as the signing key where there is none yet."""
    if await Repository(session).add_first_signing_key(candidate):
        await _publish_keys(session, [candidate])


async def rotate_signing_key(session: AsyncSession, successor: SigningKey) -> None:
    """Publish a key that is signed with from its `not_before` on, instead of the newest one so far."""
    await Repository(session).add_signing_key(successor)
    await _publish_keys(session, [successor])


async def republish(session: AsyncSession, now: datetime) -> int:
    """Retire signing keys that no valid token needs any more, and tell all keys and revoked API keys again.

    So a service which starts when the topic has forgotten them learns of them. Returns 0: there is never more to do at
    once.
    """
    repository = Repository(session)
    await repository.retire_signing_keys(
        superseded_before=now - SIGNING_KEY_OVERLAP - ACCESS_LIFETIME, overlap=SIGNING_KEY_OVERLAP, now=now
    )
    await _publish_keys(session, await repository.signing_keys())
    for key in await repository.revoked_api_keys(now=now):
        if key.revoked_at is not None:
            revoked = AccessRevoked(kind="api_key", subject=key.id, revoked_at=key.revoked_at, reason="told again")
            outbox.record(session, revoked, aggregate_id=key.account_id)
    return 0


async def _publish_keys(session: AsyncSession, keys: Sequence[SigningKey]) -> None:
    published = [
        SigningKeyPublished(
            kid=key.kid, public_key=key.public_key, not_before=key.not_before, retired_at=key.retired_at
        )
        for key in keys
    ]
    await keep_keys(session, published)
    for event in published:
        outbox.record(session, event, aggregate_id=event.kid)


# Live frames


async def show(session: AsyncSession, events: Sequence[Event[live.Shown | Personal]]) -> None:
    """Tell the open inboxes of tickets and their clocks, event by event in this order; not what messages say.

    As in lists, a note is nobody's last message. Whom an event concerns personally is told so, too. Who follows a
    ticket is kept here and comes along with its activity: a message to what nobody follows costs no more statements.
    """
    repository = Repository(session)
    told = [event.data for event in events]
    tickets = [data.ticket for data in told if isinstance(data, OfTicket)]
    concerned = {ticket.id for ticket in tickets}
    concerned |= {data.ticket_id for data in told if isinstance(data, TicketFollowersChanged)}
    written: dict[UUID, datetime] = {}
    for data in told:
        if isinstance(data, WithMessage) and data.message.kind in PUBLIC_KINDS:
            at = data.message.added_at
            written[data.ticket.id] = max(written.get(data.ticket.id, at), at)
    activity = await repository.note_activity(written)
    activity |= await repository.activity(concerned - written.keys())
    names = await repository.names({ticket.assignee_id for ticket in tickets if ticket.assignee_id is not None})
    notices, watched = notices_of(told, {ticket_id: known.watched for ticket_id, known in activity.items()})
    await repository.keep_watched(watched)
    last_messages = {ticket_id: known.last_message_at for ticket_id, known in activity.items()}
    await repository.append_frames(
        [
            *(live.frame_of(data, names, last_messages) for data in told if not isinstance(data, Personal)),
            *(notification_frame(account_id) for account_id in await notifications.note(session, notices)),
        ]
    )


# Housekeeping


async def forget_sign_ins(session: AsyncSession, now: datetime) -> int:
    """Drop old sessions, limits and API keys; returns how many, at most a batch of each."""
    repository = Repository(session)
    return (
        await repository.forget_sessions(now=now)
        + await repository.forget_limits(now=now)
        + await repository.forget_api_keys(now=now)
    )
