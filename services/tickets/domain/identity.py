"""Customers' identities: an address of some kind, compared in one normal form. This is the one place that makes it."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import phonenumbers

from shared.domains import domain_name

IdentityKind = Literal["email", "phone", "handle", "external"]
KINDS: tuple[IdentityKind, ...] = get_args(IdentityKind)

# `platform:name`. Any other handle is a channel's own and stays as it is.
_OF_PLATFORM = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):(.+)", re.DOTALL)
# Platforms on which @Ana and ana are one person, and those where a phone number is the name.
_CASELESS = frozenset({"facebook", "github", "instagram", "reddit", "telegram", "tiktok", "twitter", "x", "youtube"})
_BY_PHONE = frozenset({"signal", "sms", "viber", "whatsapp"})


_USABLE: Mapping[IdentityKind, tuple[re.Pattern[str], str]] = {
    "email": (
        re.compile(r"[^@\s<>()\[\],;:\\\"]+@[^@\s<>()\[\],;:\\\"]+"),
        "an e-mail address, such as ana@example.com",
    ),
    "phone": (re.compile(r"\+[1-9][0-9]{6,14}(;ext=[0-9]{1,20})?"), "a phone number, such as +49 30 123456"),
    "handle": (re.compile(r"\S(.*\S)?"), "a handle, such as telegram:ana"),
    "external": (re.compile(r"[a-z0-9][a-z0-9_.-]*:.+"), "an id in another system, such as crm:4711"),
}


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """What a customer is recognised by; unique over all customers. Build it with `identity`.

    `former` is how an earlier version wrote the same address: what was stored so has to be found for ever.
    """

    kind: IdentityKind
    address: str
    former: str | None = field(default=None, compare=False)

    @property
    def forms(self) -> tuple[str, ...]:
        """How it may be stored, the normal form first."""
        return (self.address,) if self.former in {None, self.address} else (self.address, str(self.former))


def identity(kind: IdentityKind, address: str, *, region: str | None = None) -> Identity:
    """The identity in normal form.

    E-mail: lower case, Unicode in NFC, the domain as IDNA 2008 puts it on the wire (UTS 46, not transitional). Local
    parts are case-sensitive by RFC 5321 section 2.4; no provider in use distinguishes them. Phone: E.164, with the
    extension if any; a number without country code is one of `region` (ISO 3166-1), if that is given. Handle:
    `platform:name` as the platform compares names, any other one as it is. External: `system:id`, the id of a customer
    in another system. What cannot be read stays nearly as it is: an odd address is an address, too.
    """
    address = address.strip()
    match kind:
        case "email":
            return Identity(kind, _email(address), address.lower())
        case "phone":
            return Identity(kind, _phone(address, region), "".join(address.split()))
        case "handle":
            return Identity(kind, _handle(address, region), address)
        case "external":
            system, colon, number = address.partition(":")
            return Identity(kind, f"{system.strip().lower()}{colon}{number.strip()}")


def require_usable(identity: Identity) -> None:
    """Raises ValueError, with the reason, for what people cannot have meant.

    Messages come from any address, and are not asked.
    """
    pattern, example = _USABLE[identity.kind]
    if not pattern.fullmatch(identity.address):
        raise ValueError(f"{identity.address!r} is not {example}")


def of_any_kind(address: str, *, region: str | None = None) -> tuple[Identity, ...]:
    """What an address may be, where nobody says of which kind it is."""
    return tuple(identity(kind, address, region=region) for kind in KINDS)


def _email(address: str) -> str:
    # Nearly all, and intake waits for it.
    if address.isascii():
        return address.lower()
    local, at, domain = address.rpartition("@")
    return f"{unicodedata.normalize('NFC', local.lower())}{at}{domain_name(domain)}"


def _phone(address: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(address, region)
    except phonenumbers.NumberParseException:
        return "".join(address.split())
    if not phonenumbers.is_possible_number(number):
        return "".join(address.split())
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{e164};ext={number.extension}" if number.extension else e164


def _handle(address: str, region: str | None) -> str:
    match = _OF_PLATFORM.fullmatch(address)
    if match is None:
        return address
    platform, name = match[1].lower(), match[2].strip()
    if platform in _CASELESS:
        return f"{platform}:{unicodedata.normalize('NFC', name.removeprefix('@').lower())}"
    if platform in _BY_PHONE:
        return f"{platform}:{_phone(name, region)}"
    return address
