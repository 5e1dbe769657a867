"""Mail that somebody passes on, and who wrote it first. What a forwarded message says of its sender proves nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from services.ingestion.domain.addresses import MAX_NAME_CHARS, Mailbox, normalise_address
from services.ingestion.domain.mail_words import FORWARD_PREFIX, FORWARDED, REPLY_PREFIX, Field, folded
from services.ingestion.domain.quotes import (
    ADDRESS,
    attribution_start,
    has_head_below,
    head,
    is_forward_marker,
    starts_message,
)
from services.ingestion.domain.text import clean_line

_PREFIX = re.compile(r"\s*([^\s:：\[\]]{1,15}(?: [^\s:：\[\]]{1,12})?)\s*(?:\[\d+\]|\^\d+)?\s*[:：]")
_BRACKET = re.compile(r"[<\[(](?=(?:mailto:)?[^\s<>()\[\]:;,\"'*]{1,64}@)")
_MARKS = re.compile(r"^[> ]+")
_MAX_LINES_TO_HEAD = 6
_MAX_LINES_ABOVE_HEAD = 100
# Between the time and the name, in a line that says who wrote when.
_FROM_WORDS = frozenset({"от", "from", "von", "de", "пользователь", "schrieb", "uhr", "schreef", "skrev"})
_NAME_EDGES = " \t\"'<>[](){}*,;:“”„«»"


class Prefix(Enum):
    """What a subject begins with."""

    NONE = auto()
    REPLY = auto()
    FORWARD = auto()


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A forwarded message. `sender` is who it says it is from, None where it does not say."""

    sender: Mailbox | None


def prefix_of(subject: str) -> Prefix:
    """Whether a mail program marked this subject as that of a reply, or of a forwarded mail."""
    match = _PREFIX.match(subject)
    said = folded(match[1]) if match else ""
    if said in REPLY_PREFIX:
        return Prefix.REPLY
    return Prefix.FORWARD if said in FORWARD_PREFIX or said in FORWARDED else Prefix.NONE


def forwarded_message(
    subject: str, text: str, *, refers: bool = False, attached: Mailbox | None = None, has_text: bool = True
) -> Forwarded | None:
    """The message that this mail passes on; None for a mail of its sender's own.

    `refers` says that the mail names others that it belongs to, `attached` is the sender of the one message attached
    to it, and `has_text` whether there is any text beside that. A message that is answered is not passed on, though it
    has the same form: what counts is what comes first.
    """
    prefix = prefix_of(subject)
    lines = text.split("\n")
    start = next((place for place, line in enumerate(lines) if line.strip()), len(lines))
    for place in range(start, len(lines)):
        if is_forward_marker(_MARKS.sub("", lines[place])):
            return Forwarded(_sender_below(lines, place + 1))
        if not _begins_message(lines, place):
            continue
        if prefix is Prefix.FORWARD or (prefix is Prefix.NONE and place == start and not refers):
            return Forwarded(_sender_below(lines, place))
        return None
    if prefix is Prefix.FORWARD:
        return Forwarded(attached or _sender_anywhere(lines))
    return Forwarded(attached) if attached is not None and not has_text else None


def _begins_message(lines: Sequence[str], place: int) -> bool:
    if not lines[place].strip():
        return False
    following = next((line for line in lines[place + 1 : place + 4] if line.strip()), "")
    return starts_message(lines, place) or (
        attribution_start(lines, place, marked=following.lstrip().startswith(">")) is not None
    )


def _sender_below(lines: Sequence[str], start: int) -> Mailbox | None:
    """Who wrote the message whose head, or whose attribution, is in the next lines."""
    near = [_MARKS.sub("", line) for line in lines[start : start + 24]]
    places = [place for place, line in enumerate(near) if line.strip()][:_MAX_LINES_TO_HEAD]
    for place in places:
        if (found := head(near, place)) is not None:
            return _mailbox(found.fields[Field.FROM])
        if attribution_start(near, place, marked=True) is not None:
            return _mailbox(_after_date(" ".join(near[max(0, place - 1) : place + 1])))
    # In a language whose words are not known, the first address is the sender's.
    said = [near[place] for place in places]
    if has_head_below(["", *said], 0):
        return next((_mailbox(line.partition(":")[2]) for line in said if ADDRESS.search(line)), None)
    return None


def _sender_anywhere(lines: Sequence[str]) -> Mailbox | None:
    """Whom the first head is from, in a language whose words are not known."""
    near = ["", *(_MARKS.sub("", line) for line in lines[:_MAX_LINES_ABOVE_HEAD])]
    for place in range(len(near)):
        if has_head_below(near, place) and (found := _sender_below(near, place + 1)) is not None:
            return found
    return None


def _after_date(attribution: str) -> str:
    """What follows the last number before the address, where the name stands in a line that says who wrote when."""
    address = ADDRESS.search(attribution)
    if address is None:
        return ""
    before = re.split(r"[\d,]", attribution[: address.start()])[-1]
    first, _, rest = before.strip().partition(" ")
    return f"{rest if folded(first) in _FROM_WORDS else before} {attribution[address.start() :]}"


def _mailbox(value: str) -> Mailbox | None:
    """The mailbox in `Jane <jane@…>`, `Jane [mailto:jane@…]`, `Jane (jane@…)` or an address alone."""
    # An address in the name is there to be taken for the address.
    bracketed = _BRACKET.search(value)
    match = ADDRESS.search(value, bracketed.end() if bracketed else 0)
    address = normalise_address(match[0].strip(".'")) if match else None
    if match is None or address is None:
        return None
    name = clean_line(re.sub(r"mailto\s*:?$", "", value[: match.start()].strip(_NAME_EDGES)), MAX_NAME_CHARS)
    name = name.strip(_NAME_EDGES)
    return Mailbox(address, "" if "@" in name else name)
