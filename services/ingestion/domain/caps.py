"""How many mails may leave, so that a loop ends by itself: two desks that answer one another never do.

Counted are mails that left within an hour, from the tables, so that no restart begins anew.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

WINDOW = timedelta(hours=1)
# When what is over a cap is looked at again, and when it has waited for long enough.
WAIT = timedelta(minutes=5)
PATIENCE = timedelta(days=1)
# RFC 3834 section 2: an automatic answer is not repeated to the same person within days. Here: to an automatic mail.
AUTOMATIC_PAUSE = timedelta(days=1)


class Verdict(StrEnum):
    """What becomes of a mail now."""

    SEND = "send"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Caps:
    """How many mails may leave within an hour: for one ticket, to one recipient, and in all.

    `automatic` is the lower bound to one recipient for what no person wrote.
    """

    per_ticket: int = 60
    per_recipient: int = 60
    automatic: int = 10
    in_all: int = 20_000


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that is about to leave for the first time. `answers_automatic`: it answers what no person wrote either."""

    recipient: str
    ticket_id: UUID | None
    automatic: bool
    answers_automatic: bool
    waited: timedelta


@dataclass(frozen=True, slots=True)
class Sent:
    """What left within the hour, by ticket and by recipient. Who is in `recently` was within `AUTOMATIC_PAUSE`."""

    by_ticket: Mapping[UUID, int] = field(default_factory=dict)
    by_recipient: Mapping[str, int] = field(default_factory=dict)
    recently: Collection[str] = ()
    in_all: int = 0


def judge(caps: Caps, mails: Sequence[Mail], sent: Sent) -> list[Verdict]:
    """What becomes of each, in order: those before it count as sent.

    A person's mail waits where it is over a cap, and is given up in the end. One that nobody wrote is given up at once
    where it is over the cap of its ticket or recipient: a loop would only go on later.
    """
    tickets, recipients = Counter(sent.by_ticket), Counter(sent.by_recipient)
    recently, in_all = set(sent.recently), sent.in_all
    verdicts = []
    for mail in mails:
        most = min(caps.automatic, caps.per_recipient) if mail.automatic else caps.per_recipient
        is_loop = mail.automatic and mail.answers_automatic and mail.recipient in recently
        of_ticket = tickets[mail.ticket_id] if mail.ticket_id is not None else 0
        over = is_loop or of_ticket >= caps.per_ticket or recipients[mail.recipient] >= most
        if (over and mail.automatic) or ((over or in_all >= caps.in_all) and mail.waited >= PATIENCE):
            verdicts.append(Verdict.REFUSE)
        elif over or in_all >= caps.in_all:
            verdicts.append(Verdict.WAIT)
        else:
            verdicts.append(Verdict.SEND)
            recipients[mail.recipient] += 1
            recently.add(mail.recipient)
            in_all += 1
            if mail.ticket_id is not None:
                tickets[mail.ticket_id] += 1
    return verdicts
