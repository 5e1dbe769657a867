"""A ticket that is held for review: its first message claims to belong to another one, and nothing proves that."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID


class ReviewReason(StrEnum):
    """Why a message was not let into the ticket that it names."""

    SENDER_MAY_NOT_ANSWER = "sender_may_not_answer"
    SENDER_FAILED_AUTHENTICATION = "sender_failed_authentication"
    SENDER_TAKES_NO_PART = "sender_takes_no_part"
    SENDER_UNPROVEN = "sender_unproven"


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody has to look at: whether the ticket is part of `ticket_id`, and why that was not settled by rules.

    It begins when the ticket is opened, and ends with a person's decision.
    """

    ticket_id: UUID
    reason: ReviewReason


_WHY: Mapping[ReviewReason, str] = MappingProxyType(
    {
        ReviewReason.SENDER_MAY_NOT_ANSWER: "its sender is no agent who may answer it",
        ReviewReason.SENDER_FAILED_AUTHENTICATION: "its sender failed authentication",
        ReviewReason.SENDER_TAKES_NO_PART: "its sender takes no part in it",
        ReviewReason.SENDER_UNPROVEN: "nothing proves who sent it",
    }
)


def explained(reason: ReviewReason, number: int) -> str:
    """For agents: why the first message was kept apart from the ticket of this number; 0 is one without a number."""
    ticket = f"ticket #{number}" if number else "another ticket"
    return f"This message refers to {ticket}, but {_WHY[reason]}."
