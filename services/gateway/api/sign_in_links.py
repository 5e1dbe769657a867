"""`/api/auth/sign-in-links`: signing in by a link that comes by mail."""

from fastapi import APIRouter, Request, Response

from services.gateway import service, sign_in_links
from services.gateway.api.parts import GatewayParts
from services.gateway.api.sign_in import answer_session, client_address, comparable
from services.gateway.schemas import AskForLink, RedeemLink, SessionView
from shared.auth import Unauthenticated, public
from shared.db import now_utc
from shared.web import TooManyRequests

router = APIRouter(prefix="/api/auth/sign-in-links", tags=["auth"])


@router.post("", status_code=202, dependencies=[public("who cannot sign in yet asks for it")])
async def ask_for_link(body: AskForLink, request: Request, parts: GatewayParts) -> None:
    """Have a link to sign in with sent to an address, if it is that of an account.

    The answer is the same whether it is or not. A link works once, for 15 minutes, and only the newest one does. Asking
    counts as trying to sign in; an address is sent a few links at once, then one each five minutes.
    """
    email = comparable(body.email)
    async with parts.database.transaction() as session:
        now = now_utc()
        wait = await service.admit_sign_in(session, email, client_address(request, parts), now)
        if wait is None:
            await sign_in_links.ask(session, email, now)
    if wait is not None:
        raise TooManyRequests("Too many tries to sign in.", retry_after=int(wait.total_seconds()) + 1)


@router.post("/redeem", dependencies=[public("the token of the link is the credential")])
async def redeem_link(body: RedeemLink, request: Request, response: Response, parts: GatewayParts) -> SessionView:
    """Open a session with the token of a link. It is used up; one that is old, replaced or used is refused."""
    address = client_address(request, parts)
    async with parts.database.transaction() as session:
        now = now_utc()
        wait = await service.admit_sign_in(session, "", address, now)
        opened = await sign_in_links.redeem(session, body.token, now) if wait is None else None
    if wait is not None:
        raise TooManyRequests("Too many tries to sign in.", retry_after=int(wait.total_seconds()) + 1)
    if opened is None:
        raise Unauthenticated("The link is not valid any more. Ask for a new one.")
    return await answer_session(opened, response, parts)
