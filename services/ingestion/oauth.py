"""Access tokens for mailboxes, got by their refresh tokens (RFC 6749 section 6)."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from services.ingestion.domain.mailboxes import ImapSettings, MailboxSecrets, MailboxTroubleError
from services.ingestion.egress import EgressClient, EgressError

_OK = 200
_MAX_BYTES = 64 * 1024
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# Renewed this long before its end, so that a login never comes too late.
_MARGIN_SECONDS = 60
_MAX_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token to log in with. `refresh_token` is a new one that takes the old one's place, if any."""

    value: str
    refresh_token: str | None
    ends_at: float


class AccessTokens:
    """The access tokens of this process, kept until they end."""

    def __init__(self, egress: EgressClient) -> None:
        self._egress = egress
        self._tokens: dict[tuple[UUID, str], AccessToken] = {}

    async def get(self, mailbox_id: UUID, settings: ImapSettings, secrets: MailboxSecrets) -> AccessToken:
        """A valid token. Raises MailboxTroubleError."""
        if secrets.refresh_token is None:
            raise MailboxTroubleError("oauth_failed", "There is no refresh token: enter one.")
        key = (mailbox_id, secrets.refresh_token)
        kept = self._tokens.get(key)
        if kept is not None and kept.ends_at > time.monotonic():
            return kept
        token = await self._ask(settings, secrets)
        self.forget(mailbox_id)
        # Also under the old one: where the new one could not be kept, the next to ask learns of it.
        for each in (secrets.refresh_token, token.refresh_token or secrets.refresh_token):
            self._tokens[mailbox_id, each] = token
        return token

    def forget(self, mailbox_id: UUID) -> None:
        """The server does not take its token: the next one is a new one."""
        self._tokens = {each: kept for each, kept in self._tokens.items() if each[0] != mailbox_id}

    async def _ask(self, settings: ImapSettings, secrets: MailboxSecrets) -> AccessToken:
        assert settings.token_url is not None
        form = {
            "grant_type": "refresh_token",
            "refresh_token": secrets.refresh_token,
            "client_id": settings.client_id,
            "client_secret": secrets.client_secret,
            "scope": settings.scope,
        }
        body = urlencode({name: each for name, each in form.items() if each}).encode()
        try:
            answer = await self._egress.request(
                "POST", settings.token_url, headers=_HEADERS, body=body, allow_http=True, max_bytes=_MAX_BYTES
            )
        except EgressError as error:
            words = f"The token service cannot be asked: {error.reason}."
            raise MailboxTroubleError("oauth_failed", words) from error
        fields = _fields(answer.body)
        value, renewed = fields.get("access_token"), fields.get("refresh_token")
        if answer.status != _OK or not isinstance(value, str) or not value.isprintable():
            said = str(fields.get("error", answer.status))[:100]
            raise MailboxTroubleError("oauth_failed", f"The token service gives no access token: {said}.")
        lives = fields.get("expires_in")
        seconds = float(lives) if isinstance(lives, int | float) and 0 < lives < _MAX_SECONDS else 300.0
        return AccessToken(
            value,
            renewed if isinstance(renewed, str) and renewed != secrets.refresh_token else None,
            time.monotonic() + seconds - _MARGIN_SECONDS,
        )


def _fields(body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
