"""Identifiers: UUID version 7 (RFC 9562), which sort by time and so keep index inserts at one end."""

from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> UUID:
    """A new time-ordered UUID."""
    return _uuid7()
