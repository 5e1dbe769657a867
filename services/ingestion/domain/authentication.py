"""What a mail server that we trust says about the sender (RFC 8601)."""

import re
from collections.abc import Mapping, Sequence

from services.ingestion.domain.mail import MAX_AUTHENTICATION_CHARS
from shared.events.messages import Authentication

# The properties that name a domain, by method. What a server says of others is no statement about the sender.
_DOMAINS: Mapping[str, frozenset[str]] = {
    "dmarc": frozenset({"header.from"}),
    "dkim": frozenset({"header.d", "header.i"}),
    "spf": frozenset({"smtp.mailfrom", "smtp.mail"}),
}
# `name = value`, where a value is made of quoted strings and plain characters without a space between them.
_PAIR = re.compile(r'\s*([^\s="]+)\s*=\s*((?:"(?:[^"\\]|\\.)*"|[^\s"])+)(?=\s|$)', re.DOTALL)


class _Unreadable(Exception):
    """The field is not what RFC 8601 says, so nothing in it counts."""


def sender_authentication(fields: Sequence[str], *, trusted: str | None, sender_domain: str) -> Authentication:
    """Whether the sender's domain vouches for the mail.

    `fields` are Authentication-Results, topmost first. Only the first one that names `trusted` as its authserv-id
    counts: the trusted server writes its own on top, and anything below may be forged. Without a name to trust the
    answer is NONE, and so it is below a field that cannot be read. DMARC decides where it was checked for the domain of
    From; else a DKIM or SPF pass for that very domain and no other. ARC (RFC 8617) does not count: it tells what those
    saw who passed the mail on, and which of them to believe no mail can tell.
    """
    if not trusted:
        return Authentication.NONE
    for field in fields:
        try:
            server, *results = _split(field)
        except _Unreadable:
            return Authentication.NONE
        if server.split()[:1] and server.split()[0].strip('"').lower() == trusted.lower():
            return _verdict(results, sender_domain)
    return Authentication.NONE


def _split(field: str) -> list[str]:  # noqa: C901 - one case per delimiter of the grammar
    """The field at its semicolons, without comments. Those in quoted strings are the sender's text: they part nothing.

    Raises _Unreadable for what is not closed, or may have been cut.
    """
    if len(field) >= MAX_AUTHENTICATION_CHARS:
        raise _Unreadable
    parts, current, depth, quoted, escaped = [], "", 0, False, False
    for char in field:
        keeps, was_escaped, escaped = depth == 0, escaped, False
        if was_escaped:
            pass
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif quoted:
            quoted = char != '"'
        elif char == "(":
            depth, keeps = depth + 1, False
            current += " "
        elif depth:
            depth -= char == ")"
        elif char == '"':
            quoted = True
        elif char == ";":
            parts.append(current)
            current, keeps = "", False
        current += char if keeps else ""
    if quoted or depth:
        raise _Unreadable
    return [*parts, current]


def _verdict(results: Sequence[str], sender_domain: str) -> Authentication:
    aligned = False
    for result in results:
        pairs = _pairs(result)
        if not pairs:
            continue
        method, outcome = pairs[0][0].partition("/")[0], pairs[0][1].lower()
        named = _DOMAINS.get(method, frozenset())
        domains = {_domain(value) for name, value in pairs[1:] if name in named}
        if method == "dmarc" and (outcome == "fail" or (outcome == "pass" and domains)):
            return Authentication.PASS if outcome == "pass" and domains == {sender_domain} else Authentication.FAIL
        aligned = aligned or (method != "dmarc" and outcome == "pass" and domains == {sender_domain})
    return Authentication.PASS if aligned else Authentication.NONE


def _pairs(result: str) -> list[tuple[str, str]]:
    """The names (in lower case) and values of one result; empty where it is anything else than those."""
    pairs: list[tuple[str, str]] = []
    position, end = 0, len(result.rstrip())
    while position < end:
        match = _PAIR.match(result, position)
        if match is None:
            return []
        pairs.append((match[1].lower(), match[2]))
        position = match.end()
    return pairs


def _domain(value: str) -> str:
    """The domain of `[local@]domain`; empty where it is not plain, because a quoted one is the sender's invention."""
    before, quote, plain = value.rpartition('"')
    if quote and "@" not in plain:
        whole = before.removeprefix('"')
        return whole.lower() if not plain and '"' not in whole and "@" not in whole else ""
    return plain.rpartition("@")[2].lower()
