"""Mailgun: routes that forward to a URL, and webhooks of events.

Signature: documentation.mailgun.com, "Securing Webhooks": hex HMAC-SHA256 of timestamp and token under the signing key.
It covers neither mail nor event, so a token counts once, for the content it first came with. Mail: "Receive HTTP": the
URL of a forward() has to end with `mime` for the mail as it is; 200 is taken, 406 gives up, others come again for eight
hours. Events: "Event structure".
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.ingestion.domain.bounces import Bounce, BounceKind, kind_of, status_in
from services.ingestion.domain.providers.told import (
    NotUnderstood,
    ReceivedMail,
    Told,
    Unproven,
    addresses,
    as_object,
    as_text,
    digest_of,
    mail_id,
    read_unproven,
    require_fresh,
    seconds,
)

# What is tried again for eight hours may have been signed when it was tried first.
KEPT = timedelta(hours=12)

_NEEDS_NOTHING = frozenset(
    {"accepted", "clicked", "delivered", "list_member_uploaded", "opened", "stored", "unsubscribed"}
)


def read_mail(fields: Mapping[str, bytes], *, key: str, now: datetime) -> Told:
    """The mail of a form. Raises Unproven, NotUnderstood."""
    text = {name: fields.get(name, b"").decode("ascii", "replace") for name in ("timestamp", "token", "signature")}
    _require_signature(text, key=key, now=now)
    raw = fields.get("body-mime", b"")
    if not raw.strip():
        raise NotUnderstood("Let the URL of the route end with /mime, so that mail comes as it is.")
    recipients = addresses(*fields.get("recipient", b"").decode("utf-8", "replace").split(","))
    return Told(text["token"], digest_of(raw), mails=(ReceivedMail(raw, recipients),))


def read_event(body: bytes, *, key: str, now: datetime) -> Told:
    """The event of a webhook. Raises Unproven, NotUnderstood."""
    document = read_unproven(body)
    signature = {name: as_text(value) for name, value in as_object(document.get("signature")).items()}
    _require_signature(signature, key=key, now=now)
    event = as_object(document.get("event-data"))
    return Told(signature["token"], digest_of(repr(sorted(event.items())).encode()), bounces=_bounces(event))


def _require_signature(signed: Mapping[str, str], *, key: str, now: datetime) -> None:
    timestamp, token = signed.get("timestamp", ""), signed.get("token", "")
    expected = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    if not token or not hmac.compare_digest(expected.encode(), signed.get("signature", "").encode()):
        raise Unproven("The signature is not Mailgun's.")
    require_fresh(seconds(timestamp), now, kept=KEPT)


def _bounces(event: Mapping[str, Any]) -> tuple[Bounce, ...]:
    name = as_text(event.get("event"))
    if name in _NEEDS_NOTHING:
        return ()
    status = as_object(event.get("delivery-status"))
    code = as_text(status.get("code"))
    why = as_text(event.get("reason"))
    reason = as_text(status.get("message")) or as_text(status.get("description")) or why
    enhanced = status_in(as_text(status.get("enhanced-code")))
    if name == "complained":
        kind = BounceKind.COMPLAINT
    elif name == "failed" and as_text(event.get("severity")) == "temporary":
        kind = BounceKind.DELAYED
    elif name == "failed" and why.startswith("suppress-"):
        kind = BounceKind.PERMANENT  # it has a list of its own, with the address on it
    elif name == "failed":
        # Codes of its own, as 602 for what was tried too long, say nothing of the address.
        kind = kind_of("failed", enhanced, f"{code} {reason}")
    elif name == "rejected":
        kind = BounceKind.TRANSIENT
    else:
        raise NotUnderstood(f"Events of this kind are not expected: {name[:50]!r}.")
    headers = as_object(as_object(event.get("message")).get("headers"))
    return (
        Bounce(
            kind,
            addresses(event.get("recipient")),
            mail_ids=mail_id(headers.get("message-id")),
            return_paths=addresses(as_object(event.get("envelope")).get("sender")),
            status=enhanced or None,
            reason=reason,
            is_vouched=True,
        ),
    )
