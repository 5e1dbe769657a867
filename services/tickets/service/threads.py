"""What people write into threads: replies and notes.

`own` is the account whose customer the ticket has to belong to, for customers, who write into their own tickets only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.edits import require_move, require_reopening
from services.tickets.domain.identity import identity
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.scheduled import LEAVING, Scheduled
from services.tickets.domain.ticket import (
    Mention,
    Message,
    Ticket,
    reply_channel,
    with_customer_message,
    with_message,
    with_reply,
)
from services.tickets.repository import (
    CustomerRepository,
    DraftRepository,
    FollowerRepository,
    MessageRepository,
    Profile,
    ScheduledRepository,
    TicketRepository,
)
from services.tickets.repository.reviews import ReviewRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.service.followers import tell_followers
from services.tickets.service.journal import Journal, locked
from services.tickets.service.notices import tell_mentioned
from services.tickets.service.problems import rules_as_problems
from services.tickets.service.settings import lifecycle_of
from shared.events.accounts import Role
from shared.events.common import Actor, ActorKind, AttachmentRef, Channel, Requester, TicketStatus
from shared.events.tickets import FieldChange, MessageKind
from shared.ids import uuid7
from shared.web import caller_of
from shared.web.problem import Conflict, Unprocessable

# How many of the messages that a late reply missed are told; the thread has them all.
_TOLD_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What of the thread the writer had read; None if they do not say. With `force` they write whatever came since."""

    version: int | None = None
    force: bool = False


async def reply(
    session: AsyncSession,
    ticket_id: UUID,
    text: str,
    *,
    html: str | None = None,
    cc: Collection[str] = (),
    attachments: Sequence[AttachmentRef] = (),
    actor: Actor,
    role: Role,
    own: UUID | None,
    status: TicketStatus | None,
    seen: Seen,
    now: datetime,
) -> UUID:
    """Add a public message: an agent's reply, or the customer's own next message. Returns the message's id.

    `html` is what an agent's text was made from, and clean. `cc` get a copy; those who do not work here take
    part from then on.

    Raises NotFound, Conflict (`stale-thread`, `invalid-transition`, `ticket-closed`, `ticket-not-reopened`), Forbidden
    (`way-closed`), Unprocessable (`fields-missing`, `copies-need-mail`).
    """
    people = await copied_to(session, cc, now)
    ticket = await locked(session, ticket_id, own=own)
    lifecycle = await lifecycle_of(session)
    forced_from = await check_thread(session, ticket, seen, kind=_kind_of_reply(own), now=now)
    if own is not None:
        if status is not None:
            raise Unprocessable("Customers do not set a status.", slug="status-not-allowed")
        author = as_actor(ticket.requester)
        message = new_message(
            ticket, MessageKind.CUSTOMER, author, text, now, channel=Channel.FORM, attachments=attachments
        )
        with rules_as_problems():
            after = with_customer_message(ticket, message)
            require_reopening(ticket, lifecycle, now)
    else:
        message, after = replied(
            ticket,
            text,
            lifecycle,
            html=html,
            cc=people,
            attachments=attachments,
            actor=actor,
            role=role,
            status=status,
            now=now,
        )
        await DraftRepository(session).sent(ticket.id, UUID(actor.id), MessageKind.REPLY)
    journal = Journal(session)
    journal.change(
        ticket,
        after,
        actor=message.author,
        cause="reply",
        at=now,
        message=message,
        remarks=sent_anyway(forced_from, thread_version(ticket, message.kind)),
    )
    await journal.write()
    await TicketRepository(session).add_participants(taking_part(ticket.id, message.cc, people))
    return message.id


async def copied_to(session: AsyncSession, cc: Collection[str], now: datetime) -> Mapping[str, UUID | None]:
    """Who gets a copy: customers by their addresses in normal form, made where nobody has one.

    Who works here gets one, and is None: no customer, as what comes in under an agent's name without a token would join
    by that. Ask before a ticket is locked: intake makes customers before it locks tickets, too.
    """
    if not cc:
        return {}
    copied = {identity("email", address) for address in cc}
    agents = await ReviewRepository(session).agents_at({each.address for each in copied})
    others = copied - {identity("email", agent.email) for agent in agents}
    found = await CustomerRepository(session).resolve({each: Profile() for each in others}, now) if others else {}
    return {each.address: found[each].customer_id if each in found else None for each in copied}


def taking_part(ticket_id: UUID, cc: Collection[str], people: Mapping[str, UUID | None]) -> set[tuple[UUID, UUID]]:
    """Ticket and customer, of each who takes part from a copy on."""
    return {(ticket_id, customer_id) for address in cc if (customer_id := people[address]) is not None}


def replied(
    ticket: Ticket,
    text: str,
    lifecycle: Lifecycle,
    *,
    html: str | None,
    cc: Collection[str] = (),
    attachments: Sequence[AttachmentRef] = (),
    actor: Actor,
    role: str,
    status: TicketStatus | None,
    now: datetime,
    id_: UUID | None = None,
) -> tuple[Message, Ticket]:
    """An agent's reply, and the ticket after it.

    Raises Conflict (`invalid-transition`, `ticket-closed`), Forbidden (`way-closed`), Unprocessable (`fields-missing`,
    `copies-need-mail`).
    """
    channel = reply_channel(ticket)
    if cc and channel is not Channel.EMAIL:
        raise Unprocessable(
            f"This reply goes by {channel}, and copies go by mail. Leave out `cc`.", slug="copies-need-mail"
        )
    requester = identity("email", ticket.requester.email or "").address
    message = replace(
        new_message(ticket, MessageKind.REPLY, actor, text, now, channel=channel, attachments=attachments),
        id=id_ or uuid7(),
        html=html,
        cc=tuple(sorted(address for address in cc if address != requester)),
        first_reply=ticket.first_reply_at is None,
        delivery_state="queued" if channel is Channel.EMAIL else "available",
    )
    with rules_as_problems():
        after = with_reply(ticket, message, status)
        require_move(ticket, after, lifecycle, role=role)
    return message, after


async def add_note(
    session: AsyncSession,
    ticket_id: UUID,
    text: str,
    *,
    attachments: Sequence[AttachmentRef] = (),
    actor: Actor,
    mentions: Collection[UUID] = (),
    seen: Seen,
    now: datetime,
) -> UUID:
    """Add an internal note; it changes nothing else and never leaves the desk. Returns the message's id.

    Agents whom it mentions follow the ticket from then on. Raises NotFound, Conflict (`stale-thread`), Unprocessable.
    """
    ticket = await locked(session, ticket_id)
    forced_from = await check_thread(session, ticket, seen, kind=MessageKind.NOTE, now=now)
    followers = FollowerRepository(session)
    named = await followers.active_agents(mentions)
    if unknown := sorted(set(mentions) - named.keys()):
        raise Unprocessable(
            "Only active agents can be mentioned.", slug="not-an-agent", account_ids=[str(id_) for id_ in unknown]
        )
    message = replace(
        new_message(ticket, MessageKind.NOTE, actor, text, now, attachments=attachments),
        mentions=tuple(Mention(id_, named[id_].name) for id_ in dict.fromkeys(mentions)),
    )
    journal = Journal(session)
    journal.change(
        ticket,
        with_message(ticket, message),
        actor=actor,
        cause="note",
        at=now,
        message=message,
        remarks=sent_anyway(forced_from, ticket.message_count),
    )
    await journal.write()
    if await followers.add(ticket.id, named, now):
        await tell_followers(session, ticket.id, now)
    await tell_mentioned(session, ticket, message, now)
    await DraftRepository(session).sent(ticket.id, UUID(actor.id), MessageKind.NOTE)
    return message.id


async def check_thread(
    session: AsyncSession, ticket: Ticket, seen: Seen, *, kind: MessageKind, now: datetime
) -> int | None:
    """Raises Conflict if the thread has messages that the writer has not seen, and Unprocessable for one that is ahead.

    A reply that is about to leave counts for those who write another. Returns the version that was seen, if more came
    since and the writer goes on in spite of it. A key that may write and not read is told that more came, and not what.
    """
    if seen.version is None:
        return None
    current = thread_version(ticket, kind)
    if seen.version > current:
        raise Unprocessable(f"The thread has {current} messages, not {seen.version}.", slug="unknown-thread-version")
    leaving = (
        await ScheduledRepository(session).waiting(ticket.id, until=now + LEAVING) if kind is MessageKind.REPLY else []
    )
    if current == seen.version and not leaving:
        return None
    if seen.force:
        return seen.version
    caller = caller_of(session)
    told = {}
    if caller is None or caller.may("ticket.read"):
        missed = await MessageRepository(session).latest(
            ticket.id, min(current - seen.version, _TOLD_MESSAGES), public_only=kind is MessageKind.CUSTOMER
        )
        told = _told(missed, leaving)
    raise Conflict(
        "The thread has moved on since you read it. Read what came, or send with `force`.",
        slug="stale-thread",
        title="New messages in the thread",
        thread_version=current,
        **told,
    )


def _told(missed: Sequence[AnyRow], leaving: Sequence[Scheduled]) -> dict[str, list[dict[str, Any]]]:
    return {
        "messages": [
            {
                "id": str(row.id),
                "kind": row.kind,
                "author": {"kind": row.author_kind, "name": row.author_name},
                "added_at": row.added_at.isoformat(),
                "text": row.text,
            }
            for row in missed
        ],
        "leaving": [
            {
                "id": str(one.id),
                "author": {"kind": ActorKind.AGENT, "name": one.author_name},
                "release_at": one.release_at.isoformat(),
                "text": one.text,
            }
            for one in leaving
        ],
    }


def thread_version(ticket: Ticket, kind: MessageKind) -> int:
    """How many messages those who write messages of this kind see."""
    return ticket.public_message_count if kind is MessageKind.CUSTOMER else ticket.message_count


def sent_anyway(forced_from: int | None, current: int) -> Mapping[str, FieldChange]:
    """What the history says of a message that was written in spite of what came since its writer had read."""
    return {} if forced_from is None else {"sent_anyway": FieldChange(before=forced_from, after=current)}


def as_actor(requester: Requester) -> Actor:
    """The customer as the one who writes."""
    return Actor(kind=ActorKind.CUSTOMER, id=str(requester.customer_id), name=requester.name)


def new_message(
    ticket: Ticket,
    kind: MessageKind,
    author: Actor,
    text: str,
    now: datetime,
    *,
    channel: Channel | None = None,
    attachments: Sequence[AttachmentRef] = (),
) -> Message:
    """A message that is written now; by default it is of the ticket's channel."""
    return Message(
        id=uuid7(),
        ticket_id=ticket.id,
        kind=kind,
        author=author,
        text=text,
        channel=channel or ticket.channel,
        added_at=now,
        attachments=tuple(attachments),
    )


def _kind_of_reply(own: UUID | None) -> MessageKind:
    return MessageKind.REPLY if own is None else MessageKind.CUSTOMER
