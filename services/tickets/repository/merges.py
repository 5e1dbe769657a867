"""What was merged into what, and what was split off."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.merges import Standing
from services.tickets.domain.reviews import Review, ReviewReason
from services.tickets.models import (
    customer_merge_tickets,
    customer_merges,
    customers,
    merges,
    messages,
    participants,
    splits,
    tickets,
)
from services.tickets.repository.rows import AnyRow, insert_rows
from shared.events.common import TicketStatus
from shared.events.tickets import MessageKind
from shared.ids import uuid7

_target = tickets.alias("target")
# Of the ticket that a statement is about: whether it was merged into one of the same customer.
MERGED_INTO_OWN = (
    select(_target.c.requester_id == tickets.c.requester_id)
    .where(_target.c.id == tickets.c.merged_into)
    .correlate(tickets)
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Merge:
    """One ticket merged into another: how it stood before, and the customers whom it brought into the target."""

    source_id: UUID
    target_id: UUID
    at: datetime
    by_id: UUID
    by_name: str
    before: Standing
    brought: tuple[UUID, ...]


class MergeRepository:
    """Merges and splits."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, new: Sequence[Merge], aside: Mapping[UUID, bool]) -> None:
        """Note merges into one target and let the customers take part there, those in `aside` as it says."""
        rows = [
            {
                "id": uuid7(),
                "source_id": merge.source_id,
                "target_id": merge.target_id,
                "at": merge.at,
                "by_id": merge.by_id,
                "by_name": merge.by_name,
                "status": merge.before.status,
                "status_key": merge.before.status_key,
                "solved_at": merge.before.solved_at,
                "snoozed_until": merge.before.snoozed_until,
                "review_of": merge.before.review.ticket_id if merge.before.review else None,
                "review_reason": merge.before.review.reason if merge.before.review else None,
                "participants": merge.brought,
            }
            for merge in new
        ]
        await insert_rows(self.session, merges, rows)
        brought = [
            {"ticket_id": merge.target_id, "customer_id": id_, "aside": aside[id_]}
            for merge in new
            for id_ in merge.brought
        ]
        # Who is there already stays; a merge of customers may have put them there just now.
        await insert_rows(self.session, participants, brought, skip_existing=True)

    async def taking_part(self, ticket_ids: Collection[UUID]) -> dict[tuple[UUID, UUID], bool]:
        """The (ticket, customer) pairs of these tickets as they are kept, each with whether they take part aside."""
        query = select(participants).where(participants.c.ticket_id.in_(ticket_ids))
        return {(row.ticket_id, row.customer_id): row.aside for row in await self.session.execute(query)}

    async def brought(self, target_id: UUID) -> set[UUID]:
        """The customers who take part in a ticket because of what is merged into it."""
        query = select(func.unnest(merges.c.participants)).where(
            merges.c.target_id == target_id, merges.c.undone_at.is_(None)
        )
        return set((await self.session.execute(query)).scalars())

    async def count(self, ticket_ids: Collection[UUID]) -> int:
        """How many tickets are merged into these, directly or one through the other."""
        tree = select(tickets.c.id).where(tickets.c.merged_into.in_(ticket_ids)).cte("tree", recursive=True)
        tree = tree.union(select(tickets.c.id).join(tree, tickets.c.merged_into == tree.c.id))
        return (await self.session.execute(select(func.count()).select_from(tree))).scalar_one()

    async def standing(self, source_id: UUID, target_id: UUID) -> Standing | None:
        """How a ticket stood before it was merged into that other one; None if it is not."""
        query = select(merges).where(
            merges.c.source_id == source_id, merges.c.target_id == target_id, merges.c.undone_at.is_(None)
        )
        row = (await self.session.execute(query)).one_or_none()
        if row is None:
            return None
        review = Review(row.review_of, ReviewReason(row.review_reason)) if row.review_reason else None
        return Standing(TicketStatus(row.status), row.status_key, row.solved_at, row.snoozed_until, review)

    async def undo(self, source_id: UUID, now: datetime) -> None:
        """End a merge; the customers whom it brought leave the target.

        Unless they have written there since, or came with something else that is merged into it too. Those who became
        part of another customer since are that one, who stays where it was before, but by another such merge.
        """
        await self.session.execute(
            text(f"""
                WITH RECURSIVE brought AS (
                    SELECT c.id AS was, c.id, c.merged_into FROM {merges.fullname} AS u
                    JOIN {customers.fullname} AS c ON c.id = ANY(u.participants)
                    WHERE u.source_id = :source AND u.undone_at IS NULL
                    UNION SELECT b.was, c.id, c.merged_into
                    FROM brought AS b JOIN {customers.fullname} AS c ON c.id = b.merged_into
                )
                DELETE FROM {participants.fullname} AS p
                USING {merges.fullname} AS u
                WHERE u.source_id = :source AND u.undone_at IS NULL
                  AND p.ticket_id = u.target_id AND p.customer_id IN (SELECT id FROM brought)
                  AND NOT EXISTS (
                      SELECT FROM {messages.fullname} AS m
                      JOIN brought AS w ON m.author_id = CAST(w.id AS text)
                      JOIN brought AS b ON b.was = w.was AND b.id = p.customer_id
                      WHERE m.ticket_id = p.ticket_id AND m.author_kind = 'customer')
                  AND NOT EXISTS (
                      SELECT FROM brought AS b
                      JOIN {customer_merges.fullname} AS c ON c.customer_id = b.id AND c.undone_at IS NULL
                      JOIN {customer_merge_tickets.fullname} AS n ON n.merge_id = c.id
                      WHERE c.into_id = p.customer_id AND n.ticket_id = p.ticket_id AND n.joint
                        AND NOT EXISTS (
                            SELECT FROM {merges.fullname} AS o
                            WHERE o.target_id = u.target_id AND p.customer_id = ANY(o.participants)))
                  AND NOT EXISTS (
                      SELECT FROM {merges.fullname} AS o
                      JOIN {participants.fullname} AS op ON op.ticket_id = o.source_id
                      WHERE o.target_id = u.target_id AND o.undone_at IS NULL AND o.id <> u.id
                        AND op.customer_id = p.customer_id)"""),
            {"source": source_id},
        )
        ended = update(merges).where(merges.c.source_id == source_id, merges.c.undone_at.is_(None))
        await self.session.execute(ended.values(undone_at=now))

    async def page(self, target_id: UUID, *, before: UUID | None, limit: int) -> Sequence[AnyRow]:
        """What was merged into a ticket, undone or not, the newest first."""
        query = (
            select(
                merges,
                tickets.c.number,
                tickets.c.subject,
                tickets.c.requester_id,
                customers.c.name.label("requester_name"),
            )
            .join_from(merges, tickets, tickets.c.id == merges.c.source_id)
            .join(customers, customers.c.id == tickets.c.requester_id)
            .where(merges.c.target_id == target_id)
        )
        if before is not None:
            query = query.where(merges.c.id < before)
        return (await self.session.execute(query.order_by(merges.c.id.desc()).limit(limit))).all()

    async def sources(self, ticket_id: UUID, *, requester_id: UUID | None = None) -> Sequence[AnyRow]:
        """All tickets merged into one, directly or one through the other; with `requester_id`, that customer's alone.

        Each with `id`, `number`, `subject`, and the ticket it was merged into.
        """
        place = (tickets.c.id, tickets.c.merged_into, tickets.c.number, tickets.c.subject, tickets.c.requester_id)
        tree = select(*place).where(tickets.c.merged_into == ticket_id).cte("tree", recursive=True)
        above = tree.alias("above")
        tree = tree.union(select(*place).join(above, tickets.c.merged_into == above.c.id))
        query = select(tree).order_by(tree.c.number)
        if requester_id is not None:
            query = query.where(tree.c.requester_id == requester_id)
        return (await self.session.execute(query)).all()

    async def split_off(self, message_ids: Collection[UUID]) -> dict[UUID, UUID]:
        """The tickets into which those of the messages were split that were."""
        query = select(splits.c.message_id, splits.c.ticket_id).where(splits.c.message_id.in_(message_ids))
        return {row.message_id: row.ticket_id for row in await self.session.execute(query)}

    async def add_splits(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Note which messages were split off: `message_id`, `copy_id`, `ticket_id`."""
        await insert_rows(self.session, splits, rows)

    async def message(self, ticket_id: UUID, message_id: UUID) -> AnyRow | None:
        """A message of the ticket."""
        query = select(messages).where(messages.c.id == message_id, messages.c.ticket_id == ticket_id)
        return (await self.session.execute(query)).one_or_none()

    async def later(self, message: AnyRow, customer_id: UUID, *, limit: int) -> Sequence[AnyRow]:
        """What a customer, and who became part of them, wrote into a message's thread after it, in order."""
        who = select(customers.c.id).where(customers.c.id == customer_id).cte("who", recursive=True)
        who = who.union(select(customers.c.id).join(who, customers.c.merged_into == who.c.id))
        query = select(messages).where(
            messages.c.ticket_id == message.ticket_id,
            messages.c.position > message.position,
            messages.c.author_kind == message.author_kind,
            messages.c.author_id.in_(select(cast(who.c.id, Text))),
            messages.c.kind.in_([MessageKind.CUSTOMER, MessageKind.SYSTEM]),
        )
        return (await self.session.execute(query.order_by(messages.c.position).limit(limit))).all()
