"""What providers prove themselves by."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class ProviderSecrets:
    """What each provider proves itself by; one without is not listened to."""

    mailgun_key: str | None = field(default=None, repr=False)
    postmark_login: str | None = field(default=None, repr=False)
    sendgrid_keys: tuple[EllipticCurvePublicKey, ...] = ()
    ses_topics: frozenset[str] = frozenset()
