"""`/api/auth`: sessions of people, kept in cookies that no script can read."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from services.gateway import service
from services.gateway.api.parts import GatewayParts, Parts, rules_as_problems
from services.gateway.domain.accounts import ACCESS_LIFETIME, SESSION_LIFETIME, MalformedEmail, normalise_email
from services.gateway.repository import Repository
from services.gateway.schemas import SessionView, SignIn
from shared.auth import Principal, Unauthenticated, public, requires
from shared.auth.guard import ACCESS_COOKIE, refuse_cross_site
from shared.db import now_utc
from shared.web import NotFound, ReadSession, TooManyRequests, client

router = APIRouter(prefix="/api/auth", tags=["auth"])

REFRESH_COOKIE = "desk_refresh"
_ACCESS_PATH = "/api"
_REFRESH_PATH = "/api/auth"

RefreshCookie = Annotated[str | None, Cookie(alias=REFRESH_COOKIE, max_length=128)]


@router.post("/sign-in", dependencies=[public("this is where a token comes from")])
async def sign_in(body: SignIn, request: Request, response: Response, parts: GatewayParts) -> SessionView:
    """Open a session for an address and a password.

    Unknown address, closed account and wrong password are one answer, which takes as long. The password is verified
    outside of any transaction: no connection is held while a worker computes.
    """
    address = client_address(request, parts)
    email = comparable(body.email)
    async with parts.database.transaction() as session:
        wait = await service.admit_sign_in(session, email, address, now_utc())
    if wait is not None:
        raise TooManyRequests("Too many tries to sign in.", retry_after=int(wait.total_seconds()) + 1)
    async with parts.database.read() as session:
        found = await Repository(session).credentials(email)
    account, password_hash = found if found is not None and found[0].active else (None, None)
    with rules_as_problems():
        fits = await parts.passwords.verify(password_hash, body.password)
    opened = None
    if fits and account is not None and password_hash is not None:
        async with parts.database.transaction() as session:
            opened = await service.open_session(session, account.id, password_hash, address=address, now=now_utc())
    if opened is None:
        raise Unauthenticated("The address or the password is wrong.")
    return await answer_session(opened, response, parts)


@router.post("/refresh", dependencies=[public("the refresh cookie is the credential")])
async def refresh(
    request: Request, response: Response, parts: GatewayParts, token: RefreshCookie = None
) -> SessionView:
    """Exchange the refresh cookie for new cookies."""
    if token is None:
        raise Unauthenticated("There is no session.")
    refuse_cross_site(request)
    # A stolen token ends its session, and that has to be kept although the answer is an error.
    async with parts.database.transaction() as session:
        opened = await service.refresh_session(session, token, now_utc())
    if opened is None:
        raise Unauthenticated("The session is over.")
    return await answer_session(opened, response, parts)


@router.post("/sign-out", status_code=204, dependencies=[public("it ends the session of the cookie it gets, if any")])
async def sign_out(request: Request, response: Response, parts: GatewayParts, token: RefreshCookie = None) -> None:
    """End the session and take the cookies back."""
    # Without the check any page could sign its visitors out: the answer takes the cookies back.
    refuse_cross_site(request)
    if token is not None:
        async with parts.database.transaction() as session:
            await service.sign_out(session, token, now_utc())
    response.delete_cookie(ACCESS_COOKIE, path=_ACCESS_PATH)
    response.delete_cookie(REFRESH_COOKIE, path=_REFRESH_PATH)


@router.get("/session")
async def read_session(session: ReadSession, principal: Annotated[Principal, requires("session.read")]) -> SessionView:
    """Who is signed in."""
    account = await Repository(session).account(principal.account_id)
    if account is None:
        raise NotFound("There is no such account.")
    return SessionView.of(account)


def client_address(request: Request, parts: Parts) -> str:
    """Where a request comes from, for counting tries."""
    return client.client_address(request, parts.settings.trusted_proxies)


async def answer_session(opened: service.OpenSession, response: Response, parts: Parts) -> SessionView:
    """Hand over the cookies of a session."""
    token = await parts.signer.token(opened.principal, now=opened.issued_at, lifetime=ACCESS_LIFETIME)
    secure = parts.settings.public_url.startswith("https:")
    response.set_cookie(
        ACCESS_COOKIE,
        token,
        max_age=int(ACCESS_LIFETIME.total_seconds()),
        path=_ACCESS_PATH,
        secure=secure,
        httponly=True,
        samesite="lax",
    )
    response.set_cookie(
        REFRESH_COOKIE,
        opened.refresh_token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path=_REFRESH_PATH,
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = "no-store"
    return SessionView.of(opened.account)


def comparable(email: str) -> str:
    """The address as accounts have it; empty where it is none."""
    try:
        return normalise_email(email)
    except MalformedEmail:
        return ""  # no account has it; the answer is that of a wrong password
