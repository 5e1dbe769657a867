"""What e-mail providers tell us. They have no account here: each proves itself by its own signature."""

from typing import Literal

from fastapi import APIRouter, BackgroundTasks, Depends, Request
from pydantic import BaseModel

from services.ingestion.api.common import Objects, admit, body_schema, wake
from services.ingestion.domain.providers.told import NotUnderstood, Unproven
from services.ingestion.duties import MailDesk
from services.ingestion.service import providers
from services.ingestion.service.mail import discard
from services.ingestion.service.providers import Providers, Unreachable
from services.ingestion.wake import wakes
from shared.auth import public
from shared.db import Database, now_utc
from shared.web import NotFound, Problem, Unavailable

# A mail of 25 MiB in base64 inside of JSON, and some more.
MAX_BODYBYTES = 40 * 1024 * 1024
_RETRY_AFTER_SECONDS = 60

_AN_EVENT = {
    "signature": {"timestamp": "1770920772", "token": "e0b5477167110d68", "signature": "12d99f5a15355c18"},
    "event-data": {"event": "failed", "severity": "permanent", "recipient": "ana@example.com"},
}
_EXAMPLES = {
    "application/json": _AN_EVENT,
    "application/x-www-form-urlencoded": "timestamp=1770920772&token=e0b5477167110d68&signature=12d9&body-mime=From:…",
    "multipart/form-data": '--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nFrom: …\r\n--b--\r\n',
    "text/plain": '{"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:123456789012:mail"}',
}

router = APIRouter(
    prefix="/api/ingest/providers",
    tags=["ingest"],
    dependencies=[public("the provider's own signature says who it is"), Depends(admit)],
)


class ProviderAnswer(BaseModel):
    """What a provider is told: `taken`, or that nothing was `new` in it."""

    status: Literal["taken", "known"]
    mails: int
    events: int


class NotProven(Problem):
    """The request does not show that it is the provider's."""

    status, slug, title = 401, "not-proven", "Not proven"


@router.post(
    "/{name}",
    max_body_size=MAX_BODYBYTES,
    openapi_extra=body_schema({}, _EXAMPLES),
)
@router.post(
    "/{name}/mime",
    max_body_size=MAX_BODYBYTES,
    openapi_extra=body_schema({}, _EXAMPLES),
)
async def post_provider(
    name: str,
    request: Request,
    objects: Objects,
    background: BackgroundTasks,
) -> ProviderAnswer:
    """Mail and delivery events in the provider's own format; it is `mailgun`, `postmark`, `sendgrid` or `ses`.

    Mail comes raw and is stored before this answers; the same mail by two ways is one. A path that ends with `/mime` is
    for Mailgun, which sends raw mail to such alone. 401 `not-proven` without the provider's signature, with an old one,
    or with one that came with something else. 503 `not-understood`, so that it comes again, for what is the provider's
    and cannot be taken as it is: the detail says what to set up otherwise. 404 for a provider that is not set up.
    """
    known: Providers = request.app.state.providers
    if not known.knows(name):
        raise NotFound("This provider is not set up.")
    try:
        known.require_claim(name, request.headers)
        async with request.app.state.provider_slots:
            told = await known.read(name, request.headers, await request.body(), now_utc())
            if told.confirm_url is not None:
                await known.confirm(told.confirm_url)
            stored = await providers.store(objects, told)
            database: Database = request.app.state.database
            desk: MailDesk = request.app.state.mail_desk
            context = await desk.context()
            # Committed before it is acknowledged.
            async with database.transaction() as session:
                taken = await providers.take(session, name, told, stored, context=context, now=now_utc())
    except Unproven as error:
        raise NotProven(str(error)) from error
    except NotUnderstood as error:
        raise Unavailable(str(error), slug="not-understood", retry_after=_RETRY_AFTER_SECONDS) from error
    except Unreachable as error:
        raise Unavailable("What the message refers to cannot be had now.", retry_after=_RETRY_AFTER_SECONDS) from error
    if taken.is_new and told.mails:
        background.add_task(wake, wakes(database).mail_stored)
    background.add_task(discard, objects, taken.spare)
    return ProviderAnswer(status="taken" if taken.is_new else "known", mails=len(told.mails), events=len(told.bounces))
