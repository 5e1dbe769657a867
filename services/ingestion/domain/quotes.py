"""What of a mail's text is new. Every line is looked at once, with a few beside it, whatever the text.

Quotation is marked with `>`, or stands below a line that says who wrote when, or below the head of a message. Where it
is marked, what stands between and below it stays: people answer there. Better a line too many than one lost.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.ingestion.domain.mail_words import FIELDS, FORWARDED, OPENING, ORIGINAL, WROTE, Field, folded
from services.ingestion.domain.signatures import is_rule, signature_start

# Looked for where it may begin only: a long word costs its length.
ADDRESS = re.compile(r"(?<![^\s<>()\[\]:;,\"'*])[^\s<>()\[\]:;,\"'*]{1,64}@[^\s<>()\[\]:;,\"'*]{1,255}")

_BLANK_RUN = re.compile(r"\n{3,}")
_MARK = re.compile(r" {0,3}[>＞]")
_DATE = re.compile(r"\d{4}|\d{1,2}[./-] ?\d{1,2}|\d{1,2} ?[年月일日]")
_TIME = re.compile(r"\d{1,2} ?[:.h時时시] ?\d{2}")
_DRAWN = "-_=—–* "
_COLONS = (":", "：")
_DASHES = ("--", "__", "==", "——")
# Verbs that end the line by themselves.
_SAID = ("wrote", "写道", "寫道", "写到")

_MAX_LABEL_CHARS = 40
_MAX_HEAD_LINES = 16
_MAX_WRAPPED_LINES = 4
_MAX_LINE_CHARS = 300
_MAX_SHORT_CHARS = 100
_MAX_LINES = 3_000
_MAX_LINES_WITH_COLON = 500
_MAX_SEPARATOR_CHARS = 120
_FEWEST_FIELDS = 3


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a quoted or forwarded message: the values of its fields, and the line after it."""

    fields: Mapping[Field, str]
    end: int


def is_log(text: str) -> bool:
    """Whether nobody wrote or quoted the text: it has too many lines, or too many that may tell of a quotation."""
    lines = text.split("\n")
    told = sum(line.rstrip(_DRAWN).endswith(_COLONS + _SAID) and not _MARK.match(line) for line in lines)
    return len(lines) > _MAX_LINES or told > _MAX_LINES_WITH_COLON


def newest_reply(text: str) -> str:
    """What is new in a reply: without quoted text and signatures. The very text where nothing of it is to be left out.

    Never empty where the text is not: a signature is better than nothing, and so is a quotation.
    """
    lines = text.split("\n")
    unquoted = _unquoted(lines)
    for kept in (_unsigned(lines, unquoted), unquoted):
        if all(kept):
            return text
        new = _BLANK_RUN.sub("\n\n", "\n".join(line for line, keep in zip(lines, kept, strict=True) if keep))
        if new.strip():
            return _without_rule(new.strip("\n"))
    return text


def without_signature(text: str) -> str:
    """The text without the signature at its end; the very text where it has none, or nothing else."""
    lines = text.split("\n")
    start = signature_start(lines)
    above = "\n".join(lines[:start]).rstrip()
    return above if start < len(lines) and above.strip() else text


def _without_rule(text: str) -> str:
    """Without the line that a program draws between what is new and what is quoted."""
    lines = text.split("\n")
    while len(lines) > 1 and (is_rule(lines[-1]) or not lines[-1].strip()):
        lines.pop()
    return "\n".join(lines)


def _unsigned(lines: Sequence[str], kept: Sequence[bool]) -> list[bool]:
    """Which of the kept lines are no signature: they stand at the end, or above what is quoted."""
    left = list(kept)
    end = len(lines)
    while end > 0:
        start = end
        while start > 0 and kept[start - 1]:
            start -= 1
        signature = start + signature_start(lines[start:end])
        left[signature:end] = [False] * (end - signature)
        end = start - 1
    return left


def _unquoted(lines: Sequence[str]) -> list[bool]:
    """Which lines are not quoted."""
    kept = [not _MARK.match(line) for line in lines]
    before_mark = _before_mark(lines, kept)
    for place, line in enumerate(lines):
        if not kept[place] or not line.strip():
            continue
        if is_forward_marker(line):
            break
        first = attribution_start(lines, place, marked=before_mark[place])
        if first is not None and before_mark[place]:
            kept[first : place + 1] = [False] * (place + 1 - first)
        elif first is not None or starts_message(lines, place):
            start = place if first is None else first
            if any(kept[each] and lines[each].strip() for each in range(start)):
                kept[start:] = [False] * (len(lines) - start)
            break
    return kept


def _before_mark(lines: Sequence[str], unmarked: Sequence[bool]) -> list[bool]:
    """For each line, whether the next one that says anything is marked."""
    found = [False] * len(lines)
    following = False
    for place in range(len(lines) - 1, -1, -1):
        found[place] = following
        if not unmarked[place]:
            following = True
        elif lines[place].strip():
            following = False
    return found


def attribution_start(lines: Sequence[str], place: int, *, marked: bool) -> int | None:
    """The first line of the sentence ending at `place` that says who wrote when; None where there is none.

    Of text that is not marked as quoted it has to say more, for all below it is left out.
    """
    last = lines[place].strip(_DRAWN)
    if not last.endswith(_COLONS + _SAID) or len(last) > _MAX_LINE_CHARS:
        return None
    sentence, without_date, without_writer = "", None, None
    for first in range(place, max(-1, place - _MAX_WRAPPED_LINES), -1):
        line = lines[first].strip(_DRAWN)
        if not line or _MARK.match(lines[first]) or len(line) + len(sentence) > _MAX_LINE_CHARS:
            break
        sentence = f"{line} {sentence}"
        if not marked and not _DATE.search(sentence):
            continue
        said = folded(sentence)
        if _says_who_wrote_when(said, marked=marked):
            return _with_opening(lines, first)
        if marked and without_date is None and "@" in said and ADDRESS.search(said) and WROTE.search(said):
            without_date = _with_opening(lines, first)
        if marked and without_writer is None and _DATE.search(said) and _TIME.search(said):
            without_writer = first
    if marked and len(last) <= _MAX_SHORT_CHARS and WROTE.search(folded(last)):
        return place if without_date is None else without_date
    return without_writer if without_date is None else without_date


def _says_who_wrote_when(sentence: str, *, marked: bool) -> bool:
    unaddressed = ADDRESS.sub("", sentence) if "@" in sentence else sentence
    if not _DATE.search(unaddressed):
        return False
    has_time = bool(_TIME.search(unaddressed))
    has_address = unaddressed != sentence
    has_verb = bool(WROTE.search(unaddressed))
    if marked:
        return has_address or has_verb
    if has_verb:
        return has_address or (has_time and bool(OPENING.match(sentence)))
    return has_time and has_address and "@" in sentence.rstrip(":： ").rsplit(" ", 1)[-1]


def _with_opening(lines: Sequence[str], first: int) -> int:
    """The line, or the one above it where that begins the sentence, such as "On Thursday,"."""
    above = folded(lines[first - 1]) if first else ""
    begins = len(above) <= _MAX_SHORT_CHARS and OPENING.match(above) and not above.endswith((".", "!", "?", ":"))
    return first - 1 if begins else first


def starts_message(lines: Sequence[str], place: int) -> bool:
    """Whether another message begins at this line: its head, or the line that a program draws above it."""
    said = separator(lines[place])
    if said is not None:
        return said in ORIGINAL or has_head_below(lines, place)
    if is_rule(lines[place]):
        return has_head_below(lines, place)
    return head(lines, place) is not None


def separator(line: str) -> str | None:
    """What stands between dashes, as in `-----Original Message-----`; None where nothing does."""
    line = line.strip(" *>")
    if not line.startswith(_DASHES) or not line.endswith(_DASHES) or len(line) > _MAX_SEPARATOR_CHARS or is_rule(line):
        return None
    return folded(line.strip(_DRAWN))


def is_forward_marker(line: str) -> bool:
    """Whether the line says that a forwarded message follows."""
    said = separator(line)
    if said is None:
        plain = line.strip("* ")
        said = folded(plain.rstrip(":： ")) if len(plain) <= _MAX_SHORT_CHARS and plain.endswith(_COLONS) else ""
    return said in FORWARDED or said.startswith("forwarded by ")


def has_head_below(lines: Sequence[str], place: int) -> bool:
    """Whether a message's head follows, in whatever language: three fields, one of them with an address."""
    start = next((each for each in range(place + 1, min(place + 4, len(lines))) if lines[each].strip()), len(lines))
    if head(lines, start) is not None:
        return True
    fields = []
    for line in lines[start : start + _FEWEST_FIELDS + 1]:
        label, value = _field(line)
        if label:
            fields.append(value)
    return len(fields) >= _FEWEST_FIELDS and any(ADDRESS.search(value) for value in fields)


def head(lines: Sequence[str], start: int) -> Head | None:
    """The head of a message at this line, if there is one.

    From, Date and To may be of a journey: there has to be a subject, or an address that it is from.
    """
    if start >= len(lines) or _field(lines[start])[0] not in FIELDS:
        return None
    found: dict[Field, str] = {}
    last, after_blank, end = None, False, start
    for place in range(start, min(start + _MAX_HEAD_LINES, len(lines))):
        line = lines[place]
        label, value = _field(line)
        kind = FIELDS.get(label)
        if kind is None and (last is None or (after_blank and line.strip())):
            break
        if kind is not None:
            last, after_blank, end = kind, False, place + 1
            found.setdefault(kind, value)
        elif not line.strip():
            after_blank = True
        elif last is not None:
            found[last] = f"{found[last]} {line.strip()}"
            end = place + 1
    told = len(found.keys() & {Field.DATE, Field.TO, Field.SUBJECT})
    is_head = Field.FROM in found and told > 1 and (Field.SUBJECT in found or bool(ADDRESS.search(found[Field.FROM])))
    return Head(found, end) if is_head else None


def _field(line: str) -> tuple[str, str]:
    """The label in folded form and the value of a line such as `*From:* Jane`; two empty texts where it is none."""
    start = line[: _MAX_LABEL_CHARS + 10]
    if ":" not in start and "：" not in start:
        return "", ""
    start = start.replace("：", ":")
    label, colon, _ = start.partition(":")
    if not colon or len(label) > _MAX_LABEL_CHARS:
        return "", ""
    return folded(label.strip("*_> \t")), line[len(label) + 1 :].strip("* _\t")
