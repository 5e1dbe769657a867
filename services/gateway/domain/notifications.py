"""What concerns somebody of the desk personally. Nobody is told of what they did themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.events.common import Actor, ActorKind, TicketSnapshot
from shared.events.tickets import TicketChanged, TicketMessageAdded

# So long, and so many of each account, are kept.
RETENTION = timedelta(days=30)
MOST_KEPT = 500


class NoticeKind(StrEnum):
    """Why somebody is told."""

    ASSIGNED = "assigned"
    MENTIONED = "mentioned"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that an account is told. What the ticket says is read by who is told, with their own rights."""

    account_id: UUID
    kind: NoticeKind
    ticket_id: UUID
    ticket_number: int
    author: str
    at: datetime


def notices_of(told: Iterable[object]) -> list[Notice]:
    """What a batch of events tells whom: who got a ticket from somebody else or by routing, who a note mentions."""
    notices: list[Notice] = []
    for data in told:
        match data:
            case TicketChanged(changes={"assignee_id": given}) if given.after is not None:
                assignee = UUID(str(given.after))
                if not _is(data.actor, assignee):
                    notices.append(_notice(NoticeKind.ASSIGNED, assignee, data.ticket, data.actor, data.changed_at))
            case TicketMessageAdded():
                author, at = data.message.author, data.message.added_at
                mentioned = [account for account in dict.fromkeys(data.mentions) if not _is(author, account)]
                notices += [_notice(NoticeKind.MENTIONED, each, data.ticket, author, at) for each in mentioned]
    return notices


def notification_frame(account_id: UUID) -> dict[str, Any]:
    """Something is new, or read, among the notifications of an account: its windows ask what."""
    return {"type": "notification", "account_id": str(account_id)}


def concerns(frame: dict[str, Any], account_id: UUID) -> bool:
    """Whether a frame is for the windows of that account: one that names an account is for its alone."""
    return frame.get("account_id") in (None, str(account_id))


def _is(actor: Actor, account_id: UUID) -> bool:
    return actor.kind is ActorKind.AGENT and actor.id == str(account_id)


def _notice(kind: NoticeKind, account_id: UUID, ticket: TicketSnapshot, actor: Actor, at: datetime) -> Notice:
    author = actor.name if actor.kind is ActorKind.AGENT else ""
    return Notice(account_id, kind, ticket.id, ticket.number, author, at)
