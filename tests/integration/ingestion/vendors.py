"""E-mail providers as their documentation has them: each signs what it tells with a key of its own."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from services.ingestion.egress import EgressFailed, EgressResponse
from shared.db import now_utc

Headers = dict[str, str]
Request = tuple[bytes, Headers]


def form(fields: dict[str, bytes], boundary: str = "xYzZY") -> Request:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), {
        "content-type": f"multipart/form-data; boundary={boundary}"
    }


@dataclass
class Mailgun:
    key: str = "key-of-mailgun"

    def signed(self, *, ago: float = 0, token: str | None = None) -> dict[str, str]:
        timestamp = str(int(now_utc().timestamp() - ago))
        token = token or secrets.token_hex(25)
        signature = hmac.new(self.key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
        return {"timestamp": timestamp, "token": token, "signature": signature}

    def mail(self, raw: bytes, recipient: str = "support@desk.example", **signed: Any) -> Request:
        fields = {name: value.encode() for name, value in self.signed(**signed).items()}
        return form({**fields, "recipient": recipient.encode(), "body-mime": raw})

    def event(self, data: dict[str, Any], **signed: Any) -> Request:
        document = {"signature": self.signed(**signed), "event-data": data}
        return json.dumps(document).encode(), {"content-type": "application/json"}


@dataclass
class Postmark:
    login: str = "postmark:a-password"

    def told(self, document: dict[str, Any]) -> Request:
        credentials = base64.b64encode(self.login.encode()).decode()
        return json.dumps(document).encode(), {
            "content-type": "application/json",
            "authorization": f"Basic {credentials}",
        }

    def mail(self, raw: bytes, recipient: str = "support@desk.example") -> Request:
        return self.told({"MessageID": secrets.token_hex(8), "OriginalRecipient": recipient, "RawEmail": raw.decode()})


@dataclass
class SendGrid:
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public(self) -> str:
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return base64.b64encode(self.private.public_key().public_bytes(serialization.Encoding.DER, spki)).decode()

    def signed(self, request: Request, *, ago: float = 0) -> Request:
        body, headers = request
        timestamp = str(int(now_utc().timestamp() - ago))
        signature = self.private.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return body, {
            **headers,
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": timestamp,
        }

    def mail(self, raw: bytes, recipient: str = "support@desk.example", *, ago: float = 0) -> Request:
        envelope = json.dumps({"to": [recipient], "from": "ada@example.org"}).encode()
        return self.signed(form({"email": raw, "envelope": envelope, "to": recipient.encode()}), ago=ago)

    def events(self, *events: dict[str, Any], ago: float = 0) -> Request:
        return self.signed((json.dumps(events).encode(), {"content-type": "application/json"}), ago=ago)


@dataclass
class Sns:
    """SNS, and the egress to it: it serves its certificate, and sees which subscriptions are confirmed."""

    topic: str = "arn:aws:sns:us-east-1:123456789012:mail"
    host: str = "https://sns.us-east-1.amazonaws.com"
    visited: list[str] = field(default_factory=list)
    private: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    is_away: bool = False
    serves: bytes | None = None

    @property
    def certificate_url(self) -> str:
        return f"{self.host}/SimpleNotificationService-0123.pem"

    async def get(self, url: str, *, max_redirects: int) -> EgressResponse:
        assert max_redirects == 0
        self.visited.append(url)
        if self.is_away:
            raise EgressFailed("timeout")
        return EgressResponse(200, {}, self.serves or self.certificate() if url.endswith(".pem") else b"<ok/>", url)

    def certificate(self) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = now_utc()
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
        builder = builder.public_key(self.private.public_key())
        builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        return builder.sign(self.private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def message(self, *, version: str = "2", ago: float = 0, **fields: Any) -> dict[str, str]:
        moment = now_utc() - dt.timedelta(seconds=ago)
        message = {
            "Type": "Notification",
            "MessageId": secrets.token_hex(16),
            "TopicArn": self.topic,
            "Timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            **fields,
        }
        if message["Type"] == "Notification":
            names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        else:
            names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        hash_ = hashes.SHA256() if version == "2" else hashes.SHA1()
        signature = self.private.sign(text.encode(), padding.PKCS1v15(), hash_)
        return {
            **message,
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
            "SigningCertURL": self.certificate_url,
        }

    def request(self, message: dict[str, str]) -> Request:
        headers = {"content-type": "text/plain; charset=UTF-8", "x-amz-sns-topic-arn": message["TopicArn"]}
        return json.dumps(message).encode(), headers

    def told(self, notification: dict[str, Any], **options: Any) -> Request:
        return self.request(self.message(Message=json.dumps(notification), **options))

    def mail(self, raw: bytes, recipient: str = "support@desk.example", **options: Any) -> Request:
        return self.told(
            {
                "notificationType": "Received",
                "receipt": {"recipients": [recipient], "action": {"type": "SNS", "encoding": "BASE64"}},
                "content": base64.b64encode(raw).decode(),
            },
            **options,
        )
