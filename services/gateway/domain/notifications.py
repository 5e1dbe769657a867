"""What concerns somebody of the desk personally. Nobody is told of what they did themselves."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.events.common import Actor, ActorKind, TicketSnapshot, TicketStatus
from shared.events.tickets import (
    FieldChange,
    MessageKind,
    OfTicket,
    TicketChanged,
    TicketFollowersChanged,
    TicketMessageAdded,
    TicketReplyUndelivered,
)

# So long, and so many of each account, are kept.
RETENTION = timedelta(days=30)
MOST_KEPT = 500

# What shows in no list, and concerns somebody all the same.
Personal = TicketFollowersChanged | TicketReplyUndelivered

_OVER = frozenset({TicketStatus.SOLVED, TicketStatus.CLOSED})


class NoticeKind(StrEnum):
    """Why somebody is told."""

    ASSIGNED = "assigned"
    MENTIONED = "mentioned"
    ANSWERED = "answered"
    REPLIED = "replied"
    SOLVED = "solved"
    CLOSED = "closed"
    REOPENED = "reopened"
    WOKEN = "woken"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that an account is told. What the ticket says is read by who is told, with their own rights."""

    account_id: UUID
    kind: NoticeKind
    ticket_id: UUID
    ticket_number: int
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Watched:
    """Who wants to know what becomes of a ticket, beside its assignee: who follows it, and who put it off."""

    followers: tuple[UUID, ...] = ()
    snoozed_by: UUID | None = None


def notices_of(told: Iterable[object], watched: Mapping[UUID, Watched]) -> tuple[list[Notice], dict[UUID, Watched]]:
    """What a batch of events tells whom, of each kind and ticket the last, and the tickets that are watched otherwise.

    `watched` is as it was before them, by ticket; a later event finds what an earlier one changed.
    """
    notices: dict[tuple[UUID, NoticeKind, UUID], Notice] = {}
    now = dict(watched)
    for data in told:
        if not isinstance(data, OfTicket | Personal):
            continue
        ticket_id = data.ticket.id if isinstance(data, OfTicket) else data.ticket_id
        before = now.get(ticket_id, Watched())
        for notice in _notices(data, before):
            about = notice.account_id, notice.kind, notice.ticket_id
            # Taken out first: it comes last now.
            notices.pop(about, None)
            notices[about] = notice
        now[ticket_id] = _watched_after(data, before)
    return list(notices.values()), {id_: one for id_, one in now.items() if one != watched.get(id_, Watched())}


def notification_frame(account_id: UUID) -> dict[str, Any]:
    """Something is new, or read, among the notifications of an account: its windows ask what."""
    return {"type": "notification", "account_id": str(account_id)}


def concerns(frame: dict[str, Any], account_id: UUID) -> bool:
    """Whether a frame is for the windows of that account: one that names an account is for its alone."""
    return frame.get("account_id") in (None, str(account_id))


def _notices(data: OfTicket | Personal, watched: Watched) -> Iterator[Notice]:
    match data:
        case TicketChanged(ticket=ticket, changes=changes, actor=actor, changed_at=at):
            given = changes.get("assignee_id")
            if given is not None and given.after is not None:
                yield from _each(NoticeKind.ASSIGNED, [UUID(str(given.after))], ticket, actor, at)
            if turn := _turn(changes.get("status"), data.cause):
                yield from _each(turn, watched.followers, ticket, actor, at)
            if data.cause == "snooze.over":
                yield from _each(NoticeKind.WOKEN, [watched.snoozed_by or ticket.assignee_id], ticket, actor, at)
        case TicketMessageAdded(ticket=ticket, message=message, mentions=mentions):
            author, at = message.author, message.added_at
            yield from _each(NoticeKind.MENTIONED, mentions, ticket, author, at)
            if message.kind is MessageKind.CUSTOMER:
                waiting = [ticket.assignee_id, *watched.followers, watched.snoozed_by]
                yield from _each(NoticeKind.ANSWERED, waiting, ticket, author, at)
            elif message.kind is MessageKind.REPLY:
                yield from _each(NoticeKind.REPLIED, watched.followers, ticket, author, at)
        case TicketReplyUndelivered():
            yield Notice(
                data.author_id, NoticeKind.UNDELIVERED, data.ticket_id, data.ticket_number, "", data.undelivered_at
            )


def _turn(status: FieldChange | None, cause: str) -> NoticeKind | None:
    """What a change of the status is to who follows the ticket, if anything."""
    if status is None:
        return None
    if status.after == TicketStatus.CLOSED and cause == "merge":
        # It goes on in the other ticket, which they follow from then on.
        return None
    if status.after in _OVER:
        return NoticeKind(status.after)
    return NoticeKind.REOPENED if status.before in _OVER else None


def _watched_after(data: OfTicket | Personal, watched: Watched) -> Watched:
    match data:
        case TicketFollowersChanged():
            return replace(watched, followers=data.followers)
        case TicketChanged(changes={"snoozed_until": until}, actor=actor):
            by_agent = until.after is not None and actor.kind is ActorKind.AGENT
            return replace(watched, snoozed_by=UUID(actor.id) if by_agent else None)
    return watched


def _each(
    kind: NoticeKind, accounts: Iterable[UUID | None], ticket: TicketSnapshot, actor: Actor, at: datetime
) -> Iterator[Notice]:
    """A notice for each of the accounts but the one that did it."""
    is_agent = actor.kind is ActorKind.AGENT
    author = actor.name if is_agent else ""
    for account_id in dict.fromkeys(accounts):
        if account_id is not None and not (is_agent and actor.id == str(account_id)):
            yield Notice(account_id, kind, ticket.id, ticket.number, author, at)
