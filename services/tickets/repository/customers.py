"""Customers, the addresses they are recognised by, and the projection of accounts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ScalarSelect, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import Identity, identity
from services.tickets.models import accounts, customer_identities, customers
from services.tickets.repository.rows import AnyRow
from shared.events.accounts import AccountChanged
from shared.events.common import Requester
from shared.ids import uuid7


@dataclass(frozen=True, slots=True)
class Profile:
    """What a sender says of themselves; it fills what is not known yet and replaces nothing."""

    name: str = ""
    language: str | None = None
    region: str | None = None
    time_zone: str | None = None
    tier: str | None = None


class CustomerRepository:
    """Customers by identity and by id; accounts."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def resolve(self, profiles: Mapping[Identity, Profile], now: datetime) -> dict[Identity, Requester]:
        """The customer of each identity; unknown ones are made. Two transactions never make two of one identity."""
        found = await self._find(profiles)
        await self._fill_blanks(
            {found[key].customer_id: profiles[key] for key in found if _adds(profiles[key], found[key])}
        )
        if missing := sorted(profiles.keys() - found.keys()):
            await self._insert({key: profiles[key] for key in missing}, now)
            found |= await self._find(missing)
        return {key: _filled(requester, profiles[key]) for key, requester in found.items()}

    async def requester(self, customer_id: UUID) -> Requester | None:
        """A customer, or whom it became part of, as the requester of a ticket.

        Written to at the first e-mail address by alphabet, if any.
        """
        identities = customer_identities.alias("i")
        email = (
            select(identities.c.address)
            .where(identities.c.customer_id == customers.c.id, identities.c.kind == "email")
            .order_by(identities.c.address)
            .limit(1)
            .scalar_subquery()
        )
        query = select(customers, email.label("email")).where(customers.c.id == current(customer_id))
        row = (await self.session.execute(query)).one_or_none()
        return _requester(row, row.email) if row else None

    async def currents(self, customer_ids: Collection[UUID]) -> Mapping[UUID, UUID]:
        """Whom each of the customers became part of; or the customer."""
        rows = await self.session.execute(
            text(f"""
                WITH RECURSIVE line AS (
                    SELECT id AS asked, id, merged_into FROM {customers.fullname} WHERE id = ANY (CAST(:ids AS uuid[]))
                    UNION SELECT line.asked, c.id, c.merged_into
                    FROM line JOIN {customers.fullname} AS c ON c.id = line.merged_into)
                SELECT asked, id FROM line WHERE merged_into IS NULL"""),
            {"ids": list(customer_ids)},
        )
        return {row.asked: row.id for row in rows}

    async def account(self, account_id: UUID) -> AnyRow | None:
        """What is known of an account."""
        return (await self.session.execute(select(accounts).where(accounts.c.id == account_id))).one_or_none()

    async def inactive(self, account_ids: Collection[UUID]) -> set[UUID]:
        """Those of the accounts that are known not to work here: switched off, or a customer's."""
        if not account_ids:
            return set()
        query = select(accounts.c.id).where(
            accounts.c.id.in_(account_ids), ~accounts.c.active | (accounts.c.role == "customer")
        )
        return set(await self.session.scalars(query))

    async def keep_accounts(self, changed: Sequence[AccountChanged]) -> None:
        """Remember accounts, unless something newer is known."""
        rows = [
            {
                "id": account.account_id,
                "name": account.name,
                "email": identity("email", account.email).address,
                "role": account.role,
                "active": account.active,
                "version": account.version,
            }
            for account in sorted(changed, key=lambda account: account.account_id)
        ]
        await self.session.execute(
            text(f"""
                INSERT INTO {accounts.fullname} AS a (id, name, email, role, active, version)
                SELECT id, name, email, role, active, version
                FROM json_populate_recordset(CAST(NULL AS {accounts.fullname}), CAST(:rows AS json))
                ON CONFLICT (id) DO UPDATE
                SET name = excluded.name, email = excluded.email, role = excluded.role,
                    active = excluded.active, version = excluded.version
                WHERE a.version < excluded.version"""),
            {"rows": to_json(rows).decode()},
        )

    async def _find(self, keys: Collection[Identity]) -> dict[Identity, Requester]:
        wanted = [(key, form) for key in keys for form in key.forms]
        rows = await self.session.execute(
            text(f"""
                SELECT i.kind, w.normal, i.address, c.*
                FROM unnest(CAST(:kinds AS text[]), CAST(:normals AS text[]), CAST(:forms AS text[]))
                    AS w (kind, normal, address)
                JOIN {customer_identities.fullname} AS i USING (kind, address)
                JOIN {customers.fullname} AS c ON c.id = i.customer_id"""),
            {
                "kinds": [key.kind for key, _ in wanted],
                "normals": [key.address for key, _ in wanted],
                "forms": [form for _, form in wanted],
            },
        )
        # The normal form last, so that it counts where both are there.
        return {
            Identity(row.kind, row.normal): _requester(row, row.address if row.kind == "email" else None)
            for row in sorted(rows, key=lambda row: row.address == row.normal)
        }

    async def _insert(self, profiles: Mapping[Identity, Profile], now: datetime) -> None:
        # Whoever inserts the identity also inserts its customer; the other waits for that commit and then finds both.
        # In sorted order, so that two batches wait for each other in one direction only.
        rows = [
            {
                "id": uuid7(),
                "kind": key.kind,
                "address": key.address,
                "name": profile.name,
                "language": profile.language,
                "region": profile.region,
                "time_zone": profile.time_zone,
                "tier": profile.tier or "standard",
            }
            for key, profile in sorted(profiles.items(), key=lambda item: item[0])
        ]
        await self.session.execute(
            text(f"""
                WITH wanted AS MATERIALIZED (
                    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS w (
                        id uuid, kind text, address text, name text, language text, region text, time_zone text,
                        tier text)
                ), claimed AS (
                    INSERT INTO {customer_identities.fullname} (kind, address, customer_id)
                    SELECT kind, address, id FROM wanted
                    ON CONFLICT DO NOTHING RETURNING customer_id
                )
                INSERT INTO {customers.fullname} (id, name, language, region, time_zone, tier, created_at)
                SELECT id, name, language, region, time_zone, tier, :now
                FROM wanted JOIN claimed ON claimed.customer_id = wanted.id"""),
            {"rows": to_json(rows).decode(), "now": now},
        )

    async def _fill_blanks(self, profiles: Mapping[UUID, Profile]) -> None:
        if not profiles:
            return
        rows = [
            {
                "id": customer_id,
                "name": profile.name,
                "language": profile.language,
                "region": profile.region,
                "time_zone": profile.time_zone,
            }
            for customer_id, profile in profiles.items()
        ]
        await self.session.execute(
            text(f"""
                WITH said AS MATERIALIZED (
                    SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS s (
                        id uuid, name text, language text, region text, time_zone text)
                ), locked AS MATERIALIZED (
                    SELECT c.id FROM {customers.fullname} AS c JOIN said USING (id) ORDER BY c.id FOR NO KEY UPDATE OF c
                )
                UPDATE {customers.fullname} AS c
                SET name = CASE WHEN c.name = '' THEN said.name ELSE c.name END,
                    language = coalesce(c.language, said.language),
                    region = coalesce(c.region, said.region),
                    time_zone = coalesce(c.time_zone, said.time_zone),
                    version = c.version + 1
                FROM said JOIN locked USING (id)
                WHERE c.id = said.id"""),
            {"rows": to_json(rows).decode()},
        )


def current(customer_id: UUID) -> ScalarSelect[UUID]:
    """Whom a customer became part of by merges, one after the other; or the customer."""
    line = select(customers.c.id, customers.c.merged_into).where(customers.c.id == customer_id).cte(recursive=True)
    following = customers.alias()
    line = line.union(select(following.c.id, following.c.merged_into).join(line, following.c.id == line.c.merged_into))
    return select(line.c.id).where(line.c.merged_into.is_(None)).scalar_subquery()


_FILLED = ("language", "region", "time_zone")


def _adds(profile: Profile, requester: Requester) -> bool:
    """Whether a profile tells what was not known of the customer."""
    unnamed = bool(profile.name) and not requester.name
    return unnamed or any(getattr(profile, field) and not getattr(requester, field) for field in _FILLED)


def _filled(requester: Requester, profile: Profile) -> Requester:
    if not _adds(profile, requester):
        return requester
    update = {field: getattr(requester, field) or getattr(profile, field) for field in ("name", *_FILLED)}
    return requester.model_copy(update=update)


def _requester(row: AnyRow, email: str | None) -> Requester:
    return Requester(
        customer_id=row.id,
        name=row.name,
        email=email,
        language=row.language,
        region=row.region,
        time_zone=row.time_zone,
        tier=row.tier,
    )
