"""How the desk reads and writes as a mailbox: settings, secrets, and what goes wrong in words for an admin."""

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.ingestion.domain.addresses import Mailbox, normalise_address
from services.ingestion.domain.tokens import MAX_DOMAIN_CHARS, MAX_LOCAL_CHARS

MAX_MAIL_BYTES = 25 * 1024 * 1024
SEALING_KEY_BYTES = 32

_SECRET = Field(default=None, min_length=1, max_length=8192, repr=False)
_PLAIN = r"^[^\x00-\x1f\x7f]+$"


def _with_port(url: str) -> str:
    _ = urlsplit(url).port  # raises ValueError
    return url


Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:-]+$", examples=["imap.example.com"])]
SmtpUrl = Annotated[
    str,
    Field(
        max_length=500,
        pattern=r"^smtps?://([^\s:@/\x00-\x1f]+@)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?(:[0-9]{1,5})?$",
        examples=["smtp://support%40example.com@smtp.example.com:587"],
    ),
    AfterValidator(_with_port),
]


class ImapSettings(BaseModel):
    """Where mail is fetched from, and what becomes of it there once it is stored here.

    The host may be an internal one: who manages mailboxes decides which servers the desk talks to, as mail servers
    often are. `security` `none` is for servers on this very machine. With `auth` `oauth2` an access token is got from
    `token_url` by the refresh token. `start` `new` leaves alone what is there when the mailbox is first read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    security: Literal["tls", "starttls", "none"] = "tls"
    username: Annotated[str, Field(min_length=1, max_length=320, pattern=_PLAIN)]
    auth: Literal["password", "oauth2"] = "password"
    token_url: Annotated[str, Field(max_length=500, pattern=r"^https?://[^\s\x00-\x1f]+$")] | None = None
    client_id: Annotated[str, Field(max_length=500, pattern=_PLAIN)] | None = None
    scope: Annotated[str, Field(max_length=500, pattern=_PLAIN)] | None = None
    folder: Annotated[str, Field(min_length=1, max_length=200, pattern=_PLAIN)] = "INBOX"
    start: Literal["all", "new"] = "all"
    after: Literal["leave", "seen", "move", "delete"] = "leave"
    move_to: Annotated[str, Field(min_length=1, max_length=200, pattern=_PLAIN)] | None = None
    poll_seconds: Annotated[int, Field(ge=1, le=3600)] = 60

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.security == "none" and not is_loopback(self.host):
            raise ValueError("security none would send the password in the clear: use tls or starttls")
        if self.auth == "oauth2" and (self.token_url is None or self.client_id is None):
            raise ValueError("oauth2 needs token_url and client_id")
        if self.token_url is not None and not _is_safe_url(self.token_url):
            raise ValueError("token_url has to be https")
        if (self.after == "move") != (self.move_to is not None) or self.move_to == self.folder:
            raise ValueError("move_to names another folder when after is move, and only then")
        return self

    @property
    def source(self) -> str:
        """What UIDs are counted in: another server, user or folder is another count."""
        return hashlib.sha256("\0".join((self.host, str(self.port), self.username, self.folder)).encode()).hexdigest()


class MailboxSecrets(BaseModel):
    """Secrets of a mailbox. They are written and never shown; what is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    password: str | None = _SECRET
    refresh_token: str | None = _SECRET
    client_secret: str | None = _SECRET
    smtp_password: str | None = _SECRET

    def merged(self, changed: "MailboxSecrets | None") -> "MailboxSecrets":
        """These with what was given anew."""
        return self if changed is None else self.model_copy(update=changed.model_dump(exclude_none=True))

    @property
    def names(self) -> list[str]:
        """Which of them are there."""
        return sorted(self.model_dump(exclude_none=True))


class MailboxTroubleError(Exception):
    """A mailbox cannot be read at the moment. `reason` is a slug, `words` what an admin can do about it."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.words = words


def retry_after(failures: int, reason: str) -> timedelta:
    """How long to leave a server alone after so many failures in a row: from 5 s to 15 min.

    After a refused login at least a minute: many servers lock an account that is tried often.
    """
    seconds = min(5 * 2 ** min(failures - 1, 10), 900)
    return timedelta(seconds=max(seconds, 60) if reason in {"login_failed", "oauth_failed"} else seconds)


def is_loopback(host: str) -> bool:
    """Whether it is this machine, by name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_safe_url(url: str) -> bool:
    match = re.match(r"(https?)://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(?::\d+)?(?:[/?]|$)", url)
    return match is not None and (match[1] == "https" or is_loopback(match[2].strip("[]")))


def batches(sizes: Iterable[tuple[int, int]], *, mails: int, total_bytes: int) -> list[list[int]]:
    """UIDs with their sizes in groups of at most so many mails and bytes; one that is larger stands alone."""
    groups: list[list[int]] = []
    room = -1
    for uid, size in sizes:
        if room < size or len(groups[-1]) == mails:
            groups.append([])
            room = total_bytes
        groups[-1].append(uid)
        room -= size
    return groups


def checked_address(text: str) -> str:
    """An address, in lower case, that reply addresses can be made of. Raises ValueError for any other."""
    address = normalise_address(text)
    if address is None or "+" in address:
        raise ValueError("has to be a plain address, without a plus")
    mailbox = Mailbox(address)
    if not address.isascii() or len(mailbox.local) > MAX_LOCAL_CHARS or len(mailbox.domain) > MAX_DOMAIN_CHARS:
        raise ValueError(
            f"may have at most {MAX_LOCAL_CHARS} characters before the @ and {MAX_DOMAIN_CHARS} after it, in ASCII: "
            "reply addresses are made of it"
        )
    return address


def sealing_keys(configured: str | None) -> list[bytes]:
    """The keys of a setting: hex, parted by commas, the newest first. Raises ValueError."""
    keys = [bytes.fromhex(key.strip()) for key in (configured or "").split(",") if key.strip()]
    if any(len(key) != SEALING_KEY_BYTES for key in keys):
        raise ValueError(f"each sealing key has to be {SEALING_KEY_BYTES} bytes in hex")
    return keys
