"""Customers' identities: an address of some kind, compared in one normal form."""

from typing import Literal, NamedTuple

IdentityKind = Literal["email", "phone", "handle"]


class Identity(NamedTuple):
    """What a customer is recognised by; unique over all customers. Build it with `identity`."""

    kind: IdentityKind
    address: str


def identity(kind: IdentityKind, address: str) -> Identity:
    """The identity in normal form: e-mail in lower case, a phone number without spaces, a handle as it is.

    Local parts of e-mail are case-sensitive by RFC 5321 section 2.4; no provider in use distinguishes them.
    """
    address = address.strip()
    if kind == "email":
        address = address.lower()
    elif kind == "phone":
        address = "".join(address.split())
    return Identity(kind, address)
