"""The format of bearer tokens: JWT (RFC 7519) signed with Ed25519 (RFC 8037), typed `at+jwt` (RFC 9068).

One algorithm, and no header that could name another, fetch a key, or change the meaning of the rest: a token whose
header has anything but `alg`, `typ` and `kid` is refused before its signature is looked at (RFC 8725).
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, model_validator

from shared.auth.errors import Unauthenticated
from shared.auth.principal import Principal
from shared.events.accounts import Role

ALGORITHM = "EdDSA"
AUDIENCE = "desk"
ISSUER = "desk"
MAX_TOKEN_CHARACTERS = 8192

# No token lives longer: a revocation that is older concerns nobody.
MAX_LIFETIME = timedelta(days=365)

# Clocks of two machines may differ by this much before a token counts as issued in the future.
LEEWAY = timedelta(seconds=5)

_HEADERS = {"alg", "typ", "kid"}
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    iss: Literal["desk"]
    aud: Literal["desk"]
    sub: UUID
    jti: UUID
    iat: AwareDatetime
    exp: AwareDatetime
    role: Role
    name: str
    groups: tuple[str, ...] = ()
    sid: UUID | None = None
    key: UUID | None = None
    scopes: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _session_or_key(self) -> "_Claims":
        if (self.sid is None) == (self.key is None) or (self.key is None) != (self.scopes is None):
            raise ValueError("a token belongs to a session, or to an API key with scopes")
        return self


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token whose signature and claims hold. Whether it was revoked since is the verifier's question."""

    principal: Principal
    issued_at: datetime
    expires_at: datetime


def encode_public_key(key: Ed25519PublicKey) -> str:
    """The raw key (RFC 8032), base64url without padding, as `signing_key.published.v1` carries it."""
    return urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()


def decode_public_key(text: str) -> Ed25519PublicKey:
    """The inverse of `encode_public_key`. Raises ValueError."""
    return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def sign(principal: Principal, *, key: Ed25519PrivateKey, kid: str, now: datetime, lifetime: timedelta) -> str:
    """A token for `principal`, valid from `now` for `lifetime`. Times are kept to the microsecond:

    a token issued in the same second as a revocation must be told apart from those issued before it.
    Raises ValueError for a lifetime above `MAX_LIFETIME`.
    """
    if lifetime > MAX_LIFETIME:
        raise ValueError(f"a token lives at most {MAX_LIFETIME}")
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(principal.account_id),
        "jti": str(uuid4()),
        "iat": now.timestamp(),
        "exp": (now + lifetime).timestamp(),
        "role": principal.role,
        "name": principal.name,
        "groups": list(principal.groups),
    }
    if principal.session_id is not None:
        claims["sid"] = str(principal.session_id)
    if principal.key_id is not None:
        claims["key"] = str(principal.key_id)
        claims["scopes"] = sorted(principal.scopes or ())
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": "at+jwt"})


def key_id_of(token: str) -> str:
    """The `kid` of a token whose header is exactly ours. Raises Unauthenticated."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise Unauthenticated("The token is not valid.")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise Unauthenticated("The token is not valid.") from None
    kid = header.get("kid")
    if set(header) != _HEADERS or header["alg"] != ALGORITHM or not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise Unauthenticated("The token is not valid.")
    return kid


def verify(token: str, *, keys: Mapping[str, Ed25519PublicKey], now: datetime) -> VerifiedToken:
    """Check signature and claims of a token against the known keys. Raises Unauthenticated."""
    key = keys.get(key_id_of(token))
    if key is None:
        raise Unauthenticated("The token is not valid.")
    try:
        # Times are checked below against the caller's `now`; PyJWT would read the wall clock.
        payload = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={
                "require": ["exp", "iat", "jti", "sub", "aud", "iss"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        claims = _Claims.model_validate(payload)
    except (jwt.InvalidTokenError, ValidationError):
        raise Unauthenticated("The token is not valid.") from None
    if claims.exp <= now or claims.iat > now + LEEWAY:
        raise Unauthenticated("The token has expired.")
    principal = Principal(
        account_id=claims.sub,
        role=claims.role,
        name=claims.name,
        groups=claims.groups,
        session_id=claims.sid,
        key_id=claims.key,
        scopes=None if claims.scopes is None else frozenset(claims.scopes),
    )
    return VerifiedToken(principal, claims.iat.astimezone(UTC), claims.exp.astimezone(UTC))
