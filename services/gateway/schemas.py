"""Shapes of the gateway's requests and responses."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.gateway.domain.accounts import API_KEY_DAYS, MAX_PASSWORD, MIN_PASSWORD, Account, ApiKey
from services.gateway.domain.notifications import MOST_KEPT, NoticeKind
from shared.events.accounts import Role
from shared.web import Page

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Email = Annotated[str, StringConstraints(min_length=3, max_length=320)]
# As BCP 47 writes it: a primary language, and at most script and region.
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$")]
NewPassword = Annotated[str, StringConstraints(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]


class Request(BaseModel):
    """A body in which nothing is unknown: a field that a route does not offer cannot be set by sending it."""

    model_config = ConfigDict(extra="forbid")


class SignIn(Request):
    """Who wants to sign in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"email": "ada@example.com", "password": "correct horse battery staple"}]},
    )

    email: Email
    password: Annotated[str, StringConstraints(min_length=1, max_length=MAX_PASSWORD)] = Field(repr=False)


class AskForLink(Request):
    """Who wants a link to sign in with."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"email": "ada@example.com"}]})

    email: Email


class RedeemLink(Request):
    """The token of a link, as it stands in its address."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"token": "7fLDrb1m0hV2nQ4XxkS9yTzUqWcJ3aEoGgPpRrNvB5s"}]}
    )

    token: Annotated[str, StringConstraints(max_length=128)] = Field(repr=False)


class SessionView(BaseModel):
    """Who is signed in."""

    account_id: UUID
    name: str
    email: str
    role: Role
    groups: list[str]
    languages: list[str]

    @classmethod
    def of(cls, account: Account) -> Self:
        """The view of an account's own session."""
        return cls(
            account_id=account.id,
            name=account.name,
            email=account.email,
            role=account.role,
            groups=list(account.groups),
            languages=list(account.languages),
        )


class AccountCreate(Request):
    """A new account. Without a password nobody can sign in yet."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "email": "ada@example.com",
                    "name": "Ada",
                    "role": "agent",
                    "groups": ["billing"],
                    "languages": ["de", "en"],
                }
            ]
        },
    )

    email: Email
    name: Name
    role: Role
    groups: list[Name] = Field(default_factory=list, max_length=50)
    languages: list[Language] = Field(default_factory=list, max_length=50)
    password: NewPassword | None = Field(default=None, repr=False)


class AccountChange(Request):
    """Fields to change; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"role": "supervisor", "groups": ["billing", "returns"]}]}
    )

    email: Email | None = None
    name: Name | None = None
    role: Role | None = None
    groups: list[Name] | None = Field(default=None, max_length=50)
    languages: list[Language] | None = Field(default=None, max_length=50)
    active: bool | None = None
    password: NewPassword | None = Field(default=None, repr=False)


class AccountView(BaseModel):
    """An account."""

    id: UUID
    email: str
    name: str
    role: Role
    groups: list[str]
    languages: list[str]
    active: bool
    version: int

    @classmethod
    def of(cls, account: Account) -> Self:
        """The view of an account."""
        return cls(
            id=account.id,
            email=account.email,
            name=account.name,
            role=account.role,
            groups=list(account.groups),
            languages=list(account.languages),
            active=account.active,
            version=account.version,
        )


class ApiKeyCreate(Request):
    """A new API key."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "Shop", "scopes": ["message.ingest"], "expires_in_days": 90}]},
    )

    name: Name
    role: Role = Role.ADMIN
    scopes: list[Annotated[str, StringConstraints(max_length=64)]] = Field(min_length=1, max_length=100)
    expires_in_days: int = Field(default=API_KEY_DAYS, ge=1, le=API_KEY_DAYS)


class ApiKeyView(BaseModel):
    """An API key without its token."""

    id: UUID
    account_id: UUID
    name: str
    role: Role
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """The view of an API key."""
        return cls(
            id=key.id,
            account_id=key.account_id,
            name=key.name,
            role=key.role,
            scopes=list(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )


class ApiKeyCreated(ApiKeyView):
    """A new API key with its token, which is shown this once."""

    token: str = Field(repr=False)


class NotificationView(BaseModel):
    """Something its reader is told. `author` is who did it, empty where a customer or the desk itself did."""

    id: UUID
    kind: NoticeKind
    ticket_id: UUID
    ticket_number: int
    author: str
    created_at: datetime
    read_at: datetime | None


class NotificationPage(Page[NotificationView]):
    """Notifications, newest first; `unread` is how many of all are."""

    unread: int


class ReadNotifications(Request):
    """Which notifications were read."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ids": ["01890a5d-ac96-774b-bcce-b302099a8057"]}]}
    )

    ids: list[UUID] = Field(min_length=1, max_length=MOST_KEPT)
