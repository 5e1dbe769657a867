"""What a visitor filled into a form: read as the kinds of its fields are, or told what is wrong with it.

A page without JavaScript cannot show a field by what is in another one: conditional fields are all shown, and none is
required. Tickets looks at what comes by its own rules again.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.text import clean_line, clean_text
from shared.events.forms import PublicField, PublicForm

MAX_NAME_CHARS = 100
MAX_SUBJECT_CHARS = 200
MAX_ADDRESS_CHARS = 254
MAX_FILES = 10
MAX_FILES_BYTES = 20 * 1024 * 1024
# No person reads, writes and sends a form within this; programs do.
HASTE = timedelta(seconds=2)
# Within an hour: by one address, which anybody can type in, and by one link, whose holder is known.
WINDOW = timedelta(hours=1)
MAX_BY_ADDRESS = 5
MAX_BY_LINK = 20
# Of files, by one caller: whoever types in another address each time has still one connection.
MAX_BYTES_BY_CALLER = 100 * 1024 * 1024
# Of all fields of the organisation's own, as JSON: tickets keeps no more of a ticket.
MAX_OWN_BYTES = 32_768

# How the fields of the organisation's own are called in a form, beside ours.
PREFIX = "field."
_EXACT = 2**53
_CURRENCY_CHARS = 3
_MAX_NUMBER_CHARS = 30

Values = Mapping[str, Sequence[str]]


class Wrong(ValueError):
    """What a visitor has to mend; the text is the code of an error."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was sent. `errors` are codes by the names of fields; without any, the rest is sound.

    `excess_chars` is by how much the own fields are too long together, in characters of the longest.
    """

    name: str = ""
    email: str = ""
    subject: str = ""
    text: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    excess_chars: int = 0


def read_form(form: PublicForm, values: Values, *, max_text: int) -> Filled:
    """What somebody filled in."""
    errors: dict[str, str] = {}
    name = clean_line(_one(values, "name"), MAX_NAME_CHARS)
    email = normalise_address(_one(values, "email").strip()[:MAX_ADDRESS_CHARS]) or ""
    if not email:
        errors["email"] = "bad-email" if _one(values, "email").strip() else "missing"
    subject = clean_line(_one(values, "subject"), MAX_SUBJECT_CHARS)
    if not subject:
        errors["subject"] = "missing"
    text = read_text(values, errors, max_text=max_text)
    own: dict[str, Any] = {}
    for each in form.fields:
        try:
            value = _READERS[each.kind](each, values)
        except Wrong as wrong:
            errors[PREFIX + each.key] = str(wrong)
            continue
        if value not in (None, "", [], False):
            own[each.key] = value
        elif each.required:
            errors[PREFIX + each.key] = "missing"
    excess = _excess(own, errors)
    return Filled(name, email, subject, text, own, errors, excess)


def read_text(values: Values, errors: dict[str, str], *, max_text: int) -> str:
    """The message itself; what is wrong with it goes into `errors`."""
    text = clean_text(_one(values, "text"))
    if not text.strip():
        errors["text"] = "missing"
    elif len(text) > max_text:
        errors["text"] = "too-long"
    return text


def _excess(own: Mapping[str, Any], errors: dict[str, str]) -> int:
    """By how many characters of the longest field all are too long together; that is told at the longest."""
    over = len(_as_json(own)) - MAX_OWN_BYTES
    if over <= 0:
        return 0
    longest = max(own, key=lambda key: len(_as_json(own[key])))
    errors[PREFIX + longest] = "too-much"
    said = own[longest] if isinstance(own[longest], str) else str(own[longest])
    return math.ceil(over * len(said) / len(_as_json(said)))


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def wait_for_writes(written: Sequence[datetime], *, most: int, now: datetime) -> timedelta | None:
    """How long somebody waits who sent messages at these times, of which `most` may be in a window; None for not."""
    counted = sorted(each for each in written if each > now - WINDOW)
    return None if len(counted) < most else counted[-most] + WINDOW - now


def wait_for_bytes(stored: Sequence[tuple[datetime, int]], asked: int, *, now: datetime) -> timedelta | None:
    """How long a caller waits who stored so many bytes at these times until `asked` more may come; None for not."""
    counted = sorted(each for each in stored if each[0] > now - WINDOW)
    over = sum(size for _, size in counted) + asked - MAX_BYTES_BY_CALLER
    wait = None
    for at, size in counted:
        if over <= 0:
            break
        over -= size
        wait = at + WINDOW - now
    return wait


def _one(values: Values, name: str) -> str:
    found = values.get(name)
    return found[0] if found else ""


def _text(own: PublicField, values: Values) -> str:
    said = clean_text(_one(values, PREFIX + own.key)).strip()
    if len(said) > own.max_length:
        raise Wrong("too-long")
    return said


def _number(own: PublicField, values: Values) -> int | float | None:
    said = _one(values, PREFIX + own.key).strip()
    if not said:
        return None
    number = float(_decimal(own, said, "bad-number"))
    return int(number) if number.is_integer() else number


def _money(own: PublicField, values: Values) -> dict[str, str] | None:
    amount = _one(values, PREFIX + own.key).strip()
    if not amount:
        return None
    currency = _one(values, f"{PREFIX}{own.key}.currency").strip().upper()
    is_code = len(currency) == _CURRENCY_CHARS and currency.isascii() and currency.isalpha()
    if not is_code or (own.currencies and currency not in own.currencies):
        raise Wrong("bad-amount")
    return {"amount": f"{_decimal(own, amount, 'bad-amount'):f}", "currency": currency}


def _decimal(own: PublicField, said: str, wrong: str) -> Decimal:
    """A number as people write it: with a comma for the point, in digits of any script; as exact as its field."""
    if len(said) > _MAX_NUMBER_CHARS:
        raise Wrong(wrong)
    try:
        number = Decimal(said.replace(",", "."))
    except InvalidOperation:
        raise Wrong(wrong) from None
    if not number.is_finite() or abs(number) > _EXACT or number != round(number, own.decimals):
        raise Wrong(wrong)
    lowest = -math.inf if own.minimum is None else own.minimum
    highest = math.inf if own.maximum is None else own.maximum
    if not lowest <= number <= highest:
        raise Wrong(wrong)
    return round(number, own.decimals)


def _date(own: PublicField, values: Values) -> str | None:
    said = _one(values, PREFIX + own.key).strip()
    if not said:
        return None
    try:
        return date.fromisoformat(said).isoformat()
    except ValueError:
        raise Wrong("bad-date") from None


def _choice(own: PublicField, values: Values) -> str | None:
    said = _one(values, PREFIX + own.key)
    if said and said not in {option.value for option in own.options}:
        raise Wrong("bad-choice")
    return said or None


def _choices(own: PublicField, values: Values) -> list[str]:
    said = list(dict.fromkeys(values.get(PREFIX + own.key, ())))
    if not set(said) <= {option.value for option in own.options}:
        raise Wrong("bad-choice")
    return said


def _flag(own: PublicField, values: Values) -> bool:
    return bool(_one(values, PREFIX + own.key))


_READERS: Mapping[str, Callable[[PublicField, Values], Any]] = {
    "text": _text,
    "number": _number,
    "money": _money,
    "date": _date,
    "choice": _choice,
    "choices": _choices,
    "flag": _flag,
}
