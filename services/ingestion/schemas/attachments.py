"""Shapes of files."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.ingestion.domain.files import IMAGES, FilePolicy, KeptFile

MAX_LINK_SECONDS = 30 * 24 * 3600


class Attachment(BaseModel):
    """A file, with the name and type it is served under.

    `scan` is `clean`, `infected` (`found` names it), `pending` until a virus scanner has looked, `unscannable` where it
    cannot, and `unscanned` where there is no scanner. `withheld` is why nobody gets the file now: `infected`,
    `pending`, `unscannable`, `blocked` (by its name or type), `too_many` or `too_large` (with its mail's other files).
    """

    id: UUID
    name: str
    content_type: str
    size_bytes: int
    url: str
    thumbnail_url: str | None
    scan: Literal["unscanned", "pending", "clean", "infected", "unscannable"]
    found: str | None
    withheld: Literal["infected", "pending", "unscannable", "blocked", "too_many", "too_large"] | None

    @classmethod
    def of(cls, file: KeptFile, policy: FilePolicy) -> Self:
        """The shape of a kept file."""
        path = f"/api/attachments/{file.id}"
        return cls.model_validate(
            {
                "id": file.id,
                "name": file.name,
                "content_type": file.content_type,
                "size_bytes": file.size_bytes,
                "url": path,
                "thumbnail_url": f"{path}/thumbnail" if file.content_type in IMAGES else None,
                "scan": policy.scan_state(file.scan),
                "found": file.found,
                "withheld": policy.withheld(file),
            }
        )


class LinkBody(BaseModel):
    """How long a link is to hold, at least; it may be an hour more."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"lasts_seconds": 7 * 24 * 3600}]}
    )

    lasts_seconds: int = Field(default=7 * 24 * 3600, ge=60, le=MAX_LINK_SECONDS)


class FileLink(BaseModel):
    """An address by which anybody gets a file until `expires_at`, without signing in."""

    url: str
    expires_at: datetime
