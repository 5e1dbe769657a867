"""Links to files that prove by themselves who may follow them, and until when.

A link is signed with the object key of its file. That is random, known to the services alone and never told outside,
so whoever knows of a file from an event can sign for it, no key has to travel, and a link dies with its file.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

ANYBODY = "anybody"
_ROUND = timedelta(hours=1)


def account_audience(account_id: UUID) -> str:
    """The audience of a link that only one account may follow, signed in."""
    return f"account:{account_id}"


def link_query(file_id: UUID, key: str, *, audience: str, now: datetime, lasts: timedelta = _ROUND) -> str:
    """The query of a link that holds for `lasts` and up to an hour more, so that it stays the same for a while."""
    hour = int(_ROUND.total_seconds())
    expires = -int(-(now + lasts).timestamp() // hour) * hour
    return f"expires={expires}&signature={_signature(file_id, key, audience, expires)}"


def is_signed(file_id: UUID, key: str, *, audience: str, expires: int, signature: str, now: datetime) -> bool:
    """Whether a link is one of ours for this file and this audience, and still holds."""
    expected = _signature(file_id, key, audience, expires)
    return hmac.compare_digest(expected.encode(), signature.encode()) and now.timestamp() < expires


def _signature(file_id: UUID, key: str, audience: str, expires: int) -> str:
    # None of the parts can hold a line break.
    digest = hmac.digest(key.encode(), f"file-link\n{file_id}\n{audience}\n{expires}".encode(), sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")
