"""Use cases: messages handed in as data, by HTTP or by event."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.cloudevents import MESSAGE_TYPE, CloudEvent, readable, subject_of
from services.ingestion.domain.messages import (
    MAX_EVENT_TEXT_BYTES,
    MAX_TEXT_CHARS,
    IncomingMessage,
    IncomingSender,
    Receipt,
    Submission,
    bounded_key,
    thread_conversation,
)
from services.ingestion.domain.text import clean_line, clean_text, truncate_utf8
from services.ingestion.repository.attachments import AttachmentRepository
from services.ingestion.repository.inbound import InboundRepository, NewMessage
from shared.events.common import AttachmentRef, Channel
from shared.events.messages import Authentication, MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from shared.messaging import outbox
from shared.objects import ObjectStore, new_key
from shared.web.problem import Unprocessable

_WRITES_AT_ONCE = 8


async def receive_messages(
    session: AsyncSession, origin: str, messages: Sequence[IncomingMessage], objects: ObjectStore, now: datetime
) -> list[Receipt]:
    """Store messages and announce them; returns one receipt for each, in order.

    `origin` is who hands them in, already authenticated. A message whose `external_id` is known from there gets the
    receipt of the first one. Raises Unprocessable, naming the index, for attachments that are not the origin's.
    """
    submissions = [Submission(origin, message.external_id, origin, message) for message in messages]
    return await _receive(session, submissions, objects, now)


async def receive_cloudevents(
    session: AsyncSession, account: str | None, events: Sequence[CloudEvent], objects: ObjectStore, now: datetime
) -> list[Receipt]:
    """Store events from other systems as messages; returns one receipt for each, in order.

    `source` and `id` of an event are its identity, whichever door it comes through (CloudEvents 1.0.2, section 3.1.1).
    An event of type `desk.message.v1` has the contract of the messages API as its data; any other becomes a message
    that shows its data. `account` owns the attachments that may be named; None for a door without accounts.
    Raises Unprocessable, naming the index, when data does not fit that contract.
    """
    submissions = [
        Submission(f"event:{event.source}", bounded_key(event.id), account, _message_of(event, index))
        for index, event in enumerate(events)
    ]
    return await _receive(session, submissions, objects, now)


def _message_of(event: CloudEvent, index: int) -> IncomingMessage:
    if event.type == MESSAGE_TYPE:
        try:
            return IncomingMessage.model_validate(event.data)
        except ValidationError as error:
            errors = [
                {"loc": [index, "data", *each["loc"]], "msg": each["msg"], "type": each["type"]}
                for each in error.errors(include_url=False, include_context=False, include_input=False)
            ]
            raise Unprocessable(f"Event {index} has no valid message.", slug="validation", errors=errors) from error
    handle = clean_line(event.source, 250)
    return IncomingMessage(
        channel=Channel.EVENT,
        sender=IncomingSender(kind="handle", address=handle, name=handle),
        subject=clean_line(subject_of(event), 500),
        text=clean_text(readable(event.data))[:MAX_TEXT_CHARS] or event.type,
        external_id=clean_line(event.id, 250) or None,
        thread_key=clean_line(event.subject, 250) or None if event.subject else None,
    )


async def _receive(
    session: AsyncSession, submissions: Sequence[Submission], objects: ObjectStore, now: datetime
) -> list[Receipt]:
    """Store a batch with a handful of statements, whatever its size."""
    inbound = InboundRepository(session)
    files = await _files(session, submissions)
    receipts: list[Receipt] = []
    fresh: dict[UUID, tuple[Submission, NewMessage]] = {}
    first: dict[tuple[str, str], Receipt] = {}
    for submission in submissions:
        if submission.identity in first:
            receipts.append(first[submission.identity])
            continue
        receipt = Receipt(uuid7(), now)
        receipts.append(receipt)
        fresh[receipt.id] = (submission, _row(submission, receipt.id))
        if submission.identity is not None:
            first[submission.identity] = receipt
    added = await inbound.add([row for _, row in fresh.values()], received_at=now)
    used: dict[UUID, UUID] = {}
    for message_id, (submission, row) in fresh.items():
        if message_id in added:
            _announce(session, submission.message, row, files, now)
            used |= dict.fromkeys(submission.message.attachment_ids, message_id)
    if used:
        await AttachmentRepository(session).attach(used)
    await _keep_long_texts(objects, [fresh[message_id] for message_id in fresh if message_id in added])
    if len(added) == len(fresh):
        return receipts
    lost = [fresh[message_id][0] for message_id in fresh if message_id not in added]
    first |= await inbound.known([submission.identity for submission in lost if submission.identity is not None])
    return [
        receipt if submission.identity is None else first[submission.identity]
        for receipt, submission in zip(receipts, submissions, strict=True)
    ]


async def _keep_long_texts(objects: ObjectStore, added: Sequence[tuple[Submission, NewMessage]]) -> None:
    """Put the texts that do not fit into an event into the store, a few at a time: the transaction is waiting.

    Only those of messages that were new, so that a repetition leaves nothing behind.
    """
    slots = asyncio.Semaphore(_WRITES_AT_ONCE)

    async def keep(text: str, key: str) -> None:
        async with slots:
            await objects.put(text.encode(), key=key)

    try:
        async with asyncio.TaskGroup() as group:
            for submission, row in added:
                if row.raw_key is not None:
                    group.create_task(keep(submission.message.text, row.raw_key))
    except ExceptionGroup as failures:
        # As a group nobody would know a store that is full or away for what it is.
        raise failures.exceptions[0] from failures


def _row(submission: Submission, message_id: UUID) -> NewMessage:
    message = submission.message
    text = truncate_utf8(message.text, MAX_EVENT_TEXT_BYTES)
    conversation_id = (
        thread_conversation(submission.origin, message.channel, message.brand, message.thread_key)
        if message.thread_key
        else uuid7()
    )
    return NewMessage(
        id=message_id,
        origin=submission.origin,
        dedupe_key=submission.dedupe_key,
        channel=message.channel,
        status="accepted",
        conversation_id=conversation_id,
        sender=message.sender.model_dump(mode="json"),
        subject=message.subject,
        text=text,
        external_id=message.external_id,
        raw_key=new_key() if text != message.text else None,
        size_bytes=len(message.text.encode()),
    )


async def _files(session: AsyncSession, submissions: Sequence[Submission]) -> dict[UUID, AttachmentRef]:
    wanted = {
        (submission.owner, each)
        for submission in submissions
        for each in submission.message.attachment_ids
        if submission.owner is not None
    }
    files = await AttachmentRepository(session).owned(wanted) if wanted else {}
    for index, submission in enumerate(submissions):
        if missing := [each for each in submission.message.attachment_ids if each not in files]:
            errors = [
                {"loc": [index, "attachment_ids"], "msg": f"there is no attachment {missing[0]}", "type": "unknown"}
            ]
            raise Unprocessable("An attachment is not there.", slug="validation", errors=errors)
    return files


def _announce(
    session: AsyncSession,
    message: IncomingMessage,
    row: NewMessage,
    files: Mapping[UUID, AttachmentRef],
    now: datetime,
) -> None:
    assert row.conversation_id is not None
    data = MessageReceived(
        message_id=row.id,
        conversation_id=row.conversation_id,
        channel=message.channel,
        received_at=now,
        sender=Sender(**message.sender.model_dump()),
        subject=row.subject,
        text=row.text,
        text_truncated=row.raw_key is not None,
        raw_key=row.raw_key,
        external_id=message.external_id,
        language=message.language,
        priority=message.priority,
        ticket_type=message.type,
        tags=message.tags,
        brand=message.brand,
        attachments=tuple(files[each] for each in message.attachment_ids),
        evidence=ThreadingEvidence(
            # The caller's credentials vouch for the sender, and for who is in the channel's own thread.
            token_conversation_id=row.conversation_id if message.thread_key else None,
            authentication=Authentication.PASS,
        ),
    )
    outbox.record(session, data, aggregate_id=row.conversation_id, time=now)
