"""What a mail server that we trust says about the sender (RFC 8601)."""

import re
from collections.abc import Sequence

from shared.events.messages import Authentication

_COMMENT = re.compile(r"\([^()]*\)")
_RESULT = re.compile(r"^\s*(dmarc|dkim|spf)\s*=\s*([a-z]+)(.*)$", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(r"(header\.(?:from|d|i)|smtp\.(?:mailfrom|mail))\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


def sender_authentication(fields: Sequence[str], *, trusted: str | None, sender_domain: str) -> Authentication:
    """Whether the sender's domain vouches for the mail.

    `fields` are Authentication-Results, topmost first. Only the first one that names `trusted` as its authserv-id
    counts: the trusted server writes its own on top, and anything below may be forged. Without a name to trust the
    answer is NONE. DMARC decides where it was checked; else a DKIM or SPF pass for the very domain of From.
    """
    if not trusted:
        return Authentication.NONE
    for field in fields:
        server, *results = _COMMENT.sub(" ", field).split(";")
        if server.split()[:1] == [trusted] or server.strip().lower() == trusted.lower():
            return _verdict(results, sender_domain)
    return Authentication.NONE


def _verdict(results: Sequence[str], sender_domain: str) -> Authentication:
    aligned = False
    for result in results:
        match = _RESULT.match(result)
        if match is None:
            continue
        method, outcome = match[1].lower(), match[2].lower()
        domains = {value.lower().rpartition("@")[2] for _, value in _PROPERTY.findall(match[3])}
        if method == "dmarc" and outcome in {"pass", "fail"}:
            return Authentication.PASS if outcome == "pass" and domains <= {sender_domain} else Authentication.FAIL
        aligned = aligned or (outcome == "pass" and sender_domain in domains)
    return Authentication.PASS if aligned else Authentication.NONE
