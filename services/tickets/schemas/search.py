"""Shapes of what a search finds."""

from collections.abc import Iterable, Iterator
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.tickets.schemas.tickets import TicketRow
from shared.web import Page
from shared.words import Sought

# Of a message, what stands around the first hit.
_BEFORE, _AFTER = 60, 180


class Piece(BaseModel):
    """A part of a text, and whether it is what was searched for. The pieces together are the text."""

    text: str
    found: bool


class Excerpt(BaseModel):
    """The newest message with a hit, around it."""

    message_id: UUID
    pieces: list[Piece]


class FoundTicket(BaseModel):
    """A ticket that was found, and where: in the subject, in a message; or by its fields alone, without an excerpt."""

    ticket: TicketRow
    subject: list[Piece]
    excerpt: Excerpt | None

    @classmethod
    def of(cls, ticket: TicketRow, messages: Iterable[Any], wanted: Sought) -> Self:
        """A ticket with its messages, the newest first, and what was asked for."""
        return cls(
            ticket=ticket,
            subject=list(_pieces(ticket.subject, wanted.places(ticket.subject))),
            excerpt=next(_excerpts(messages, wanted), None),
        )


class Correction(BaseModel):
    """A word that found nothing, and those that were searched for instead or beside it, the likeliest first."""

    written: str
    searched: list[str]


class FoundPage(Page[FoundTicket]):
    """One page of hits. `corrected` is empty where the search was answered as it was asked."""

    corrected: list[Correction] = Field(default_factory=list)


def _excerpts(messages: Iterable[Any], wanted: Sought) -> Iterator[Excerpt]:
    for message in messages:
        if found := wanted.places(message.text, within=_AFTER):
            start, end = max(0, found[0][0] - _BEFORE), found[0][1] + _AFTER
            around = [(max(one, start) - start, min(other, end) - start) for one, other in found if one < end]
            yield Excerpt(message_id=message.id, pieces=list(_pieces(message.text[start:end], around)))


def _pieces(text: str, found: Iterable[tuple[int, int]]) -> Iterator[Piece]:
    last = 0
    for start, end in found:
        if last < start:
            yield Piece(text=text[last:start], found=False)
        yield Piece(text=text[start:end], found=True)
        last = end
    if last < len(text):
        yield Piece(text=text[last:], found=False)
