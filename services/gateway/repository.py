"""All SQL of the gateway."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.domain.accounts import Account, ApiKey, RefreshToken, SigningKey
from services.gateway.domain.limits import Limit
from services.gateway.models import (
    accounts,
    api_keys,
    live_frames,
    refresh_tokens,
    sessions,
    sign_in_limits,
    signing_keys,
    ticket_activity,
)
from shared.events.accounts import Role

_ACCOUNT = (
    accounts.c.id,
    accounts.c.email,
    accounts.c.name,
    accounts.c.role,
    accounts.c.groups,
    accounts.c.languages,
    accounts.c.active,
    accounts.c.version,
)


class Repository:
    """The gateway's tables, in one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    # Accounts

    async def account(self, account_id: UUID, *, lock: bool = False) -> Account | None:
        """An account; with `lock` its row is held until the transaction ends."""
        return await self._one_account(select(*_ACCOUNT).where(accounts.c.id == account_id), lock=lock)

    async def credentials(self, email: str) -> tuple[Account, str | None] | None:
        """An account and its password hash, by normalised address."""
        found = await self._session.execute(
            select(*_ACCOUNT, accounts.c.password_hash).where(accounts.c.email == email)
        )
        row = found.one_or_none()
        return (_account(row), row.password_hash) if row is not None else None

    async def list_accounts(
        self, *, role: Role | None, active: bool | None, after_email: str | None, limit: int
    ) -> list[Account]:
        """Accounts by address, which is unique."""
        query = select(*_ACCOUNT).order_by(accounts.c.email).limit(limit)
        if role is not None:
            query = query.where(accounts.c.role == role)
        if active is not None:
            query = query.where(accounts.c.active == active)
        if after_email is not None:
            query = query.where(accounts.c.email > after_email)
        return [_account(row) for row in await self._session.execute(query)]

    async def add_account(self, account: Account, *, password_hash: str | None, now: datetime) -> bool:
        """Insert an account; False when its address is taken."""
        values = {**asdict(account), "password_hash": password_hash, "created_at": now, "updated_at": now}
        added = await self._session.scalar(
            upsert(accounts).values(values).on_conflict_do_nothing(index_elements=["email"]).returning(accounts.c.id)
        )
        return added is not None

    async def save_account(self, account: Account, *, password_hash: str | None, now: datetime) -> None:
        """Store a changed account; without a hash the password stays as it is."""
        values: dict[str, Any] = {**asdict(account), "updated_at": now}
        if password_hash is not None:
            values["password_hash"] = password_hash
        await self._session.execute(update(accounts).where(accounts.c.id == account.id).values(values))

    async def email_taken(self, email: str, *, by_other_than: UUID) -> bool:
        """Whether another account has this address."""
        query = select(accounts.c.id).where(accounts.c.email == email, accounts.c.id != by_other_than)
        return await self._session.scalar(query) is not None

    async def lock_active_admins(self) -> int:
        """Hold the rows of all active admins, so that two of them cannot remove each other; returns how many."""
        query = (
            select(accounts.c.id)
            .where(accounts.c.role == Role.ADMIN, accounts.c.active)
            .order_by(accounts.c.id)
            .with_for_update()
        )
        return len((await self._session.scalars(query)).all())

    async def has_accounts(self) -> bool:
        """Whether there is any account at all."""
        return await self._session.scalar(select(accounts.c.id).limit(1)) is not None

    async def names(self, account_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Names of accounts, in one query."""
        query = select(accounts.c.id, accounts.c.name).where(accounts.c.id.in_(set(account_ids)))
        return {row.id: row.name for row in await self._session.execute(query)}

    async def _one_account(self, query: Select[Any], *, lock: bool) -> Account | None:
        row = (await self._session.execute(query.with_for_update() if lock else query)).one_or_none()
        return _account(row) if row is not None else None

    # Signing in

    async def take(self, limit: Limit, key: str, now: datetime) -> timedelta | None:
        """Count one try; None when it is admitted, else how long to wait until one would be."""
        bucket = f"{limit.name}:{key}"
        admitted = await self._session.scalar(
            text("""
                INSERT INTO sign_in_limits AS l (bucket, arrival_at)
                VALUES (:bucket, CAST(:now AS timestamptz) + :interval)
                ON CONFLICT (bucket) DO UPDATE SET arrival_at = greatest(l.arrival_at, :now) + :interval
                WHERE greatest(l.arrival_at, :now) <= CAST(:now AS timestamptz) + :tolerance
                RETURNING 1"""),
            {"bucket": bucket, "now": now, "interval": limit.interval, "tolerance": limit.tolerance},
        )
        if admitted:
            return None
        arrival = await self._session.scalar(
            select(sign_in_limits.c.arrival_at).where(sign_in_limits.c.bucket == bucket)
        )
        return limit.wait(arrival or now, now)

    async def forgive(self, limit: Limit, key: str) -> None:
        """Empty a bucket."""
        await self._session.execute(delete(sign_in_limits).where(sign_in_limits.c.bucket == f"{limit.name}:{key}"))

    async def add_session(self, session_id: UUID, account_id: UUID, *, now: datetime, expires_at: datetime) -> None:
        """Open a session."""
        await self._session.execute(
            insert(sessions).values(id=session_id, account_id=account_id, created_at=now, expires_at=expires_at)
        )

    async def add_refresh_token(self, token_hash: bytes, session_id: UUID, *, now: datetime) -> None:
        """Remember a refresh token by its hash."""
        await self._session.execute(
            insert(refresh_tokens).values(token_hash=token_hash, session_id=session_id, issued_at=now)
        )

    async def refresh_token(self, token_hash: bytes, *, now: datetime) -> RefreshToken | None:
        """A refresh token and its session, whose row is held: refreshes and the end of a session take turns."""
        query = (
            select(
                refresh_tokens.c.session_id,
                sessions.c.account_id,
                refresh_tokens.c.used_at,
                sessions.c.ended_at.is_(None) & (sessions.c.expires_at > now),
            )
            .join_from(refresh_tokens, sessions, refresh_tokens.c.session_id == sessions.c.id)
            .where(refresh_tokens.c.token_hash == token_hash)
            .with_for_update()
        )
        row = (await self._session.execute(query)).one_or_none()
        return RefreshToken(*row) if row is not None else None

    async def use_refresh_token(self, token_hash: bytes, *, now: datetime) -> None:
        """Mark a refresh token as used; the first use counts."""
        await self._session.execute(
            update(refresh_tokens)
            .where(refresh_tokens.c.token_hash == token_hash, refresh_tokens.c.used_at.is_(None))
            .values(used_at=now)
        )

    async def end_session(self, session_id: UUID, *, now: datetime) -> bool:
        """End a session; False when it had ended before."""
        ended = await self._session.scalar(
            update(sessions)
            .where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
            .values(ended_at=now)
            .returning(sessions.c.id)
        )
        return ended is not None

    async def end_sessions_of(self, account_id: UUID, *, now: datetime) -> None:
        """End every session of an account."""
        await self._session.execute(
            update(sessions)
            .where(sessions.c.account_id == account_id, sessions.c.ended_at.is_(None))
            .values(ended_at=now)
        )

    async def forget_sign_ins(self, *, now: datetime) -> int:
        """Drop sessions that are over for good, and buckets that have run empty; returns how many rows."""
        gone = await self._session.scalars(
            delete(sessions)
            .where(or_(sessions.c.expires_at < now, sessions.c.ended_at < now - timedelta(days=1)))
            .returning(sessions.c.id)
        )
        emptied = await self._session.scalars(
            delete(sign_in_limits).where(sign_in_limits.c.arrival_at < now).returning(sign_in_limits.c.bucket)
        )
        return len(gone.all()) + len(emptied.all())

    # Keys

    async def add_api_key(self, key: ApiKey) -> None:
        """Remember an API key; its token is not kept."""
        await self._session.execute(insert(api_keys).values(asdict(key)))

    async def list_api_keys(self, *, after: UUID | None, limit: int) -> list[ApiKey]:
        """API keys, newest first."""
        query = select(api_keys).order_by(api_keys.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(api_keys.c.id < after)
        return [_api_key(row) for row in (await self._session.execute(query)).mappings()]

    async def revoke_api_key(self, key_id: UUID, *, now: datetime) -> UUID | None:
        """Revoke an API key; the account it acts for, or None when there is no such valid key."""
        account_id: UUID | None = await self._session.scalar(
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(api_keys.c.account_id)
        )
        return account_id

    async def revoke_api_keys_of(self, account_id: UUID, *, now: datetime) -> None:
        """Revoke every API key that acts for an account."""
        await self._session.execute(
            update(api_keys)
            .where(api_keys.c.account_id == account_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )

    async def add_first_signing_key(self, key: SigningKey) -> bool:
        """Store a signing key unless there is one already, whichever of several processes comes first."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('gateway.signing_keys', 0))"))
        if await self._session.scalar(select(signing_keys.c.kid).limit(1)) is not None:
            return False
        await self._session.execute(insert(signing_keys).values(asdict(key)))
        return True

    async def newest_signing_key(self, now: datetime) -> SigningKey | None:
        """The key to sign with."""
        query = (
            select(signing_keys)
            .where(signing_keys.c.not_before <= now, signing_keys.c.retired_at.is_(None))
            .order_by(signing_keys.c.not_before.desc())
            .limit(1)
        )
        row = (await self._session.execute(query)).mappings().one_or_none()
        return SigningKey(**row) if row is not None else None

    async def signing_keys(self) -> list[SigningKey]:
        """Every key, retired ones too."""
        return [SigningKey(**row) for row in (await self._session.execute(select(signing_keys))).mappings()]

    # Live frames

    async def lock_live_sequence(self) -> None:
        """Be the only writer of live frames until the transaction ends.

        So a sequence number is never seen after a later one: readers go on from the last they saw.
        """
        await self._session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('gateway.live_frames', 0))"))

    async def append_frames(self, frames: Sequence[Mapping[str, Any]]) -> None:
        """Append frames in this order. `lock_live_sequence` has to be held."""
        await self._session.execute(
            insert(live_frames).values(
                [{"frame": dict(frame), "created_at": func.clock_timestamp()} for frame in frames]
            )
        )

    async def live_bounds(self) -> tuple[int, int]:
        """Oldest and newest sequence number that are kept; (0, 0) before the first frame."""
        row = (await self._session.execute(select(func.min(live_frames.c.seq), func.max(live_frames.c.seq)))).one()
        return (row[0] or 0, row[1] or 0)

    async def frames_after(self, seq: int, *, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Frames after `seq`, in order."""
        query = (
            select(live_frames.c.seq, live_frames.c.frame)
            .where(live_frames.c.seq > seq)
            .order_by(live_frames.c.seq)
            .limit(limit)
        )
        return [(row.seq, row.frame) for row in await self._session.execute(query)]

    async def forget_frames(self, *, before: datetime) -> int:
        """Drop frames that are older, but never the newest: it tells how far the sequence is. Returns how many."""
        newest = select(func.max(live_frames.c.seq)).scalar_subquery()
        gone = await self._session.scalars(
            delete(live_frames)
            .where(live_frames.c.created_at < before, live_frames.c.seq < newest)
            .returning(live_frames.c.seq)
        )
        return len(gone.all())

    async def note_activity(self, moments: Mapping[UUID, datetime]) -> None:
        """Remember when the last message of each ticket came."""
        rows = upsert(ticket_activity).values(
            [{"ticket_id": ticket_id, "last_message_at": at} for ticket_id, at in moments.items()]
        )
        await self._session.execute(
            rows.on_conflict_do_update(
                index_elements=["ticket_id"],
                set_={
                    "last_message_at": func.greatest(ticket_activity.c.last_message_at, rows.excluded.last_message_at)
                },
            )
        )

    async def activity(self, ticket_ids: Iterable[UUID]) -> dict[UUID, datetime]:
        """When the last message of each ticket came, where one has."""
        query = select(ticket_activity).where(ticket_activity.c.ticket_id.in_(set(ticket_ids)))
        return {row.ticket_id: row.last_message_at for row in await self._session.execute(query)}


def _account(row: Any) -> Account:
    return Account(
        id=row.id,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        groups=tuple(row.groups),
        languages=tuple(row.languages),
        active=row.active,
        version=row.version,
    )


def _api_key(row: RowMapping) -> ApiKey:
    return ApiKey(**{**row, "role": Role(row["role"]), "scopes": tuple(row["scopes"])})
