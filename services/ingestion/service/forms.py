"""Use cases: what visitors send without an account: a new request by the form, a reply by the link of a ticket."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.forms import MAX_BY_ADDRESS, MAX_BY_LINK, WINDOW, Filled
from services.ingestion.domain.messages import Receipt
from services.ingestion.repository.attachments import AttachmentRepository
from services.ingestion.repository.forms import FORM, PORTAL, FormRepository
from services.ingestion.repository.inbound import InboundRepository, NewMessage
from services.ingestion.repository.notices import NoticeRepository
from shared.events import Event
from shared.events.common import AttachmentRef, Channel
from shared.events.forms import FilledForm, FormsPublished, PublicForm
from shared.events.messages import Authentication, MessageReceived, Sender, ThreadingEvidence
from shared.events.notifications import NotificationKind
from shared.events.tickets import TicketCreated, WithMessage
from shared.ids import uuid7
from shared.messaging import outbox
from shared.portal import FormPass, PortalLink, PortalSeal

_FORGET_ROWS = 5_000
# Where the organisation made no form, or none was told of yet.
PLAIN = PublicForm(key=None)


class TooManyMessages(Exception):
    """Somebody sent more than a person does within an hour."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that is stored. `is_new` says that it was not before: then its files are used."""

    receipt: Receipt
    is_new: bool


async def keep_forms(session: AsyncSession, events: Sequence[Event[FormsPublished]]) -> None:
    """Keep the forms as they are now."""
    await FormRepository(session).replace(events[-1].data.forms)


async def forms(session: AsyncSession) -> Sequence[PublicForm]:
    """The forms there are; never none."""
    return await FormRepository(session).all() or [PLAIN]


async def take_request(
    session: AsyncSession,
    form: PublicForm,
    filled: Filled,
    pass_: FormPass,
    files: Sequence[AttachmentRef],
    *,
    language: str,
    now: datetime,
) -> Taken:
    """Store what a visitor filled in, and announce it. The same page sent again is the same message.

    Nobody vouches for the address: anybody could have typed it. Raises TooManyMessages for one that wrote too often.
    """
    sender = Sender(kind="email", address=filled.email, name=filled.name, language=language)
    message = MessageReceived(
        message_id=uuid7(),
        conversation_id=uuid7(),
        channel=Channel.FORM,
        received_at=now,
        sender=sender,
        subject=filled.subject,
        text=filled.text,
        language=language,
        attachments=tuple(files),
        evidence=ThreadingEvidence(authentication=Authentication.NONE),
        form=FilledForm(key=form.key, values=dict(filled.fields)),
    )
    return await _take(session, FORM, pass_, message, writer=filled.email, most=MAX_BY_ADDRESS, now=now)


async def take_reply(
    session: AsyncSession, link: PortalLink, text: str, pass_: FormPass, files: Sequence[AttachmentRef], now: datetime
) -> Taken:
    """Store what the holder of a link wrote, and announce it as the next message of that conversation.

    Raises TooManyMessages as above.
    """
    message = MessageReceived(
        message_id=uuid7(),
        conversation_id=link.conversation_id,
        channel=Channel.FORM,
        received_at=now,
        sender=Sender(kind="email", address=link.address),
        subject="",
        text=text,
        attachments=tuple(files),
        evidence=ThreadingEvidence(
            token_conversation_id=link.conversation_id,
            # Who has a link that was mailed reads the mail of that address.
            authentication=Authentication.PASS if link.mailed else Authentication.NONE,
        ),
    )
    return await _take(session, PORTAL, pass_, message, writer=str(link.conversation_id), most=MAX_BY_LINK, now=now)


async def _take(
    session: AsyncSession,
    origin: str,
    pass_: FormPass,
    message: MessageReceived,
    *,
    writer: str,
    most: int,
    now: datetime,
) -> Taken:
    inbound, counted = InboundRepository(session), FormRepository(session)
    identity = (origin, f"{pass_.id.hex}:{_digest(message)}")
    if known := await inbound.known([identity]):
        return Taken(known[identity], is_new=False)
    digest = hashlib.sha256(f"{origin}\n{writer}".encode()).hexdigest()
    if await counted.lock_writes(digest, since=now - WINDOW) >= most:
        raise TooManyMessages
    row = NewMessage(
        id=message.message_id,
        origin=origin,
        dedupe_key=identity[1],
        channel=message.channel,
        status="accepted",
        conversation_id=message.conversation_id,
        sender=message.sender.model_dump(mode="json"),
        subject=message.subject,
        text=message.text,
        size_bytes=len(message.text.encode()),
    )
    if not await inbound.add([row], received_at=now):
        return Taken((await inbound.known([identity]))[identity], is_new=False)
    await counted.add_write(message.message_id, digest, now=now)
    await AttachmentRepository(session).add(
        [(file, message.message_id) for file in message.attachments], owner=origin, now=now
    )
    outbox.record(session, message, aggregate_id=message.conversation_id, time=now)
    return Taken(Receipt(message.message_id, now), is_new=True)


def _digest(message: MessageReceived) -> str:
    """Of what somebody wrote: a page that was sent, changed and sent again is another message."""
    written = message.model_dump(
        mode="json", include={"sender": {"address", "name"}, "subject": True, "text": True, "form": True}
    )
    files = [(file.name, file.size_bytes) for file in message.attachments]
    return hashlib.sha256(json.dumps([written, files], sort_keys=True).encode()).hexdigest()


async def acknowledge(
    session: AsyncSession, events: Sequence[Event[WithMessage]], seal: PortalSeal, public_url: str, now: datetime
) -> bool:
    """Tell those who wrote by the form that it came, with the link that proves whose mail it is; whether there are any.

    Nothing of what they wrote is in it: a form that mails strangers what somebody typed is a relay for spam.
    """
    came = {
        each.data.message.id: each.data
        for each in events
        if isinstance(each.data, TicketCreated) and each.data.message.channel is Channel.FORM
    }
    addresses = await FormRepository(session).sent_by_form(came) if came else {}
    rows = []
    for message_id, typed in addresses.items():
        ticket = came[message_id].ticket
        address = normalise_address(typed)
        if address is None or ticket.conversation_id is None:
            continue
        link = seal.link(ticket.id, ticket.conversation_id, address, mailed=True, now=now)
        rows.append(
            {
                "id": message_id,
                "kind": NotificationKind.RECEIVED,
                "state": "queued",
                "address": address,
                "name": "",
                "language": ticket.language,
                "values": {"ticket_number": str(ticket.number), "url": portal_url(public_url, link)},
                "brand": ticket.brand,
                "ticket_id": None,
                "answer_as_note": False,
                "requested_at": now,
                "expires_at": None,
                "reason": None,
            }
        )
    return bool(rows) and await NoticeRepository(session).add(rows, now=now) > 0


def portal_url(public_url: str, link: str) -> str:
    """Where the holder of a link follows their ticket."""
    return f"{public_url.rstrip('/')}/portal/ticket?link={link}"


async def request_of(session: AsyncSession, message_id: UUID) -> tuple[int, UUID, UUID, str] | None:
    """Of a request that has its ticket: number and id of that, its conversation, and the address that was typed in."""
    row = await InboundRepository(session).get(message_id)
    if row is None or row.ticket_id is None or row.conversation_id is None:
        return None
    return row.ticket_number, row.ticket_id, row.conversation_id, row.sender["address"]


async def forget_writes(session: AsyncSession, now: datetime) -> int:
    """Forget who sent what once it counts no more; returns how many, at most a batch."""
    return await FormRepository(session).forget_writes(before=now - WINDOW, limit=_FORGET_ROWS)
