"""What a route declares about its callers: `requires(action)`, or `public(reason)`. There is no third way."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends
from fastapi.requests import HTTPConnection

from shared.auth.actions import ACTIONS
from shared.auth.errors import CrossSite, Unauthenticated, UndeclaredAction
from shared.auth.principal import Principal
from shared.auth.tokens import VerifiedToken
from shared.auth.verifier import TokenVerifier
from shared.db import now_utc

ACCESS_COOKIE = "desk_access"
CSRF_HEADER = "X-Desk-CSRF"

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Requires:
    """The dependency behind `requires`. `action` is what the generated test of all routes looks at."""

    action: str

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """Authenticate and authorise one request or WebSocket handshake."""
        principal = (await authenticate(connection)).principal
        principal.scope(self.action)
        return principal


@dataclass(frozen=True, slots=True)
class Public:
    """The dependency behind `public`."""

    reason: str

    async def __call__(self) -> None:
        """Let everybody in."""


def requires(action: str) -> Any:
    """A dependency that yields the Principal if the table allows it the action.

    Evaluated at import: raises UndeclaredAction for an action that the table does not have.
    """
    if action not in ACTIONS:
        raise UndeclaredAction(f"{action!r} is not in shared/auth/actions.py")
    return Depends(Requires(action))


def public(reason: str) -> Any:
    """A dependency for a route that needs nobody, with the reason why."""
    if not reason:
        raise ValueError("a public route says why it is public")
    return Depends(Public(reason))


async def authenticate(connection: HTTPConnection) -> VerifiedToken:
    """Verify the token of a request or handshake; it comes as bearer or as cookie, and from nowhere else.

    Raises Unauthenticated, CrossSite.
    """
    token, from_cookie = _token(connection)
    verifier: TokenVerifier = connection.app.state.verifier
    verified = await verifier.verify(token, now_utc())
    if connection.scope["type"] == "websocket":
        # A handshake is a GET that no CSRF header can go with, and WebSockets are not bound by the same-origin policy.
        _refuse_foreign_pages(connection, needs_proof=from_cookie)
    elif from_cookie and connection.scope["method"] not in _SAFE_METHODS:
        refuse_cross_site(connection)
    connection.state.token = verified
    connection.state.principal = verified.principal
    return verified


def refuse_cross_site(connection: HTTPConnection) -> None:
    """Refuse an unsafe request that relies on cookies unless a page of ours sent it. Raises CrossSite.

    The custom header forces a preflight, which we never answer; `Origin` and `Sec-Fetch-Site` are the browser's word.
    """
    if connection.headers.get(CSRF_HEADER) != "1":
        raise CrossSite(f"Requests with a cookie need the header {CSRF_HEADER}: 1.")
    _refuse_foreign_pages(connection, needs_proof=True)


def _refuse_foreign_pages(connection: HTTPConnection, *, needs_proof: bool) -> None:
    origin, site = connection.headers.get("origin"), connection.headers.get("sec-fetch-site")
    if needs_proof and origin is None and site is None:
        raise CrossSite("Requests with a cookie need an Origin or Sec-Fetch-Site header.")
    if origin is not None and origin not in _own_origins(connection):
        raise CrossSite("The request comes from another origin.")
    if site is not None and site != "same-origin":
        raise CrossSite("The request comes from another site.")


def _own_origins(connection: HTTPConnection) -> set[str]:
    """Where our pages come from: the public address, and the very host that was asked (`localhost` for 127.0.0.1).

    A foreign page can make a browser ask us, but its `Origin` names its own host and `Host` ours.
    """
    public = urlsplit(connection.app.state.settings.public_url)
    host = connection.headers.get("host", public.netloc)
    return {f"{public.scheme}://{netloc}".lower() for netloc in (public.netloc, host)}


def _token(connection: HTTPConnection) -> tuple[str, bool]:
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("The Authorization header has no bearer token.")
        return token.strip(), False
    cookie = connection.cookies.get(ACCESS_COOKIE)
    if not cookie:
        raise Unauthenticated("There is no token.")
    return cookie, True
