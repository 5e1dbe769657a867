"""What may leave now, when to try a delivery again, and when to give up."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key")

# How many timeouts of a mail server one mail may take, and before that wait for a connection.
SEND_TIMEOUTS = 2
ROOM_TIMEOUTS = 16

# RFC 5321 section 4.5.4.1 asks for 4 to 5 days; a customer who waits for support hears of a failure after one.
_WAITS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
)


def wait_after(attempts: int) -> timedelta | None:
    """How long to wait after that many failed attempts; None when it was the last one."""
    return _WAITS[attempts - 1] if attempts <= len(_WAITS) else None


@dataclass(frozen=True, slots=True)
class Open(Generic[Key]):
    """As whom mail may leave now: all but those `named`, or with `only` none but those."""

    named: Collection[Key] = ()
    only: bool = False

    @classmethod
    def of(cls, known: Collection[Key], is_open: Callable[[Key], bool], *, others: bool) -> "Open[Key]":
        """By who of those known is open, and whether those are that nobody knows."""
        return cls(tuple(each for each in known if is_open(each) is not others), only=not others)
