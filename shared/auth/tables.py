"""What each service keeps of the gateway's keys and revocations, in its own schema."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from alembic import op
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth.tokens import MAX_LIFETIME
from shared.events.accounts import AccessRevoked, SigningKeyPublished

# Tokens of people live for minutes, so their revocations need not be remembered for longer than this.
# Of API keys, which live for months, each has a revocation of its own.
SESSION_REVOCATIONS_KEPT = timedelta(days=1)
API_KEY_REVOCATIONS_KEPT = MAX_LIFETIME + timedelta(days=2)

# Rows that one run of a timer deletes; it comes back at once while there are more.
_FORGET_ROWS = 5_000

_TABLES = (
    """
    CREATE TABLE {s}.auth_keys (
        kid        text PRIMARY KEY,
        public_key text NOT NULL,
        not_before timestamptz NOT NULL,
        retired_at timestamptz
    )""",
    """
    CREATE TABLE {s}.auth_revocations (
        kind       text NOT NULL CHECK (kind IN ('account', 'session', 'api_key')),
        subject    uuid NOT NULL,
        revoked_at timestamptz NOT NULL,
        PRIMARY KEY (kind, subject)
    )""",
)


def auth_tables(schema: str) -> None:
    """Create the tables of keys and revocations in `schema`. Called from a migration."""
    for statement in _TABLES:
        op.execute(statement.format(s=schema))


async def keep_keys(session: AsyncSession, keys: Sequence[SigningKeyPublished]) -> None:
    """Remember public keys. The session's search path names the schema, as in all statements here."""
    await session.execute(
        text("""
            INSERT INTO auth_keys (kid, public_key, not_before, retired_at)
            SELECT * FROM unnest(CAST(:kids AS text[]), CAST(:public_keys AS text[]),
                                 CAST(:not_before AS timestamptz[]), CAST(:retired_at AS timestamptz[]))
            ON CONFLICT (kid) DO UPDATE SET retired_at = excluded.retired_at"""),
        {
            "kids": [key.kid for key in keys],
            "public_keys": [key.public_key for key in keys],
            "not_before": [key.not_before for key in keys],
            "retired_at": [key.retired_at for key in keys],
        },
    )


async def keep_revocations(session: AsyncSession, revocations: Sequence[AccessRevoked]) -> None:
    """Remember revocations; of two for one subject the later one counts."""
    await session.execute(
        text("""
            INSERT INTO auth_revocations AS kept (kind, subject, revoked_at)
            SELECT kind, subject, max(revoked_at)
            FROM unnest(CAST(:kinds AS text[]), CAST(:subjects AS uuid[]), CAST(:revoked_at AS timestamptz[]))
                AS n (kind, subject, revoked_at)
            GROUP BY kind, subject
            ON CONFLICT (kind, subject) DO UPDATE SET revoked_at = greatest(kept.revoked_at, excluded.revoked_at)"""),
        {
            "kinds": [revocation.kind for revocation in revocations],
            "subjects": [revocation.subject for revocation in revocations],
            "revoked_at": [revocation.revoked_at for revocation in revocations],
        },
    )


async def forget_revocations(session: AsyncSession, *, now: datetime) -> int:
    """Drop revocations whose tokens have all expired; returns how many, at most a batch."""
    result = await session.scalars(
        text("""
            DELETE FROM auth_revocations WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM auth_revocations
                WHERE revoked_at < CASE kind WHEN 'api_key' THEN CAST(:before_of_keys AS timestamptz)
                                             ELSE CAST(:before AS timestamptz) END
                LIMIT :rows FOR UPDATE SKIP LOCKED))
            RETURNING 1"""),
        {
            "before": now - SESSION_REVOCATIONS_KEPT,
            "before_of_keys": now - API_KEY_REVOCATIONS_KEPT,
            "rows": _FORGET_ROWS,
        },
    )
    return len(result.all())
