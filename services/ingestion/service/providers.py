"""Use cases: what e-mail providers tell by webhook is proven, read and taken, once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.mail import fingerprint
from services.ingestion.domain.providers import mailgun, postmark, sendgrid, ses
from services.ingestion.domain.providers.secrets import ProviderSecrets
from services.ingestion.domain.providers.told import NotUnderstood, ReceivedMail, Told, Unproven, read_form
from services.ingestion.egress import EgressClient, EgressError
from services.ingestion.repository.deliveries import Delivered
from services.ingestion.repository.receipts import WebhookReceiptRepository
from services.ingestion.service.bounces import note_bounces
from services.ingestion.service.mail import Incoming, MailContext, receive_mails
from shared.objects import ObjectStore
from shared.telemetry import get_logger

log = get_logger(__name__)

# Longer than anything is fresh.
RECEIPTS_KEPT = timedelta(days=7)
_MAX_CERTIFICATES = 20
_OK = range(200, 300)


class Unreachable(Exception):
    """What a provider refers to cannot be had now."""


class Providers:
    """Reads what providers tell; asks SNS for its certificates, and keeps those."""

    def __init__(self, secrets: ProviderSecrets, egress: EgressClient) -> None:
        self._secrets = secrets
        self._egress = egress
        self._certificates: OrderedDict[str, bytes] = OrderedDict()
        self._readers: dict[str, Callable[[Mapping[str, str], bytes, datetime], Awaitable[Told]]] = {}
        if secrets.mailgun_key:
            self._readers["mailgun"] = self._mailgun
        if secrets.postmark_login:
            self._readers["postmark"] = self._postmark
        if secrets.sendgrid_keys:
            self._readers["sendgrid"] = self._sendgrid
        if secrets.ses_topics:
            self._readers["ses"] = self._ses

    def knows(self, name: str) -> bool:
        """Whether this provider is listened to."""
        return name in self._readers

    def require_claim(self, name: str, headers: Mapping[str, str]) -> None:
        """Raise Unproven where the headers alone show that nothing will be proven: before a body is read."""
        if name == "postmark":
            postmark.require_login(headers.get("authorization", ""), login=self._secrets.postmark_login or "")
        if name == "sendgrid" and not headers.get(sendgrid.SIGNATURE_HEADER):
            raise Unproven("There is no signature in it.")
        if name == "ses" and headers.get("x-amz-sns-topic-arn", "") not in self._secrets.ses_topics:
            raise Unproven("The topic is not one of the settings.")

    async def read(self, name: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Told:
        """What a request tells. Raises Unproven, NotUnderstood, Unreachable."""
        return await self._readers[name](headers, body, now)

    async def confirm(self, url: str) -> None:
        """Visit the URL that makes SNS tell more. Raises Unreachable."""
        answer = await self._asked(url)
        if answer is None:
            raise Unreachable
        log.info("provider.confirmed", provider="ses")

    async def _mailgun(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Told:
        key = self._secrets.mailgun_key or ""
        content_type = headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() == "application/json":
            return mailgun.read_event(body, key=key, now=now)
        try:
            fields = await asyncio.to_thread(read_form, content_type, body)
        except NotUnderstood as error:
            raise Unproven("There is no signature in it.") from error
        return mailgun.read_mail(fields, key=key, now=now)

    async def _postmark(self, _headers: Mapping[str, str], body: bytes, _now: datetime) -> Told:
        return postmark.read(body)

    async def _sendgrid(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Told:
        signature = headers.get(sendgrid.SIGNATURE_HEADER, "")
        timestamp = headers.get(sendgrid.TIMESTAMP_HEADER, "")
        sendgrid.require_signature(
            body, signature=signature, timestamp=timestamp, keys=self._secrets.sendgrid_keys, now=now
        )
        return await asyncio.to_thread(
            sendgrid.read, headers.get("content-type", ""), body, signature=f"{timestamp}.{signature}"
        )

    async def _ses(self, _headers: Mapping[str, str], body: bytes, now: datetime) -> Told:
        message = ses.read_message(body, topics=self._secrets.ses_topics)
        return ses.read(message, await self._certificate(message.certificate_url), now=now)

    async def _certificate(self, url: str) -> bytes:
        if (known := self._certificates.get(url)) is not None:
            return known
        found = await self._asked(url)
        if found is None or not ses.is_certificate(found):
            raise Unreachable  # what proves nothing does not disprove, either: a refusal is final to SNS
        self._certificates[url] = found
        while len(self._certificates) > _MAX_CERTIFICATES:
            self._certificates.popitem(last=False)
        return found

    async def _asked(self, url: str) -> bytes | None:
        """What is there, without being sent anywhere else; None where it cannot be had."""
        try:
            answer = await self._egress.get(url, max_redirects=0)
        except EgressError as error:
            log.warning("provider.unreachable", provider="ses", reason=error.reason)
            return None
        return answer.body if answer.status in _OK else None


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether anything `is_new` in what was told, and the `spare` keys: for `discard`, once this is committed."""

    is_new: bool
    spare: list[str]


async def take(
    session: AsyncSession,
    name: str,
    told: Told,
    stored: Mapping[ReceivedMail, tuple[str, str]],
    *,
    context: MailContext,
    now: datetime,
) -> Taken:
    """Take what a provider told; `stored` are key and fingerprint of each mail, whose bytes are in the object store.

    Told a second time it changes nothing. Raises Unproven where a token comes with another content: whoever saw it has
    no right to use it.
    """
    if told.token is not None:
        seen = await WebhookReceiptRepository(session).note(name, told.token, told.digest, now=now)
        if seen == "another":
            raise Unproven("The signature was used before, for something else.")
        if seen == "again":
            return Taken(is_new=False, spare=[raw_key for raw_key, _ in stored.values()])
    incoming = [
        Incoming(
            (Delivered(name, context.identities.reached(None, mail.recipients).id, told.token),),
            digest,
            raw_key,
            len(mail.raw),
        )
        for mail, (raw_key, digest) in stored.items()
    ]
    received = await receive_mails(session, incoming, now=now)
    if told.passed_over:
        log.warning("provider.passed_over", provider=name, events=len(told.passed_over), first=told.passed_over[0])
    await note_bounces(session, told.bounces, context.identities, context.token_key, now)
    return Taken(is_new=True, spare=received.spare)


async def store(objects: ObjectStore, told: Told) -> dict[ReceivedMail, tuple[str, str]]:
    """Put the mails into the store, before anything is acknowledged; returns key and fingerprint of each.

    Whom the provider took a mail for stands on top of it, as a mail server would write it: a blind copy has it nowhere
    else.
    """
    stored: dict[ReceivedMail, tuple[str, str]] = {}
    for mail in told.mails:
        trace = "".join(f"X-Original-To: {each}\r\n" for each in mail.recipients if each.isascii()).encode()
        digest = await asyncio.to_thread(fingerprint, mail.raw)
        stored[mail] = (await objects.put(trace + mail.raw), digest)
    return stored


async def forget_receipts(session: AsyncSession, now: datetime) -> int:
    """Forget requests that would not be believed any more; returns how many, at most a batch."""
    return await WebhookReceiptRepository(session).forget(before=now - RECEIPTS_KEPT)
