"""Amazon SES, which tells by way of SNS: mail received, and what became of mail that we sent.

SNS: docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages": RSA over named fields with SHA-1
(version 1) or SHA-256 (version 2), by a certificate at an https URL of SNS; topics that are not ours are refused.
"HTTP/HTTPS subscriptions": the URL of a SubscriptionConfirmation has to be visited. SES: "Notification contents for
receiving email", and "SNS notification contents for Amazon SES" of bounces, complaints and deliveries.
"""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

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
    read_json,
    read_unproven,
    require_fresh,
)

# SNS tries for an hour, and for days where a topic's owner has it so. What is older is refused.
KEPT = timedelta(days=4)

_HOST = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?")
_CERTIFICATE = re.compile(r"https://[^/?#]+/[\w.-]+\.pem", re.ASCII)
_CONFIRMATIONS = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_OF_CONFIRMATIONS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_HASHES: Mapping[str, SHA1 | SHA256] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - what version 1 is
_GREETINGS = ("Successfully validated SNS topic",)
_NEEDS_NOTHING = frozenset(
    {
        "AmazonSnsSubscriptionSucceeded",
        "Click",
        "Delivery",
        "Open",
        "Rendering Failure",
        "Send",
        "Subscription",
    }
)


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message of SNS, of a topic of ours; nothing else in it is proven yet."""

    fields: Mapping[str, Any] = field(repr=False)

    @property
    def certificate_url(self) -> str:
        """Where the certificate is that signed it."""
        return as_text(self.fields.get("SigningCertURL"))


def read_message(body: bytes, *, topics: Collection[str]) -> SnsMessage:
    """The message in a request. Raises Unproven where it is not of our topics, or its certificate is not SNS's."""
    fields = read_unproven(body)
    if as_text(fields.get("TopicArn")) not in topics:
        raise Unproven("The topic is not one of the settings.")
    message = SnsMessage(fields)
    # Without a query: a signed request to SNS's own interface is answered from there with what its sender wrote.
    if not is_of_sns(message.certificate_url) or not _CERTIFICATE.fullmatch(message.certificate_url):
        raise Unproven("The certificate is not at an address of SNS.")
    return message


def is_of_sns(url: str) -> bool:
    """Whether it is an https URL of SNS itself, at the usual port."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    has_login = parts.username is not None or parts.password is not None
    return parts.scheme == "https" and port in {None, 443} and not has_login and bool(_HOST.fullmatch(parts.netloc))


def is_certificate(data: bytes) -> bool:
    """Whether it is a certificate in PEM at all."""
    try:
        x509.load_pem_x509_certificate(data)
    except ValueError:
        return False
    return True


def read(message: SnsMessage, certificate: bytes, *, now: datetime) -> Told:
    """What a message tells, once the certificate shows that it is SNS's. Raises Unproven, NotUnderstood."""
    _require_signature(message.fields, certificate, now)
    fields = message.fields
    token, text = as_text(fields.get("MessageId")), as_text(fields.get("Message"))
    digest = digest_of(text.encode())
    kind = as_text(fields.get("Type"))
    if kind in _CONFIRMATIONS:
        url = as_text(fields.get("SubscribeURL"))
        if not is_of_sns(url):
            raise Unproven("The subscription is not confirmed at an address of SNS.")
        # One to leave is none we asked for: it is heard, and not followed.
        return Told(token, digest, confirm_url=url if kind == "SubscriptionConfirmation" else None)
    if kind != "Notification":
        raise NotUnderstood(f"Messages of this kind are not expected: {kind[:50]!r}.")
    if text.startswith(_GREETINGS):
        return Told(token, digest)
    notification = as_object(read_json(text))
    name = as_text(notification.get("notificationType")) or as_text(notification.get("eventType"))
    if name == "Received":
        return Told(token, digest, mails=(_mail(notification),))
    if name in _NEEDS_NOTHING:
        return Told(token, digest)
    return Told(token, digest, bounces=_bounces(name, notification))


def _require_signature(fields: Mapping[str, Any], certificate: bytes, now: datetime) -> None:
    hash_ = _HASHES.get(as_text(fields.get("SignatureVersion")))
    names = _SIGNED_OF_CONFIRMATIONS if as_text(fields.get("Type")) in _CONFIRMATIONS else _SIGNED
    signed = "".join(f"{name}\n{as_text(fields[name])}\n" for name in names if fields.get(name) is not None)
    try:
        signature = base64.b64decode(as_text(fields.get("Signature")), validate=True)
        loaded = x509.load_pem_x509_certificate(certificate)
        key = loaded.public_key()
        moment = datetime.fromisoformat(as_text(fields.get("Timestamp")))
    except (binascii.Error, ValueError) as error:
        raise Unproven("The message has no signature of SNS.") from error
    if hash_ is None or not isinstance(key, RSAPublicKey):
        raise Unproven("The signature is of a version that is not known.")
    if not loaded.not_valid_before_utc <= now <= loaded.not_valid_after_utc:
        raise Unproven("The certificate is not of this time.")
    try:
        key.verify(signature, signed.encode(), PKCS1v15(), hash_)
    except InvalidSignature as error:
        raise Unproven("The signature is not SNS's.") from error
    require_fresh(moment if moment.tzinfo else moment.replace(tzinfo=UTC), now, kept=KEPT)


def _mail(notification: Mapping[str, Any]) -> ReceivedMail:
    receipt = as_object(notification.get("receipt"))
    action = as_object(receipt.get("action"))
    content = as_text(notification.get("content"))
    if not content.strip():
        where = "in a bucket" if as_text(action.get("type")) == "S3" else "not in it"
        raise NotUnderstood(f"The mail is {where}: let the receipt rule publish it to SNS, with its content.")
    raw = content.encode()
    if as_text(action.get("encoding")).upper() == "BASE64":
        try:
            raw = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotUnderstood("The content is not the base64 that it says to be.") from error
    return ReceivedMail(raw, addresses(*as_list(receipt.get("recipients"))))


def _bounces(name: str, notification: Mapping[str, Any]) -> tuple[Bounce, ...]:
    mail = as_object(notification.get("mail"))
    ids = [
        *mail_id(as_object(mail.get("commonHeaders")).get("messageId")),
        *(
            found
            for header in map(as_object, as_list(mail.get("headers")))
            if as_text(header.get("name")).lower() == "message-id"
            for found in mail_id(header.get("value"))
        ),
    ]
    told: list[tuple[BounceKind, Mapping[str, Any]]] = []
    if name == "Bounce":
        bounce = as_object(notification.get("bounce"))
        type_ = as_text(bounce.get("bounceType"))
        told = [(_kind(type_, each), each) for each in map(as_object, as_list(bounce.get("bouncedRecipients")))]
    elif name == "Complaint":
        complaint = as_object(notification.get("complaint"))
        recipients = as_list(complaint.get("complainedRecipients"))
        told = [(BounceKind.COMPLAINT, as_object(each)) for each in recipients]
    elif name == "DeliveryDelay":
        delay = as_object(notification.get("deliveryDelay"))
        told = [(BounceKind.DELAYED, as_object(each)) for each in as_list(delay.get("delayedRecipients"))]
    elif name == "Reject":
        told = [(BounceKind.TRANSIENT, {"emailAddress": each}) for each in as_list(mail.get("destination"))]
    else:
        raise NotUnderstood(f"Notifications of this kind are not expected: {name[:50]!r}.")
    return tuple(
        Bounce(
            kind,
            addresses(each.get("emailAddress")),
            mail_ids=tuple(dict.fromkeys(ids))[:10],
            return_paths=addresses(mail.get("source")),
            status=status_in(as_text(each.get("status"))) or None,
            reason=as_text(each.get("diagnosticCode")).partition(";")[2].strip(),
            is_vouched=True,
        )
        for kind, each in told
    )


def _kind(type_: str, recipient: Mapping[str, Any]) -> BounceKind:
    """What SES makes of it counts for more than a status: `Transient` never ends an address."""
    status, diagnostic = status_in(as_text(recipient.get("status"))), as_text(recipient.get("diagnosticCode"))
    kind = kind_of("failed", status, diagnostic)
    if type_ == "Permanent":
        return kind if kind is BounceKind.SOFT else BounceKind.PERMANENT
    return BounceKind.SOFT if kind in {BounceKind.PERMANENT, BounceKind.SOFT} else BounceKind.TRANSIENT
