"""All SQL of the gateway."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import RowMapping, Select, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.domain.accounts import Account, ApiKey, RefreshToken, SigningKey
from services.gateway.domain.limits import Limit
from services.gateway.domain.notifications import Watched
from services.gateway.models import (
    accounts,
    api_keys,
    live_frames,
    refresh_tokens,
    sessions,
    sign_in_limits,
    signing_keys,
)
from shared.events.accounts import Role

# Rows that one run of a timer deletes; it comes back at once while there are more.
FORGET_ROWS = 5_000
FORGET_SESSIONS = 100

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

_NAMES = text("SELECT id, name FROM gateway.accounts WHERE id = ANY(CAST(:accounts AS uuid[]))")

# The sequence numbers are taken after the lock: a row is there only once `alone` is.
_APPEND_FRAMES = text("""
    WITH alone AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended('gateway.live_frames', 0)))
    INSERT INTO gateway.live_frames (frame, created_at)
    SELECT CAST(n.frame AS jsonb), clock_timestamp()
      FROM alone, unnest(CAST(:frames AS text[])) WITH ORDINALITY AS n (frame, place) ORDER BY place""")

# Who watches comes along: to ask for it costs a message no statement. Sorted: two transactions cannot wait for each
# other.
_NOTE_ACTIVITY = text("""
    INSERT INTO gateway.ticket_activity AS a (ticket_id, last_message_at)
    SELECT * FROM unnest(CAST(:tickets AS uuid[]), CAST(:moments AS timestamptz[])) AS n (ticket_id, at)
     ORDER BY ticket_id
    ON CONFLICT (ticket_id) DO UPDATE SET last_message_at = greatest(a.last_message_at, excluded.last_message_at)
    RETURNING ticket_id, last_message_at, followers, snoozed_by""")
_ACTIVITY = text("""
    SELECT ticket_id, last_message_at, followers, snoozed_by FROM gateway.ticket_activity
     WHERE ticket_id = ANY(CAST(:tickets AS uuid[]))""")
_KEEP_WATCHED = text("""
    INSERT INTO gateway.ticket_activity (ticket_id, followers, snoozed_by)
    SELECT ticket_id, CAST(followers AS uuid[]), snoozed_by
      FROM unnest(CAST(:tickets AS uuid[]), CAST(:followers AS text[]), CAST(:snoozed_by AS uuid[]))
           AS n (ticket_id, followers, snoozed_by)
     ORDER BY ticket_id
    ON CONFLICT (ticket_id) DO UPDATE SET followers = excluded.followers, snoozed_by = excluded.snoozed_by""")


class Activity(NamedTuple):
    """When a ticket's last public message came, None for a ticket without, and who watches it."""

    last_message_at: datetime | None
    watched: Watched


class Repository:
    """The gateway's tables, in one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def clock(self) -> datetime:
        """The database's clock, the same for every process: what is read after a lock was taken is later than it."""
        now: datetime = (await self._session.execute(select(func.clock_timestamp()))).scalar_one()
        return now

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
        """Names of accounts, in one query where there are any."""
        if not (wanted := list(set(account_ids))):
            return {}
        return dict((await self._session.execute(_NAMES, {"accounts": wanted})).all())

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

    async def account_of_refresh_token(self, token_hash: bytes) -> UUID | None:
        """Whose refresh token this is. Nothing is held."""
        query = (
            select(sessions.c.account_id)
            .join_from(refresh_tokens, sessions, refresh_tokens.c.session_id == sessions.c.id)
            .where(refresh_tokens.c.token_hash == token_hash)
        )
        account_id: UUID | None = await self._session.scalar(query)
        return account_id

    async def refresh_token(self, token_hash: bytes, *, now: datetime) -> RefreshToken | None:
        """A refresh token and its session, whose row is held: refreshes and the end of a session take turns.

        Whoever needs the account's row too takes that one first.
        """
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

    async def forget_sessions(self, *, now: datetime) -> int:
        """Drop sessions that are over for good, with their refresh tokens; returns how many, at most a batch."""
        return await self._forget(
            "sessions",
            "expires_at < :now OR ended_at < CAST(:now AS timestamptz) - interval '1 day'",
            # Each has up to some thousand refresh tokens.
            rows=FORGET_SESSIONS,
            now=now,
        )

    async def forget_limits(self, *, now: datetime) -> int:
        """Drop buckets that have run empty; returns how many, at most a batch."""
        return await self._forget("sign_in_limits", "arrival_at < :now", now=now)

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

    async def revoke_api_keys_of(self, account_id: UUID, *, now: datetime) -> Sequence[UUID]:
        """Revoke every API key that acts for an account; returns those that were valid until now."""
        revoked = await self._session.scalars(
            update(api_keys)
            .where(api_keys.c.account_id == account_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(api_keys.c.id)
        )
        return revoked.all()

    async def revoked_api_keys(self, *, now: datetime) -> list[ApiKey]:
        """API keys that were revoked and would otherwise still be valid."""
        query = select(api_keys).where(api_keys.c.revoked_at.is_not(None), api_keys.c.expires_at > now)
        return [_api_key(row) for row in (await self._session.execute(query)).mappings()]

    async def forget_api_keys(self, *, now: datetime) -> int:
        """Drop API keys that have expired; returns how many, at most a batch."""
        return await self._forget("api_keys", "expires_at < :now", now=now)

    async def add_first_signing_key(self, key: SigningKey) -> bool:
        """Store a signing key unless there is one already, whichever of several processes comes first."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('gateway.signing_keys', 0))"))
        if await self._session.scalar(select(signing_keys.c.kid).limit(1)) is not None:
            return False
        await self.add_signing_key(key)
        return True

    async def add_signing_key(self, key: SigningKey) -> None:
        """Store a signing key."""
        await self._session.execute(insert(signing_keys).values(asdict(key)))

    async def retire_signing_keys(self, *, superseded_before: datetime, overlap: timedelta, now: datetime) -> int:
        """Retire keys whose successor was due before that moment, unless a valid API key is signed with them.

        A process may go on signing with a key for `overlap` after its successor is due. Returns how many.
        """
        result = await self._session.execute(
            text("""
                UPDATE signing_keys AS k SET retired_at = :now
                FROM (SELECT kid, lead(not_before) OVER (ORDER BY not_before, kid) AS successor_due
                      FROM signing_keys) AS s
                WHERE k.kid = s.kid AND k.retired_at IS NULL AND s.successor_due < :superseded_before
                  AND NOT EXISTS (
                      SELECT 1 FROM api_keys AS a
                      WHERE a.created_at >= k.not_before AND a.created_at < s.successor_due + :overlap
                        AND a.revoked_at IS NULL AND a.expires_at > :now)
                RETURNING k.kid"""),
            {"now": now, "superseded_before": superseded_before, "overlap": overlap},
        )
        return len(result.all())

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

    async def append_frames(self, frames: Sequence[Mapping[str, Any]]) -> None:
        """Append frames in this order, as the only writer until the transaction ends.

        So a sequence number is never seen after a later one: readers go on from the last they saw.
        """
        await self._session.execute(_APPEND_FRAMES, {"frames": [to_json(frame).decode() for frame in frames]})

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
        """Drop frames that are older, but never the newest: it tells how far the sequence is.

        Returns how many, at most a batch.
        """
        return await self._forget(
            "live_frames", "created_at < :before AND seq < (SELECT max(seq) FROM live_frames)", before=before
        )

    async def note_activity(self, moments: Mapping[UUID, datetime]) -> dict[UUID, Activity]:
        """Remember when a public message of each ticket came; returns the tickets' activity with it."""
        if not moments:
            return {}
        parameters = {"tickets": list(moments), "moments": list(moments.values())}
        return _activity(await self._session.execute(_NOTE_ACTIVITY, parameters))

    async def activity(self, ticket_ids: Collection[UUID]) -> dict[UUID, Activity]:
        """The activity of those of the tickets that have any."""
        if not ticket_ids:
            return {}
        return _activity(await self._session.execute(_ACTIVITY, {"tickets": list(ticket_ids)}))

    async def keep_watched(self, watched: Mapping[UUID, Watched]) -> None:
        """Remember who watches each ticket."""
        if not watched:
            return
        parameters = {
            "tickets": list(watched),
            "followers": [f"{{{','.join(map(str, each.followers))}}}" for each in watched.values()],
            "snoozed_by": [each.snoozed_by for each in watched.values()],
        }
        await self._session.execute(_KEEP_WATCHED, parameters)

    async def _forget(self, table: str, due: str, *, rows: int = FORGET_ROWS, **parameters: Any) -> int:
        # Bounded, so that no statement runs into its time limit; and a row that somebody uses right now is let be.
        result = await self._session.execute(
            text(f"""
                DELETE FROM {table} WHERE ctid = ANY(ARRAY(
                    SELECT ctid FROM {table} WHERE {due} LIMIT :rows FOR UPDATE SKIP LOCKED))
                RETURNING 1"""),
            {"rows": rows, **parameters},
        )
        return len(result.all())


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


def _activity(rows: Iterable[Any]) -> dict[UUID, Activity]:
    return {row.ticket_id: Activity(row.last_message_at, Watched(tuple(row.followers), row.snoozed_by)) for row in rows}


def _api_key(row: RowMapping) -> ApiKey:
    return ApiKey(**{**row, "role": Role(row["role"]), "scopes": tuple(row["scopes"])})
