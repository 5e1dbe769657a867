"""What the routes of ingestion have in common: doors, bodies, who hands in."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request

from services.ingestion.admission import Admission
from services.ingestion.domain.messages import Receipt
from services.ingestion.schemas.messages import Accepted
from shared.auth import Principal, requires
from shared.objects import ObjectStore
from shared.web import Problem

BYTES = {"type": "string", "format": "binary"}


class UnsupportedMediaType(Problem):
    """The body is of a type that this route does not read."""

    status, slug, title = 415, "unsupported-media-type", "Unsupported media type"


class ContentTooLarge(Problem):
    """The body is larger than this route takes."""

    status, slug, title = 413, "content-too-large", "Content Too Large"


async def admit(request: Request) -> None:
    """Turn intake away while there is no room (503 with Retry-After)."""
    admission: Admission = request.app.state.admission
    await admission.require()


def objects_of(request: Request) -> ObjectStore:
    """The app's object store."""
    store: ObjectStore = request.app.state.objects
    return store


Objects = Annotated[ObjectStore, Depends(objects_of)]
Ingester = Annotated[Principal, requires("message.ingest")]
Reader = Annotated[Principal, requires("message.read")]


def account_of(principal: Principal) -> str:
    """Who hands things in: the account, so that a renewed API key still finds what the old one brought."""
    return f"account:{principal.account_id}"


def accepted(receipt: Receipt) -> Accepted:
    """What a sender is told of a receipt."""
    return Accepted(id=receipt.id, status_url=f"/api/ingest/messages/{receipt.id}")


def body_schema(schema: dict[str, Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAPI of a body that the route reads by itself, with an example for each of its types."""
    content = {type_: {"schema": schema, "example": example} for type_, example in examples.items()}
    return {"requestBody": {"required": True, "content": content}}


def media_type_of(request: Request) -> str:
    """The body's media type, without parameters and in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def wake(event: asyncio.Event) -> None:
    """Set it: as a background task after the response, and so after the commit."""
    event.set()
