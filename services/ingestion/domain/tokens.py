"""Secrets in addresses and Message-IDs that tie a reply to its conversation.

A reply address is `support+r.<token>@…`: the conversation and an HMAC over conversation and correspondent. It is worth
something only to the person it was sent to, so an address that leaks opens no thread to its finder.
"""

import base64
import binascii
import hashlib
import hmac
import re
from uuid import UUID

from services.ingestion.domain.addresses import Mailbox

KEY_BYTES = 32
# A reply address has to fit into the 64 characters of RFC 5321 section 4.5.3.1.1, with `+r.` and the token in it.
MAX_LOCAL_CHARS = 64 - 3 - 42
# And the domain into a Message-ID, beside an id and a tag.
MAX_DOMAIN_CHARS = 180

_TAG_BYTES = 10
_REPLY = re.compile(r"\+r\.([a-z2-7]{42})$")  # 16 bytes of UUID and the tag in base32, lower case


def _tag(key: bytes, purpose: bytes, *parts: bytes) -> bytes:
    message = purpose + b"".join(b"\x00%d\x00%s" % (len(part), part) for part in parts)
    return hmac.digest(key, message, hashlib.sha256)[:_TAG_BYTES]


def reply_address(key: bytes, base: Mailbox, conversation_id: UUID, correspondent: str) -> str:
    """The address that `correspondent` (a normalised address) can answer this conversation at."""
    secret = conversation_id.bytes + _tag(key, b"reply", conversation_id.bytes, correspondent.encode())
    token = base64.b32encode(secret).decode().rstrip("=").lower()
    return f"{base.local}+r.{token}@{base.domain}"


def conversation_of(key: bytes, base: Mailbox, delivered_to: tuple[str, ...], sender: str) -> UUID | None:
    """The conversation that one of the addresses proves for this sender; None where none does."""
    for address in delivered_to:
        local, _, domain = address.rpartition("@")
        match = _REPLY.search(local)
        if match is None or domain != base.domain:
            continue
        try:
            secret = base64.b32decode(match[1].upper() + "=" * (-len(match[1]) % 8))
        except binascii.Error:
            continue
        conversation, tag = secret[:16], secret[16:]
        if hmac.compare_digest(tag, _tag(key, b"reply", conversation, sender.encode())):
            return UUID(bytes=conversation)
    return None


def is_own_address(base: Mailbox, address: str) -> bool:
    """Whether `address` is the desk's own, with or without a reply token."""
    local, _, domain = address.rpartition("@")
    return domain == base.domain and local.partition("+")[0] == base.local


def outgoing_message_id(key: bytes, base: Mailbox, message_id: UUID) -> str:
    """The Message-ID (without angle brackets) of one of our messages: the same at every attempt, and not guessable."""
    tag = _tag(key, b"message-id", message_id.bytes).hex()
    return f"{message_id.hex}.{tag}@{base.domain}"


def is_reply_address(base: Mailbox, address: str) -> bool:
    """Whether `address` has the form of a reply address, with a valid token or not."""
    local, _, domain = address.rpartition("@")
    return domain == base.domain and local.startswith(f"{base.local}+r.")
