"""Shapes of reconciliation."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from services.ingestion.domain.reconciliation import Account


class AccountView(BaseModel):
    """What came, and what became of it: `received` = `again` + `unique`, and `unique` = all the rest together.

    `again` is mail that was known already, `held` opened a ticket that
    somebody had to review (and stays that afterwards), `pending` what is not settled yet.
    `balanced` is false where mail is unaccounted for. The mailbox without an id is that of the settings; one without an
    address was deleted.
    """

    mailbox_id: UUID | None
    address: str | None
    received: int
    again: int
    unique: int
    opened: int
    joined: int
    held: int
    ignored: dict[str, int]
    quarantined: dict[str, int]
    pending: int
    unaccounted: int
    balanced: bool

    @classmethod
    def of(cls, account: Account, *, address: str | None) -> "AccountView":
        """From an account."""
        buckets = account.buckets
        return cls(
            mailbox_id=account.mailbox_id,
            address=address,
            received=account.received,
            again=buckets["again"],
            unique=account.unique,
            opened=buckets["opened"],
            joined=buckets["joined"],
            held=buckets["held"],
            ignored=dict(account.ignored),
            quarantined=dict(account.quarantined),
            pending=buckets["pending"],
            unaccounted=account.unaccounted,
            balanced=account.unaccounted == 0,
        )


class Reconciliation(BaseModel):
    """The accounts of all mailboxes from `since` to before `until`, by when mail came to the desk."""

    since: datetime
    until: datetime
    balanced: bool
    total: AccountView
    mailboxes: list[AccountView]
