"""Postmark: inbound, bounce, spam complaint and delivery webhooks.

It signs nothing: postmarkapp.com/developer/webhooks, "Securing your webhooks", has user and password in the URL, which
come as HTTP Basic. Mail: "Inbound webhook": `RawEmail` is there where the server includes raw content. Anything but 200
comes again ten times within eleven hours; 403 ends that. Bounces: "Bounce webhook" and "Bounce types".
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any

from services.ingestion.domain.bounces import Bounce, BounceKind, returned_ids
from services.ingestion.domain.providers.told import (
    NotUnderstood,
    ReceivedMail,
    Told,
    Unproven,
    addresses,
    as_object,
    as_text,
    digest_of,
    read_json,
)

_NEEDS_NOTHING = frozenset({"Delivery", "Open", "Click", "SubscriptionChange"})
_KINDS: Mapping[str, BounceKind | None] = {
    "HardBounce": BounceKind.PERMANENT,
    "BadEmailAddress": BounceKind.PERMANENT,
    "ManuallyDeactivated": BounceKind.PERMANENT,
    "SoftBounce": BounceKind.SOFT,
    "Blocked": BounceKind.SOFT,
    "DMARCPolicy": BounceKind.SOFT,
    "DnsError": BounceKind.SOFT,
    "SpamNotification": BounceKind.SOFT,
    "VirusNotification": BounceKind.SOFT,
    "SMTPApiError": BounceKind.TRANSIENT,
    "TemplateRenderingFailed": BounceKind.TRANSIENT,
    "Unknown": BounceKind.TRANSIENT,
    "Transient": BounceKind.DELAYED,
    "SpamComplaint": BounceKind.COMPLAINT,
    "AddressChange": None,
    "AutoResponder": None,
    "ChallengeVerification": None,
    "InboundError": None,
    "OpenRelayTest": None,
    "Subscribe": None,
    "Unsubscribe": None,
}


def require_login(authorization: str, *, login: str) -> None:
    """Raise Unproven unless it is HTTP Basic (RFC 7617) with `login`, which is `user:password`."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(given, login.encode()):
        raise Unproven("User and password in the URL are not those of the settings.")


def read(body: bytes) -> Told:
    """What a webhook tells; the login is checked beforehand. Raises NotUnderstood."""
    document = as_object(read_json(body))
    record = as_text(document.get("RecordType"))
    digest = digest_of(body)
    if record in _NEEDS_NOTHING:
        return Told(None, digest)
    if record in {"Bounce", "SpamComplaint"}:
        return Told(None, digest, bounces=_bounces(document))
    if record not in {"", "Inbound"}:
        raise NotUnderstood(f"Records of this kind are not expected: {record[:50]!r}.")
    raw = as_text(document.get("RawEmail"))
    if not raw.strip():
        raise NotUnderstood("Include raw email content in the JSON payload of the inbound stream.")
    recipients = addresses(document.get("OriginalRecipient"))
    return Told(None, digest, mails=(ReceivedMail(raw.encode(), recipients),))


def _bounces(document: Mapping[str, Any]) -> tuple[Bounce, ...]:
    name = as_text(document.get("Type")) or as_text(document.get("RecordType"))
    if name not in _KINDS:
        raise NotUnderstood(f"Bounces of this kind are not expected: {name[:50]!r}.")
    kind = _KINDS[name]
    if kind is None:
        return ()
    return (
        Bounce(
            kind,
            addresses(document.get("Email")),
            mail_ids=returned_ids(as_text(document.get("Content"))),
            reason=as_text(document.get("Details")) or as_text(document.get("Description")),
            is_vouched=True,
        ),
    )
