"""What agents have begun to write: kept, and forgotten."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.repository import Draft, DraftRepository, TicketRepository
from shared.web.problem import NotFound, PreconditionFailed, Unprocessable


async def keep(session: AsyncSession, draft: Draft, *, expected_version: int | None) -> None:
    """Keep a draft in the place of the one with the version `expected_version`: 0 for none, None for any.

    Raises NotFound, PreconditionFailed, Unprocessable.
    """
    ticket = await TicketRepository(session).get(draft.ticket_id)
    if ticket is None:
        raise NotFound("There is no such ticket.")
    if draft.thread_version > ticket.message_count:
        raise Unprocessable(
            f"The thread has {ticket.message_count} messages, not {draft.thread_version}.",
            slug="unknown-thread-version",
        )
    repository = DraftRepository(session)
    if not await repository.put(draft, expected=expected_version):
        await _refuse(repository, draft.ticket_id, draft.account_id)


async def discard(session: AsyncSession, ticket_id: UUID, account_id: UUID, *, expected_version: int | None) -> None:
    """Forget a draft that has the version `expected_version`; none is there already. Raises PreconditionFailed."""
    repository = DraftRepository(session)
    if await repository.delete(ticket_id, account_id, expected=expected_version):
        return
    if expected_version:
        await _refuse(repository, ticket_id, account_id)


async def _refuse(repository: DraftRepository, ticket_id: UUID, account_id: UUID) -> None:
    draft = await repository.get(ticket_id, account_id)
    version = draft.version if draft else 0
    raise PreconditionFailed(
        f"The draft is at version {version}: it was sent, or written on from elsewhere. Read it again.", version=version
    )
