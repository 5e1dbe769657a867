"""Shapes of customers: who they are, what people do to them, what is known of them."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import to_json

from services.tickets.domain.identity import IdentityKind
from services.tickets.domain.texts import CONTROL
from services.tickets.schemas.tickets import AuthorView, TicketRow
from services.tickets.schemas.values import Closed, Language, Name, Zone
from shared.events.common import TicketStatus

MAX_FACTS_BYTES = 16 * 1024
# A letter, then what a name may have: `key` of a field and `source` of facts.
_KEY = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"


def _text(value: str) -> str:
    if CONTROL.search(value):
        raise ValueError("must not contain NUL, other control characters or lone surrogates")
    return value


def _one_line(value: str) -> str:
    if re.search(r"[\r\n]", value):
        raise ValueError("must be one line")
    return _text(value)


def _facts(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if any(not re.fullmatch(_KEY, key) for key in data):
        raise ValueError("keys begin with a letter, and have letters, digits, dots, dashes and underscores")
    packed = to_json(data)
    if len(packed) > MAX_FACTS_BYTES:
        raise ValueError(f"must be at most {MAX_FACTS_BYTES} bytes of JSON")
    if b"\\u0000" in packed:
        raise ValueError("must not contain NUL")
    return data


Tier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", examples=["gold"])]
Region = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE"])]
Notes = Annotated[str, Field(max_length=10_000), AfterValidator(_text)]
Address = Annotated[str, Field(min_length=1, max_length=254), AfterValidator(_one_line)]
Prefix = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Source = Annotated[str, Field(pattern=_KEY, examples=["billing"])]


class IdentityBody(Closed):
    """An address: of e-mail, a phone number, a handle (`telegram:ana`), or an id in another system (`crm:4711`)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "phone", "address": "+49 30 123456"}]})

    kind: IdentityKind
    address: Address


_NULLABLE = {"language", "locale", "region", "time_zone", "organisation_id"}


class _Profile(Closed):
    name: Name | None = None
    tier: Tier | None = None
    language: Language | None = None
    locale: Language | None = None
    region: Region | None = None
    time_zone: Zone | None = None
    notes: Notes | None = None
    organisation_id: UUID | None = None

    @model_validator(mode="after")
    def _no_nulls(self) -> Self:
        given = self.model_fields_set & set(_Profile.model_fields)
        if nulls := sorted(name for name in given - _NULLABLE if getattr(self, name) is None):
            raise ValueError(f"{', '.join(nulls)} cannot be null")
        return self

    def changes(self) -> dict[str, Any]:
        """What is to be set, by the names of columns."""
        return {name: getattr(self, name) for name in self.model_fields_set & set(_Profile.model_fields)}


class NewCustomerBody(_Profile):
    """A customer to create, with addresses that nobody else has."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Ana Lima",
                    "language": "pt",
                    "time_zone": "America/Sao_Paulo",
                    "identities": [{"kind": "email", "address": "ana@example.com"}],
                }
            ]
        }
    )

    identities: list[IdentityBody] = Field(default=[], max_length=50)


class CustomerPatch(_Profile):
    """Fields to set; what is not named stays.

    `language` is what they write, `locale` how dates and numbers are put for them (both BCP 47). Null clears. Without
    an `organisation_id` the domain of an e-mail address tells where they belong.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"tier": "gold", "organisation_id": None}]})


class IdentityView(BaseModel):
    """An address a customer is recognised by, in normal form."""

    kind: IdentityKind
    address: str


class BelongsTo(BaseModel):
    """The organisation of a customer."""

    id: UUID
    name: str
    tier: str | None


class CustomerRow(BaseModel):
    """A customer as lists show them."""

    id: UUID
    name: str
    language: str | None
    locale: str | None
    region: str | None
    time_zone: str | None
    tier: str
    notes: str
    organisation: BelongsTo | None
    identities: list[IdentityView]
    created_at: datetime
    version: int

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a customer's row."""
        return cls.model_validate(_fields(row))


class CustomerView(CustomerRow):
    """A customer with the tickets touched last."""

    tickets: list[TicketRow]

    @classmethod
    def of(cls, row: Any, tickets: Sequence[TicketRow] = ()) -> Self:
        """The shape of a customer's row and tickets."""
        return cls.model_validate({**_fields(row), "tickets": list(tickets)})


class CustomerHistoryEntry(BaseModel):
    """One change of a customer: who, when, why, and each field before and after."""

    id: int
    version: int
    at: datetime
    actor: AuthorView
    cause: str
    changes: dict[str, Any]

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a history row."""
        return cls(
            id=row.id,
            version=row.version,
            at=row.at,
            actor=AuthorView(kind=row.actor_kind, id=row.actor_id, name=row.actor_name),
            cause=row.cause,
            changes=row.changes,
        )


class FactsBody(Closed):
    """What another system knows of a customer, in its own words, and as of when (now, if it does not say)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"as_of": "2026-11-22T09:30:00Z", "data": {"plan": "pro", "balance": -12.5, "last_order": "A-99"}}
            ]
        }
    )

    data: Annotated[dict[str, JsonValue], Field(max_length=50), AfterValidator(_facts)]
    as_of: AwareDatetime | None = None


class FactsView(BaseModel):
    """What another system knows of a customer: as of when it was so there, and when we were told."""

    source: str
    data: dict[str, JsonValue]
    as_of: datetime
    received_at: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of a row of facts."""
        return cls(source=row.source, data=row.data, as_of=row.as_of, received_at=row.received_at)


class CustomerTickets(BaseModel):
    """A customer's tickets: how many in each status, and the newest."""

    by_status: dict[TicketStatus, int]
    newest: list[TicketRow]

    @classmethod
    def of(cls, numbers: Mapping[TicketStatus, int], newest: Sequence[TicketRow]) -> Self:
        """All statuses, also those that no ticket has."""
        return cls(by_status={status: numbers.get(status, 0) for status in TicketStatus}, newest=list(newest))


class OverviewView(BaseModel):
    """All of a customer at one glance.

    `organisation_tickets` are those of others of the same organisation that are not solved, the newest first.
    """

    customer: CustomerRow
    tickets: CustomerTickets
    organisation_tickets: list[TicketRow]
    facts: list[FactsView]


def _fields(row: Any) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in ("id", "name", "tier", "notes", "created_at", "version")},
        **{name: getattr(row, name) for name in ("language", "locale", "region", "time_zone")},
        "organisation": row.organisation,
        "identities": row.identities or [],
    }
