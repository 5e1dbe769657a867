"""Reading mailboxes out of header fields (RFC 5322 section 3.4), without being talked into the wrong one.

Python's `email.utils.parseaddr` takes `alice@co)<bob@evil>` for alice (CVE-2023-27043). Here a field that reads in two
ways has no mailbox at all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.ingestion.domain.text import clean_line
from shared.domains import domain_name

MAX_ADDRESS_CHARS = 254
MAX_NAME_CHARS = 200

_LOCAL = r"[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*"
_LABEL = r"[a-z0-9\u0080-\U0010ffff](?:[a-z0-9\u0080-\U0010ffff-]{0,61}[a-z0-9\u0080-\U0010ffff])?"
_ADDRESS = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address in lower case, and the name shown with it (empty where there is none)."""

    address: str
    name: str = ""

    @property
    def local(self) -> str:
        """What stands before the `@`."""
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """What stands after the `@`."""
        return self.address.rpartition("@")[2]


def normalise_address(text: str) -> str | None:
    """The address in lower case, or None where `text` is no addr-spec.

    Dot-atoms only, also in UTF-8 (RFC 6532): quoted local parts and domain literals are not accepted.
    """
    address = text.strip().lower()
    if len(address) > MAX_ADDRESS_CHARS or address.rfind("@") > 64:  # noqa: PLR2004 - RFC 5321 section 4.5.3.1.1
        return None
    if not _ADDRESS.fullmatch(address) or clean_line(address, MAX_ADDRESS_CHARS) != address or " " in address:
        return None
    return address


def in_ascii(address: str) -> str:
    """An address with its domain as mail servers write it; as it is where it has none."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain_name(domain)}" if at else address


class _Unreadable(Exception):
    """The field is not a list of mailboxes, or reads in more than one way."""


@dataclass(slots=True)
class _Draft:
    """One list element while it is read."""

    phrase: str = ""
    angle: str | None = None


def parse_mailboxes(field: str, *, limit: int) -> tuple[Mailbox, ...]:
    """The mailboxes of an undecoded address field, in order, at most `limit`; empty where the field is not clear.

    Names come back still encoded (RFC 2047); the caller decodes them afterwards, so that an encoded word can never add
    an address.
    """
    try:
        mailboxes: list[Mailbox] = []
        pending = ""
        for draft in _elements(field):
            mailbox, pending = _finish(draft, pending)
            if mailbox is not None:
                mailboxes.append(mailbox)
                if len(mailboxes) == limit:
                    break
        return tuple(mailboxes)
    except _Unreadable:
        return ()


def _finish(draft: _Draft, pending: str) -> tuple[Mailbox | None, str]:
    """Turn an element into a mailbox, or into the start of the next one's name (`Doe, Jane <jane@…>`, unquoted)."""
    phrase = draft.phrase.strip()
    if draft.angle is not None:
        address = normalise_address(draft.angle)
        if address is None:
            raise _Unreadable
        return Mailbox(address, f"{pending} {phrase}".strip()), ""
    if not phrase:
        return None, pending
    if "@" not in phrase:
        return None, f"{pending} {phrase}".strip()
    address = normalise_address(phrase)
    if address is None:
        raise _Unreadable
    return Mailbox(address), ""


def _elements(field: str) -> Iterator[_Draft]:  # noqa: C901 - one case per delimiter of the grammar
    """Split a field at its top-level commas. One pass, no recursion, whatever the nesting of comments."""
    draft = _Draft()
    position, length, depth = 0, len(field), 0
    while position < length:
        char = field[position]
        if depth:
            depth += {"(": 1, ")": -1}.get(char, 0)
            position += 2 if char == "\\" else 1
            continue
        position += 1
        if char == "(":
            depth = 1
        elif char == '"':
            quoted, position = _until(field, position, '"')
            draft.phrase += quoted
        elif char == "<":
            if draft.angle is not None:
                raise _Unreadable
            draft.angle, position = _until(field, position, ">")
        elif char in ")>":
            raise _Unreadable
        elif char in ",;":
            yield draft
            draft = _Draft()
        elif char == ":" and "@" not in draft.phrase:
            draft = _Draft()  # the display name of a group: `undisclosed-recipients:;`
        elif draft.angle is not None and not char.isspace():
            raise _Unreadable
        else:
            draft.phrase += char
    if depth:
        raise _Unreadable
    yield draft


def _until(field: str, position: int, end: str) -> tuple[str, int]:
    """The text up to the unescaped `end`, and the position after it."""
    collected: list[str] = []
    while position < len(field):
        char = field[position]
        if char == end:
            return "".join(collected), position + 1
        if char == "\\" and position + 1 < len(field):
            position += 1
            char = field[position]
        collected.append(char)
        position += 1
    raise _Unreadable
