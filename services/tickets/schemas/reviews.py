"""Shapes of reviews."""

from enum import StrEnum

from pydantic import ConfigDict

from services.tickets.schemas.values import Closed


class ReviewDecision(StrEnum):
    """What becomes of a ticket that is held for review."""

    JOIN = "join"
    SEPARATE = "separate"


class ReviewBody(Closed):
    """`join` makes it part of the ticket that it claims to belong to; `separate` lets it stand by itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"decision": "join"}]})

    decision: ReviewDecision
