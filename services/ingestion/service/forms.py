"""Use cases: what visitors send without an account: a new request by the form, a reply by the link of a ticket."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.files import safe_file_name
from services.ingestion.domain.forms import (
    MAX_BY_ADDRESS,
    MAX_BY_LINK,
    WINDOW,
    Filled,
    wait_for_bytes,
    wait_for_writes,
)
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


class TooMuch(Exception):
    """Somebody sends more than a person does within an hour; after `wait` this may be sent."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"wait for {wait}")
        self.wait = wait


class TooManyMessages(TooMuch):
    """Too many messages by one address, or by one link."""


class TooManyBytes(TooMuch):
    """Too much in files by one caller."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody chose, which is not stored yet."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as a visitor sent it, its files not stored yet.

    `writer` is a digest of who wrote it, who may send `most` within an hour.
    """

    origin: str
    dedupe_key: str
    message: MessageReceived
    writer: str
    most: int


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


def draft_request(
    form: PublicForm, filled: Filled, pass_: FormPass, uploads: Sequence[Upload], *, language: str, now: datetime
) -> Draft:
    """What a visitor filled in. Nobody vouches for the address: anybody could have typed it."""
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
        evidence=ThreadingEvidence(authentication=Authentication.NONE),
        form=FilledForm(key=form.key, values=dict(filled.fields)),
    )
    return _draft(FORM, pass_, message, uploads, writer=filled.email, most=MAX_BY_ADDRESS)


def draft_reply(link: PortalLink, text: str, pass_: FormPass, uploads: Sequence[Upload], *, now: datetime) -> Draft:
    """What the holder of a link wrote: the next message of that conversation."""
    message = MessageReceived(
        message_id=uuid7(),
        conversation_id=link.conversation_id,
        channel=Channel.FORM,
        received_at=now,
        sender=Sender(kind="email", address=link.address),
        subject="",
        text=text,
        evidence=ThreadingEvidence(
            token_conversation_id=link.conversation_id,
            # Who has a link that was mailed reads the mail of that address.
            authentication=Authentication.PASS if link.mailed else Authentication.NONE,
        ),
    )
    return _draft(PORTAL, pass_, message, uploads, writer=str(link.conversation_id), most=MAX_BY_LINK)


def _draft(
    origin: str, pass_: FormPass, message: MessageReceived, uploads: Sequence[Upload], *, writer: str, most: int
) -> Draft:
    key = f"{pass_.id.hex}:{_digest(message, uploads)}"
    return Draft(origin, key, message, hashlib.sha256(f"{origin}\n{writer}".encode()).hexdigest(), most)


def _digest(message: MessageReceived, uploads: Sequence[Upload]) -> str:
    """Of what somebody wrote: a page that was sent, changed and sent again is another message."""
    written = message.model_dump(
        mode="json", include={"sender": {"address", "name"}, "subject": True, "text": True, "form": True}
    )
    files = [(safe_file_name(each.name), each.size_bytes) for each in uploads]
    return hashlib.sha256(json.dumps([written, files], sort_keys=True).encode()).hexdigest()


async def make_room(
    session: AsyncSession, draft: Draft, uploads: Sequence[Upload], *, caller: str, now: datetime
) -> Receipt | None:
    """Ask the limits before anything is stored; the receipt where the same page was sent before.

    The files count from now on, whatever becomes of them. Raises TooManyMessages and TooManyBytes.
    """
    counted = FormRepository(session)
    known = await InboundRepository(session).known([(draft.origin, draft.dedupe_key)])
    if known:
        return known[draft.origin, draft.dedupe_key]
    _require_turn(await counted.writes(draft.writer, since=now - WINDOW), draft, now)
    asked = sum(each.size_bytes for each in uploads)
    if asked:
        digest = hashlib.sha256(f"caller\n{caller}".encode()).hexdigest()
        await counted.lock(digest)
        wait = wait_for_bytes(await counted.uploads(digest, since=now - WINDOW), asked, now=now)
        if wait is not None:
            raise TooManyBytes(wait)
        await counted.add_upload(digest, asked, now=now)
    return None


def _require_turn(written: Sequence[datetime], draft: Draft, now: datetime) -> None:
    wait = wait_for_writes(written, most=draft.most, now=now)
    if wait is not None:
        raise TooManyMessages(wait)


async def take(session: AsyncSession, draft: Draft, files: Sequence[AttachmentRef], *, now: datetime) -> Taken:
    """Store what a visitor sent, and announce it. The same page sent again is the same message.

    Raises TooManyMessages where others came meanwhile by the same address or link.
    """
    inbound, counted = InboundRepository(session), FormRepository(session)
    identity = (draft.origin, draft.dedupe_key)
    if known := await inbound.known([identity]):
        return Taken(known[identity], is_new=False)
    await counted.lock(draft.writer)
    _require_turn(await counted.writes(draft.writer, since=now - WINDOW), draft, now)
    message = draft.message.model_copy(update={"attachments": tuple(files)})
    row = NewMessage(
        id=message.message_id,
        origin=draft.origin,
        dedupe_key=draft.dedupe_key,
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
    await counted.add_write(message.message_id, draft.writer, now=now)
    await AttachmentRepository(session).add(
        [(file, message.message_id) for file in message.attachments], owner=draft.origin, now=now
    )
    outbox.record(session, message, aggregate_id=message.conversation_id, time=now)
    return Taken(Receipt(message.message_id, now), is_new=True)


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
    """Forget who sent and stored what once it counts no more; returns how many, at most a batch of each."""
    return await FormRepository(session).forget(before=now - WINDOW, limit=_FORGET_ROWS)
