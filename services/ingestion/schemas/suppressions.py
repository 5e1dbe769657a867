"""Shapes of addresses that nobody writes to."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Row

from services.ingestion.domain.addresses import MAX_ADDRESS_CHARS, normalise_address
from services.ingestion.domain.text import clean_line

MAX_NOTE_CHARS = 300


def _address(text: str) -> str:
    normalised = normalise_address(text)
    if normalised is None:
        raise ValueError("is not an e-mail address")
    return normalised


def _storable(moment: datetime) -> datetime:
    """The same moment in UTC, in which the last hours of the year 9999 may be none."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is too far away; leave it out for good") from None


Address = Annotated[str, Field(min_length=3, max_length=MAX_ADDRESS_CHARS), AfterValidator(_address)]


class NewSuppression(BaseModel):
    """An address to leave alone, until `expires_at` or for good."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"address": "ana@example.com", "note": "asked by phone"}]},
    )

    address: Address
    note: Annotated[
        str, Field(max_length=MAX_NOTE_CHARS), AfterValidator(lambda text: clean_line(text, MAX_NOTE_CHARS))
    ] = ""
    expires_at: Annotated[AwareDatetime, AfterValidator(_storable)] | None = None


class Suppression(BaseModel):
    """An address that nobody writes to until `expires_at`, or for good where that is null.

    `reason` is `bounce` (there is no such address, or for a while it took no mail), `complaint` (what came was called
    unwelcome) or `manual`; `detail` is what the far end or somebody here said. `message_id` is the message that brought
    it about, `added_by` the account that wrote it down.
    """

    id: UUID
    address: str
    reason: Literal["bounce", "complaint", "manual"]
    detail: str
    message_id: UUID | None
    added_by: UUID | None
    added_at: AwareDatetime
    expires_at: AwareDatetime | None

    @classmethod
    def of(cls, row: Row[Any]) -> "Suppression":
        """The shape of a row."""
        return cls.model_validate(dict(row._mapping))  # noqa: SLF001 - public by its documentation
