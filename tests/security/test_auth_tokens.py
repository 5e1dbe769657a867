"""Ways to forge a bearer token, one test per class (RFC 8725; CVE-2015-9235 `none` and key confusion and their kin)."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.auth import Principal, Unauthenticated
from shared.auth.tokens import decode_public_key, encode_public_key, key_id_of, sign, verify
from shared.events.accounts import Role

NOW = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"k1": KEY.public_key()}
ACCOUNT, SESSION = uuid4(), uuid4()
PRINCIPAL = Principal(ACCOUNT, Role.AGENT, "Ada", ("billing",), session_id=SESSION)
HEADER = {"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}
CLAIMS: dict[str, Any] = {
    "iss": "desk",
    "aud": "desk",
    "sub": str(ACCOUNT),
    "jti": str(uuid4()),
    "iat": NOW.timestamp(),
    "exp": NOW.timestamp() + 600,
    "role": "agent",
    "name": "Ada",
    "groups": [],
    "sid": str(SESSION),
}


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(
    header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None, *, without: tuple[str, ...] = ()
) -> str:
    """A token that is signed with the true key, whatever its header and claims say."""
    payload = {name: value for name, value in (CLAIMS | (claims or {})).items() if name not in without}
    signed = f"{encoded(HEADER | (header or {}))}.{encoded(payload)}"
    return f"{signed}.{encoded(KEY.sign(signed.encode()))}"


def refused(token: str, now: datetime = NOW) -> bool:
    try:
        verify(token, keys=KEYS, now=now)
    except Unauthenticated:
        return True
    return False


def test_what_was_signed_is_what_is_verified() -> None:
    token = sign(PRINCIPAL, key=KEY, kid="k1", now=NOW, lifetime=timedelta(minutes=10))
    verified = verify(token, keys=KEYS, now=NOW)
    assert verified.principal == PRINCIPAL
    assert verified.issued_at == NOW
    assert verified.expires_at == NOW + timedelta(minutes=10)
    assert not refused(forged())


def test_a_key_with_scopes_survives_the_way() -> None:
    key = Principal(ACCOUNT, Role.ADMIN, "Importer", key_id=uuid4(), scopes=frozenset({"message.ingest"}))
    token = sign(key, key=KEY, kid="k1", now=NOW, lifetime=timedelta(days=365))
    assert verify(token, keys=KEYS, now=NOW).principal == key


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "ES256", "Ed448", "eddsa"])
def test_no_other_algorithm(alg: str) -> None:
    assert refused(forged({"alg": alg}))


def test_unsigned_tokens() -> None:
    for alg in ("none", "EdDSA"):
        signed = f"{encoded(HEADER | {'alg': alg})}.{encoded(CLAIMS)}"
        assert refused(f"{signed}.")
        assert refused(signed)


def test_the_public_key_as_a_shared_secret() -> None:
    """RS256 → HS256 confusion: the attacker knows the public key and signs with it as an HMAC secret."""
    public = KEY.public_key()
    for secret in (
        public.public_bytes_raw(),
        encode_public_key(public).encode(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ):
        signed = f"{encoded(HEADER | {'alg': 'HS256'})}.{encoded(CLAIMS)}"
        assert refused(f"{signed}.{encoded(hmac.digest(secret, signed.encode(), hashlib.sha256))}")


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": True},
        {"crit": []},
        {"b64": False},
        {"jwk": {"kty": "OKP"}},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": []},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ],
)
def test_headers_that_change_the_meaning(extra: dict[str, Any]) -> None:
    assert refused(forged(extra))


@pytest.mark.parametrize(
    "kid", ["../../dev/null", "/etc/passwd", "k1\x00", "k1' OR '1'='1", "", "k2", "K1", None, 1, ["k1"], "k" * 65]
)
def test_key_ids_that_are_not_ours(kid: object) -> None:
    assert refused(forged({"kid": kid}))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"aud": ["desk", "other"]},
        {"aud": ""},
        {"iss": "evil"},
        {"iss": ""},
        {"sub": ""},
        {"sub": "1 OR 1=1"},
        {"jti": ""},
        {"role": "root"},
        {"role": ""},
        {"exp": "never"},
        {"exp": None},
        {"exp": float("inf")},
        {"exp": -1},
        {"iat": "yesterday"},
        {"iat": NOW.timestamp() + 3600},
        {"sid": None},
        {"sid": None, "key": str(uuid4())},
        {"key": str(uuid4()), "scopes": ["ticket.read"]},
        {"scopes": ["ticket.read"]},
        {"groups": "billing"},
    ],
)
def test_claims_that_do_not_hold(claims: dict[str, Any]) -> None:
    assert refused(forged(claims=claims))


@pytest.mark.parametrize("claim", ["iss", "aud", "sub", "jti", "iat", "exp", "role", "name", "sid"])
def test_claims_that_are_missing(claim: str) -> None:
    assert refused(forged(without=(claim,)))


def test_a_token_ends_to_the_microsecond() -> None:
    token = sign(PRINCIPAL, key=KEY, kid="k1", now=NOW, lifetime=timedelta(seconds=1))
    assert not refused(token, NOW + timedelta(microseconds=999_999))
    assert refused(token, NOW + timedelta(seconds=1))


def test_a_signature_of_somebody_else() -> None:
    stranger = Ed25519PrivateKey.generate()
    assert refused(sign(PRINCIPAL, key=stranger, kid="k1", now=NOW, lifetime=timedelta(minutes=10)))


@given(st.data())
def test_no_changed_character_is_accepted(data: st.DataObject) -> None:
    token = forged()
    position = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters(codec="ascii"))
    changed = token[:position] + character + token[position + 1 :]
    if changed != token and _decoded(changed) != _decoded(token):
        assert refused(changed)


@given(st.text(max_size=300))
def test_nonsense_is_refused_and_nothing_worse(token: str) -> None:
    with pytest.raises(Unauthenticated):
        key_id_of(token)


def test_an_endless_token_is_not_even_parsed() -> None:
    assert refused(forged(claims={"name": "x" * 10_000}))


def test_public_keys_travel_as_text() -> None:
    text = encode_public_key(KEY.public_key())
    assert "=" not in text
    assert decode_public_key(text).public_bytes_raw() == KEY.public_key().public_bytes_raw()


def _decoded(token: str) -> list[bytes] | str:
    """Two spellings of one base64 value are one token: the last character of a part may hold bits that mean nothing."""
    try:
        return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]
    except ValueError:
        return token
