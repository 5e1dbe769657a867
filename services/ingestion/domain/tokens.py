"""Secrets in addresses and Message-IDs that tie a reply to its conversation.

A reply address is `support+r.<token>@…`: the conversation and an HMAC over conversation and correspondent. It is worth
something only to the person it was sent to, so an address that leaks opens no thread to its finder. Agents get
`support+a.<token>@…` to answer a ticket in public, or `support+n.<token>@…` to answer with a note. A Message-ID of ours
proves less: that whoever names it has a copy of that mail. It counts for those to whom the mail was sent.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from uuid import UUID

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.identities import Identities, Identity
from shared.events.messages import AgentToken

KEY_BYTES = 32
# A reply address has to fit into the 64 characters of RFC 5321 section 4.5.3.1.1, with `+r.` and the token in it.
MAX_LOCAL_CHARS = 64 - 3 - 42
# And the domain into a Message-ID, beside an id and a tag.
MAX_DOMAIN_CHARS = 180

_TAG_BYTES = 10
_TOKEN = re.compile(r"\+([ran])\.([a-z2-7]{42})$")  # 16 bytes of UUID and the tag in base32, lower case
_FORM = re.compile(r"\+[ran]\.")
# Who answers: a customer, or an agent in public or with a note. A token of one kind proves nothing of another.
_CUSTOMER, _REPLY, _NOTE = "r", "a", "n"
_PURPOSES = {_CUSTOMER: b"reply", _REPLY: b"agent-reply", _NOTE: b"agent-note"}
_BOUNCE = re.compile(r"\+b\.([a-z2-7]{42})$")
_SENT = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{20})@")


def _tag(key: bytes, purpose: bytes, *parts: bytes) -> bytes:
    message = purpose + b"".join(b"\x00%d\x00%s" % (len(part), part) for part in parts)
    return hmac.digest(key, message, hashlib.sha256)[:_TAG_BYTES]


def reply_address(key: bytes, base: Mailbox, conversation_id: UUID, correspondent: str) -> str:
    """The address that `correspondent` (a normalised address) can answer this conversation at."""
    return _address(key, base, _CUSTOMER, conversation_id, correspondent)


def conversation_of(key: bytes, own: Identities, delivered_to: tuple[str, ...], sender: str) -> UUID | None:
    """The conversation that one of the addresses proves for this sender; None where none does.

    Whichever of our mailboxes it was made for: customers answer to what they have, also when that was renamed since.
    """
    return _proven(key, own, _CUSTOMER, delivered_to, sender)


def agent_address(key: bytes, identity: Identity, ticket_id: UUID, address: str, *, as_note: bool) -> str:
    """The address that an agent who is written to at `address` (normalised) can answer a ticket at.

    What comes there from them is their public reply, or with `as_note` stays internal.
    """
    return _address(key, identity.mailbox, _NOTE if as_note else _REPLY, ticket_id, address)


def agent_token(key: bytes, own: Identities, delivered_to: tuple[str, ...], sender: str) -> AgentToken | None:
    """What one of the addresses proves that an agent was written to about; of both kinds the internal one counts."""
    for letter in (_NOTE, _REPLY):
        if (ticket_id := _proven(key, own, letter, delivered_to, sender)) is not None:
            return AgentToken(ticket_id=ticket_id, as_note=letter == _NOTE)
    return None


def _address(key: bytes, base: Mailbox, letter: str, id_: UUID, correspondent: str) -> str:
    secret = id_.bytes + _tag(key, _PURPOSES[letter], id_.bytes, correspondent.encode())
    token = base64.b32encode(secret).decode().rstrip("=").lower()
    return f"{base.local}+{letter}.{token}@{base.domain}"


def _proven(key: bytes, own: Identities, letter: str, delivered_to: tuple[str, ...], sender: str) -> UUID | None:
    for address in delivered_to:
        local, _, domain = address.rpartition("@")
        match = _TOKEN.search(local)
        if match is None or match[1] != letter or domain not in own.domains:
            continue
        try:
            secret = base64.b32decode(match[2].upper() + "=" * (-len(match[2]) % 8))
        except binascii.Error:
            continue
        id_, tag = secret[:16], secret[16:]
        if hmac.compare_digest(tag, _tag(key, _PURPOSES[letter], id_, sender.encode())):
            return UUID(bytes=id_)
    return None


def outgoing_message_id(key: bytes, base: Mailbox, message_id: UUID) -> str:
    """The Message-ID (without angle brackets) of one of our messages: the same at every attempt, and not guessable."""
    tag = _tag(key, b"message-id", message_id.bytes).hex()
    return f"{message_id.hex}.{tag}@{base.domain}"


def is_reply_address(own: Identities, address: str) -> bool:
    """Whether `address` has the form of a reply address of ours, with a valid token or not."""
    return bool(_FORM.search(address.rpartition("@")[0])) and own.of_address(address) is not None


def sent_message(key: bytes, mail_id: str) -> UUID | None:
    """Which of our messages has this Message-ID (without angle brackets); None for one that was not made here."""
    match = _SENT.match(mail_id)
    if match is None:
        return None
    message_id = UUID(hex=match[1])
    return (
        message_id if hmac.compare_digest(bytes.fromhex(match[2]), _tag(key, b"message-id", message_id.bytes)) else None
    )


def bounce_address(key: bytes, base: Mailbox, message_id: UUID, recipient: str) -> str:
    """The return path (RFC 5321 section 4.4) of one message to one recipient, a normalised address.

    What comes back to it says by itself what did not arrive, and where. Empty for a mail that goes to several at once.
    """
    secret = message_id.bytes + _tag(key, b"bounce", message_id.bytes, recipient.encode())
    token = base64.b32encode(secret).decode().rstrip("=").lower()
    return f"{base.local}+b.{token}@{base.domain}"


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """What a return path of ours claims to be of. Nothing is proven before `is_of`."""

    message_id: UUID
    _tag: bytes = field(repr=False)

    def is_of(self, key: bytes, recipient: str) -> bool:
        """Whether it was made for the message and this recipient."""
        return hmac.compare_digest(self._tag, _tag(key, b"bounce", self.message_id.bytes, recipient.encode()))


def bounced(own: Identities, address: str) -> ReturnPath | None:
    """The return path that `address` has the form of; None where it is none of ours."""
    local, _, domain = address.rpartition("@")
    match = _BOUNCE.search(local)
    if match is None or domain not in own.domains:
        return None
    try:
        secret = base64.b32decode(match[1].upper() + "=" * (-len(match[1]) % 8))
    except binascii.Error:
        return None
    return ReturnPath(UUID(bytes=secret[:16]), secret[16:])
