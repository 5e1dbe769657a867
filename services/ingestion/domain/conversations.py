"""Which conversation each of some mails belongs to, by the Message-IDs they have and name (RFC 5322 section 3.6.4).

All ids of a thread are noted with its first mail to come, whichever that is: parsers work side by side, and an answer
may be read before what it answers. Anybody can name or use any id, so a conversation lets nobody in: that is for
tickets to decide, by who takes part.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Named:
    """What a mail says of its thread: its own id, those it answers (nearest last), and what a reply token proves."""

    own: str | None
    references: Sequence[str]
    token: UUID | None = None

    @property
    def ids(self) -> Sequence[str]:
        """All of its ids, in the order in which they came to be."""
        return self.references if self.own is None else [*self.references, self.own]


@dataclass(frozen=True, slots=True)
class Placed:
    """The conversation of a mail, and the one it refers to, where that was known before it came."""

    conversation_id: UUID
    reference: UUID | None


def place(
    mails: Iterable[Named], known: Mapping[str, UUID], new_id: Callable[[], UUID]
) -> tuple[list[Placed], dict[str, UUID]]:
    """Place mails one after the other, each knowing what the earlier ones named; and the ids that are new by that.

    `known` are the conversations of their ids, as far as any were noted. A proven token decides, then the nearest id
    that is known, then the mail's own id, if it was named before.
    """
    of_id = dict(known)
    placed: list[Placed] = []
    for mail in mails:
        reference = next((of_id[each] for each in reversed(mail.references) if each in of_id), None)
        own = of_id.get(mail.own) if mail.own is not None else None
        chosen = mail.token or reference or own or new_id()
        for each in mail.ids:
            of_id.setdefault(each, chosen)
        placed.append(Placed(chosen, reference))
    return placed, {each: conversation for each, conversation in of_id.items() if each not in known}
