"""Where a signature begins: below a delimiter, or a line that a telephone or a list adds by itself.

"Kind regards" and a name are what somebody wrote. Better a line too many than one lost.
"""

import re
from collections.abc import Sequence

from services.ingestion.domain.mail_words import DISCLAIMER, SENT_FROM, SENT_FROM_AT_END, folded

MAX_SIGNATURE_LINES = 12
MAX_SIGNATURE_CHARS = 800
_MAX_FOOTER_LINES = 8
_MAX_DISCLAIMER_LINES = 40
_MAX_ADDED_CHARS = 100
_MIN_RULE = 10
# Of a line that names a program nobody here knows.
_MAX_WORDS = 5

_DELIMITERS = frozenset({"--", "—", "––", "—-"})
_DRAWN = "-_=—"
_RULE = re.compile(f"[{_DRAWN}]+")
_LINK = re.compile(r"<?https?://[^\s>]*>?|\[https?://[^\s\]]*\]")
_DEVICE = re.compile(
    r"iphone|ipad|android|samsung|galaxy|huawei|xiaomi|blackberry|smartphone|mobile|outlook|yahoo|mail"
)


def is_rule(line: str) -> bool:
    """Whether the line is drawn: ten dashes or more."""
    drawn = line.strip()
    if len(drawn) < _MIN_RULE or drawn[0] not in _DRAWN:
        return False
    drawn = drawn.replace(" ", "")
    return len(drawn) >= _MIN_RULE and bool(_RULE.fullmatch(drawn))


def signature_start(lines: Sequence[str]) -> int:
    """The line at which the signature of this text begins; their number where it has none."""
    end = _end(lines, len(lines))
    while end > 0:
        start = _added(lines, end)
        if start == end:
            break
        end = _end(lines, start)
    return end if any(line.strip() for line in lines[end:]) else len(lines)


def _end(lines: Sequence[str], end: int) -> int:
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    return end


def _added(lines: Sequence[str], end: int) -> int:
    """Where what a program added at the end begins; `end` where it is nothing."""
    if is_rule(lines[end - 1]) or _is_sent_from(lines[end - 1]):
        return end - 1
    size = 0
    for place in range(end - 1, max(-1, end - 1 - _MAX_DISCLAIMER_LINES), -1):
        line = lines[place].strip()
        below = end - 1 - place
        if line in _DELIMITERS and below <= MAX_SIGNATURE_LINES and size <= MAX_SIGNATURE_CHARS:
            return place
        if is_rule(line):
            is_footer = below <= _MAX_FOOTER_LINES and any(_is_link(each) for each in lines[place + 1 : end])
            return place if is_footer else end
        if place and not lines[place - 1].strip() and folded(line.strip("*_ "))[:60].startswith(DISCLAIMER):
            return place if _is_heading(line) else end
        size += len(line)
    return end


def _is_heading(line: str) -> bool:
    """Whether a disclaimer begins with its name, and not a sentence about one."""
    start = line.strip("*_ ")
    return start.endswith(":") or ":" in start[:60] or start == start.upper() or len(start.split()) <= 3  # noqa: PLR2004


def _is_link(line: str) -> bool:
    return "://" in line or "@" in line


def _is_sent_from(line: str) -> bool:
    """Whether a program wrote the line to tell of itself."""
    said = folded(_LINK.sub("", line)).strip("*_<>[]() ")
    if not said or len(said) > _MAX_ADDED_CHARS:
        return False
    if "outlook" in said and ("ios" in said or "android" in said):
        return True
    plain = said.rstrip(" .。")
    if plain.endswith(SENT_FROM_AT_END):
        return bool(_DEVICE.search(plain))
    if not plain.startswith(SENT_FROM):
        return False
    return bool(_DEVICE.search(plain)) or (said[-1] not in ".!?,;" and len(plain.split()) <= _MAX_WORDS)
