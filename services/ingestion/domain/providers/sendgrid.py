"""SendGrid: Inbound Parse, and the event webhook.

Signature of both: twilio.com/docs/sendgrid, "Getting Started with the Event Webhook Security Features" and "Securing
your Inbound Parse webhooks": ECDSA with SHA-256 over timestamp and body as they come, in base64, and a public key as
base64 of its DER. Mail: "Setting up the Inbound Parse webhook": with the raw option the form has the mail in `email`.
Parse comes again on 5xx for three days, and is dropped on 4xx; events come again on anything but 2xx for a day.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from services.ingestion.domain.bounces import Bounce, BounceKind, kind_of, status_in
from services.ingestion.domain.providers.told import (
    NotUnderstood,
    ReceivedMail,
    Told,
    Unproven,
    addresses,
    as_list,
    as_object,
    as_text,
    digest_of,
    mail_id,
    read_form,
    read_json,
    require_fresh,
    seconds,
)

SIGNATURE_HEADER = "x-twilio-email-event-webhook-signature"
TIMESTAMP_HEADER = "x-twilio-email-event-webhook-timestamp"
# What is tried again for three days may have been signed when it was tried first.
KEPT = timedelta(days=4)

_MAX_EVENTS = 10_000
_GONE = frozenset({"Bounced Address", "Invalid"})
_NEEDS_NOTHING = frozenset(
    {
        "account_status_change",
        "click",
        "delivered",
        "group_resubscribe",
        "group_unsubscribe",
        "open",
        "processed",
        "unsubscribe",
    }
)


def public_key(encoded: str) -> EllipticCurvePublicKey:
    """A key as SendGrid shows it. Raises ValueError for what is none."""
    key = load_der_public_key(base64.b64decode(encoded, validate=True))
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("the public key of SendGrid has to be one of an elliptic curve")  # noqa: TRY004
    return key


def require_signature(
    body: bytes, *, signature: str, timestamp: str, keys: Sequence[EllipticCurvePublicKey], now: datetime
) -> None:
    """Raise Unproven unless one of the keys signed the body, and not long ago."""
    moment = seconds(timestamp)
    try:
        signed = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unproven("There is no signature in it.") from error
    for key in keys:
        try:
            key.verify(signed, timestamp.encode() + body, ECDSA(SHA256()))
        except InvalidSignature:
            continue
        require_fresh(moment, now, kept=KEPT)
        return
    raise Unproven("The signature is not SendGrid's.")


def read(content_type: str, body: bytes, *, signature: str) -> Told:
    """What a webhook tells; the signature is checked beforehand. Raises NotUnderstood.

    An event of a kind that SendGrid thinks of next year does not keep those beside it from being heard.
    """
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        return Told(signature, digest_of(body), mails=(_mail(read_form(content_type, body)),))
    events = as_list(read_json(body))
    if not events or len(events) > _MAX_EVENTS:
        raise NotUnderstood(f"The body is neither a form nor an array of 1 to {_MAX_EVENTS} events.")
    bounces: list[Bounce] = []
    passed_over: list[str] = []
    for event in events:
        try:
            bounces.extend(_bounces(as_object(event)))
        except NotUnderstood as error:
            passed_over.append(str(error))
    if len(passed_over) == len(events):
        raise NotUnderstood(passed_over[0])
    return Told(signature, digest_of(body), bounces=tuple(bounces), passed_over=tuple(passed_over))


def _mail(fields: Mapping[str, bytes]) -> ReceivedMail:
    raw = fields.get("email", b"")
    if not raw.strip():
        raise NotUnderstood("Let Inbound Parse post the raw, full MIME message.")
    try:
        envelope = as_object(json.loads(fields.get("envelope", b"{}")))
    except (ValueError, RecursionError):
        envelope = {}
    return ReceivedMail(raw, addresses(*as_list(envelope.get("to"))))


def _bounces(event: Mapping[str, Any]) -> tuple[Bounce, ...]:
    name = as_text(event.get("event"))
    if name in _NEEDS_NOTHING:
        return ()
    reason, status = as_text(event.get("reason")), status_in(as_text(event.get("status")))
    if name == "bounce":
        kind = kind_of("failed", status, reason)
        if as_text(event.get("type")) == "blocked" and kind is BounceKind.PERMANENT:
            kind = BounceKind.SOFT  # "blocked": refused this time, and not for the address
    elif name == "dropped":
        kind = BounceKind.PERMANENT if reason in _GONE else BounceKind.SOFT
    elif name == "deferred":
        kind = BounceKind.DELAYED
    elif name == "spamreport":
        kind = BounceKind.COMPLAINT
    else:
        raise NotUnderstood(f"Events of this kind are not expected: {name[:50]!r}.")
    return (
        Bounce(
            kind,
            addresses(event.get("email")),
            mail_ids=mail_id(event.get("smtp-id")),
            status=status or None,
            reason=reason,
            is_vouched=True,
        ),
    )
