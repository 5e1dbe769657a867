"""The counts of mail: what came in is what opened a ticket, joined one, was ignored, waits, or is in quarantine."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Bucket = Literal["again", "missing", "quarantined", "pending", "opened", "joined", "held", "ignored"]


# What may have become of a mail that had not come before.
SETTLED: tuple[Bucket, ...] = ("opened", "joined", "held", "ignored", "quarantined", "pending")


@dataclass(frozen=True, slots=True)
class Counted:
    """So many deliveries into one mailbox of which the same became."""

    mailbox_id: UUID | None
    address: str | None
    bucket: Bucket
    reason: str | None
    count: int


@dataclass(slots=True)
class Account:
    """What came into one mailbox, or all, and what became of it. `again` are deliveries of mail that was known."""

    mailbox_id: UUID | None = None
    address: str | None = None
    received: int = 0
    buckets: Counter[Bucket] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    def add(self, counted: Counted) -> None:
        """Take these into account."""
        self.received += counted.count
        self.buckets[counted.bucket] += counted.count
        if counted.bucket == "ignored":
            self.ignored[counted.reason or "unknown"] += counted.count
        if counted.bucket == "quarantined":
            self.quarantined[counted.reason or "unknown"] += counted.count

    @property
    def unique(self) -> int:
        """Mails that had not come before."""
        return self.received - self.buckets["again"]

    @property
    def unaccounted(self) -> int:
        """Mails of which nobody knows what became: none, or something is wrong."""
        return self.unique - sum(self.buckets[bucket] for bucket in SETTLED)


def balance(counts: Iterable[Counted]) -> tuple[Account, list[Account]]:
    """The account of all, and one for each mailbox."""
    total = Account()
    accounts: dict[UUID | None, Account] = {}
    for each in counts:
        total.add(each)
        accounts.setdefault(each.mailbox_id, Account(each.mailbox_id, each.address)).add(each)
    return total, list(accounts.values())
