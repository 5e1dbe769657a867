"""Shapes of mailboxes."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.ingestion.domain.identities import DEFAULT_BRAND
from services.ingestion.domain.mailboxes import ImapSettings, MailboxSecrets, SmtpUrl, checked_address
from services.ingestion.domain.messages import Language, Name, Slug

Address = Annotated[str, Field(max_length=254, examples=["help@example.com"]), AfterValidator(checked_address)]
Group = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class MailboxBody(BaseModel):
    """A mailbox of the desk. Without `imap` nothing is fetched: mail is handed over by LMTP, webhook or the API.

    What comes through it is of its brand, belongs to its group and is taken for its language. Of `secrets`, what is
    left out stays as it is.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "address": "help@example.com",
                    "name": "Help",
                    "imap": {"host": "imap.example.com", "username": "help@example.com"},
                    "secrets": {"password": "secret"},
                }
            ]
        },
    )

    address: Address
    name: Name = ""
    brand: Slug = DEFAULT_BRAND
    group: Group | None = None
    language: Language | None = None
    enabled: bool = True
    imap: ImapSettings | None = None
    smtp_url: SmtpUrl | None = None
    secrets: MailboxSecrets | None = None


class FetchingView(BaseModel):
    """How fetching goes. `problem` tells an admin what to do, until the mailbox was read again at `checked_at`."""

    state: Literal["waiting", "reading", "failing", "disabled"]
    checked_at: datetime | None
    next_at: datetime | None
    failures: int
    reason: str | None
    problem: str | None


class MailboxView(BaseModel):
    """A mailbox. Of its secrets only the names are told."""

    id: UUID
    address: str
    name: str
    brand: str
    group: str | None
    language: str | None
    enabled: bool
    imap: ImapSettings | None
    smtp_url: str | None
    secrets: list[str]
    version: int
    fetching: FetchingView | None

    @classmethod
    def of(cls, row: Any, secrets: list[str], *, now: datetime) -> "MailboxView":
        """From a row of the repository."""
        fetching = None
        if "imap" in row.inbound:
            is_held = row.leased_until is not None and row.leased_until > now
            failing = "failing" if row.reason is not None else "waiting"
            fetching = FetchingView(
                state="disabled" if not row.enabled else "reading" if is_held and not row.reason else failing,
                checked_at=row.checked_at,
                next_at=None if is_held or not row.enabled else row.due_at,
                failures=row.failures or 0,
                reason=row.reason,
                problem=row.words,
            )
        return cls(
            id=row.id,
            address=row.address,
            name=row.name,
            brand=row.brand,
            group=row.group,
            language=row.language,
            enabled=row.enabled,
            imap=row.inbound.get("imap"),
            smtp_url=row.smtp_url,
            secrets=secrets,
            version=row.version,
            fetching=fetching,
        )


class MailboxProblem(BaseModel):
    """Something that does not work yet, and what to do about it."""

    part: Literal["imap", "smtp"]
    reason: str
    words: str


class MailboxCheck(BaseModel):
    """What came of trying it. `messages` are those in the folder."""

    ok: bool
    problems: list[MailboxProblem]
    messages: int | None
