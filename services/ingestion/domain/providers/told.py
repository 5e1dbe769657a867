"""What all providers have in common: values, and how JSON and forms from outside are read without surprises."""

import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, FormParser, parse_options_header

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.bounces import Bounce

# Clocks differ; what claims to be from later than this was not signed now.
_AHEAD = timedelta(minutes=10)
_MAX_FIELDS = 200
_MAX_RECIPIENTS = 100
# Of JSON whose proof is inside of it: more than SNS ever sends (256 KiB, escaped), and than any event of Mailgun.
_MAX_UNPROVEN_BYTES = 2 * 1024 * 1024


class Unproven(Exception):
    """Nothing shows that the provider tells this, or that it tells it now. The message has nothing of the request."""


class NotUnderstood(Exception):
    """The provider does tell this, and we cannot take it as it is. It has to come again, so it is not acknowledged.

    The message says to the operator, who finds it in the provider's log, what to set up otherwise.
    """


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as its sender wrote it, and whom the provider took it for."""

    raw: bytes = field(repr=False)
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What one request says. `token` is what the provider gives to no other request, `digest` a hash of its content.

    `confirm_url` has to be visited before the provider tells more; `passed_over` says what was not understood of it.
    """

    token: str | None
    digest: bytes
    mails: tuple[ReceivedMail, ...] = ()
    bounces: tuple[Bounce, ...] = ()
    confirm_url: str | None = None
    passed_over: tuple[str, ...] = ()


def require_fresh(moment: datetime, now: datetime, *, kept: timedelta) -> None:
    """Raise Unproven for a time that is older than `kept`, or is to come."""
    if not now - kept <= moment <= now + _AHEAD:
        raise Unproven("The signature is not of this time.")


def seconds(text: str) -> datetime:
    """A time in seconds since 1970, as text. Raises Unproven for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= 11):  # noqa: PLR2004 - until the year 5138
        raise Unproven("There is no time in it.")
    return datetime.fromtimestamp(int(text), UTC)


def digest_of(*parts: bytes) -> bytes:
    """A hash of parts, unambiguous in where each ends."""
    return hashlib.sha256(b"".join(b"%d:%s" % (len(part), part) for part in parts)).digest()


def read_json(body: bytes | str) -> Any:
    """JSON, as far as it is any. Raises NotUnderstood."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood("The body is not JSON.") from error


def read_unproven(body: bytes) -> Mapping[str, Any]:
    """A JSON object that has its proof inside, and so is read of anybody. Raises Unproven where it is none, or large.

    What is no more than `[],` many million times takes a hundred times its length.
    """
    try:
        return as_object(read_json(body if len(body) <= _MAX_UNPROVEN_BYTES else b""))
    except NotUnderstood as error:
        raise Unproven("There is no signature in it.") from error


def as_object(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A JSON array; an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """A JSON string, or a number as one; empty in place of anything else. JSON has lone surrogates, UTF-8 has none."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text.encode("utf-8", "replace").decode()


def addresses(*values: Any) -> tuple[str, ...]:
    """Those of the values that are addresses, normalised."""
    found = (normalise_address(as_text(value).strip().strip("<>")) for value in values[:_MAX_RECIPIENTS])
    return tuple(dict.fromkeys(address for address in found if address))


def mail_id(value: Any) -> tuple[str, ...]:
    """A Message-ID without angle brackets; none in place of anything else."""
    found = as_text(value).strip().strip("<>")
    return (found,) if found else ()


def read_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of a form (WHATWG URL section 5, RFC 7578), as bytes: raw mail is no text. Without its files.

    Raises NotUnderstood for what is no form, or has more parts than any has.
    """
    kind, options = parse_options_header(content_type)
    if kind == b"application/x-www-form-urlencoded":
        pairs = (part.partition(b"=") for part in body.split(b"&", _MAX_FIELDS)[:_MAX_FIELDS])
        return {_name(_unquoted(name)): _unquoted(value) for name, _, value in pairs}
    fields: dict[str, bytes] = {}
    parts = 0

    def count() -> None:
        nonlocal parts
        parts += 1
        if parts > _MAX_FIELDS:
            raise NotUnderstood("The form has too many parts.")

    def keep(each: Field) -> None:
        count()
        fields[_name(each.field_name or b"")] = each.value or b""

    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise NotUnderstood("The body is not a form.")
    # Files stay in memory, where the whole body is, and nowhere else.
    try:
        parser = FormParser(
            "multipart/form-data",
            keep,
            lambda _file: count(),
            boundary=options[b"boundary"],
            config={"MAX_MEMORY_FILE_SIZE": len(body) + 1},
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise NotUnderstood("The form cannot be read.") from error
    return fields


def _unquoted(text: bytes) -> bytes:
    # `urllib.parse` makes an object of each escape: of 40 MB of them, which anybody may send, 3 GB. These escapes are
    # those of quoted-printable by another sign, and its decoder needs no more than the text.
    return binascii.a2b_qp(text.replace(b"+", b" ").replace(b"=", b"=3D").replace(b"%", b"="))


def _name(name: bytes) -> str:
    return name.decode("utf-8", "replace")
