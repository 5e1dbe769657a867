"""How often one may try to sign in: a leaky bucket as the generic cell rate algorithm (ITU-T I.371, annex A).

Per address, and per account and address: a stranger who guesses slows himself down, and locks out nobody else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` tries at once, then one per `interval`."""

    name: str
    burst: int
    interval: timedelta

    @property
    def tolerance(self) -> timedelta:
        """How far the theoretical arrival time may run ahead of the clock."""
        return self.interval * (self.burst - 1)

    def wait(self, arrival: datetime, now: datetime) -> timedelta:
        """How long a refused caller has to wait, given the bucket's theoretical arrival time."""
        return max(arrival - self.tolerance - now, timedelta(0))


PER_ADDRESS = Limit("address", burst=30, interval=timedelta(seconds=2))
PER_ACCOUNT_AND_ADDRESS = Limit("account", burst=5, interval=timedelta(seconds=30))
# Whoever asks: nobody's mailbox is filled with links. Who is over it is not told, and sent none.
LINKS_PER_ACCOUNT = Limit("link", burst=3, interval=timedelta(minutes=5))
