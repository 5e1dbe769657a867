"""What an operator does with held events: list, show, replay, discard. Every settlement keeps who did it and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.db import Database
from shared.failures import describe, is_transient
from shared.messaging.envelope import decode
from shared.messaging.handlers import Handlers
from shared.messaging.inbox import Inbox, held_record


class DeadLetterError(Exception):
    """The dead letter cannot be settled; the message says why and what to do first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one dead letter: `replayed`, `would replay`, `discarded` or `failed` with its error."""

    id: int
    result: str
    error: str | None = None


async def held(session: AsyncSession, schema: str, *, after: int = 0, limit: int = 100) -> Sequence[Any]:
    """Held rows with an id above `after`, oldest first, without their payloads."""
    result = await session.execute(
        text(f"""SELECT id, consumer, reason, topic, topic_partition, topic_offset, event_id, type, source,
                        aggregate_id, aggregate_version, error, created_at, length(value) AS size_bytes
                 FROM {schema}.dead_letters WHERE state = 'held' AND id > :after ORDER BY id LIMIT :limit"""),
        {"after": after, "limit": limit},
    )
    return result.all()


async def get(session: AsyncSession, schema: str, dead_letter_id: int, *, lock: bool = False) -> Any:
    """One whole row. Raises DeadLetterError if there is none."""
    result = await session.execute(
        text(f"SELECT * FROM {schema}.dead_letters WHERE id = :id" + (" FOR UPDATE" if lock else "")),
        {"id": dead_letter_id},
    )
    row = result.one_or_none()
    if row is None:
        raise DeadLetterError(f"{schema} has no dead letter {dead_letter_id}; `desk deadletters list` shows them")
    return row


async def replay(
    database: Database, handlers: Handlers, dead_letter_id: int, *, by: str, dry_run: bool = False
) -> Outcome:
    """Run the handlers again for one held event; what is parked behind it follows by itself.

    A dry run does the same and rolls back. A failure leaves the row held and is told in the outcome.
    Raises DeadLetterError if the row is settled, if an earlier event of its aggregate is held, or if nothing here
    handles it.
    """
    inbox = Inbox(database, handlers)
    try:
        async with database.transaction() as session:
            row = await _first_of_aggregate(session, database.service, dead_letter_id)
            _require_handler(database.service, handlers, row)
            await inbox.replay(session, row)
            if dry_run:
                raise _RollBack
            await inbox.settle(session, row, state="replayed", by=by)
    except _RollBack:
        return Outcome(dead_letter_id, "would replay")
    except DeadLetterError:
        raise
    except Exception as error:
        if is_transient(error):
            raise
        return Outcome(dead_letter_id, "failed", describe(error))
    if not dry_run:
        await inbox.release()
    return Outcome(dead_letter_id, "replayed")


async def discard(database: Database, handlers: Handlers, dead_letter_id: int, *, by: str) -> Outcome:
    """Give up one held event, and let what is parked behind it go on.

    Raises DeadLetterError if the row is settled, or if an earlier event of its aggregate is held.
    """
    inbox = Inbox(database, handlers)
    async with database.transaction() as session:
        row = await _first_of_aggregate(session, database.service, dead_letter_id)
        await inbox.settle(session, row, state="discarded", by=by)
    await inbox.release()
    return Outcome(dead_letter_id, "discarded")


class _RollBack(Exception):
    pass


def _require_handler(schema: str, handlers: Handlers, row: Any) -> None:
    # `Inbox.replay` passes over what nothing handles, as it must where such an event was parked.
    record = held_record(row)
    if record.topic in handlers.by_topic or (type_ := decode(record).type) in handlers.by_type:
        return
    raise DeadLetterError(
        f"{schema} does not handle {type_} (any more), so replaying it would do nothing: "
        f"`desk deadletters discard {schema} {row.id}` gives it up, and what waits behind it goes on"
    )


async def _first_of_aggregate(session: AsyncSession, schema: str, dead_letter_id: int) -> Any:
    row = await get(session, schema, dead_letter_id, lock=True)
    if row.state != "held":
        raise DeadLetterError(f"dead letter {row.id} was {row.state} by {row.settled_by} at {row.settled_at:%F %T}")
    earlier = await session.scalar(
        text(f"""SELECT min(id) FROM {schema}.dead_letters
                 WHERE state = 'held' AND consumer = :consumer AND source = :source AND aggregate_id = :aggregate
                   AND aggregate_version < :version"""),
        {
            "consumer": row.consumer,
            "source": row.source,
            "aggregate": row.aggregate_id,
            "version": row.aggregate_version,
        },
    )
    if earlier is not None:
        raise DeadLetterError(f"dead letter {earlier} is an earlier event of the same aggregate: settle that one first")
    return row
