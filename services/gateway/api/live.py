"""`/api/live`: changes of tickets as they happen."""

from typing import Annotated

from fastapi import APIRouter, Query, WebSocket

from services.gateway.api.parts import GatewayParts
from shared.auth import VerifiedToken, requires

router = APIRouter(prefix="/api/live", tags=["live"])


@router.websocket("", dependencies=[requires("live.subscribe")])
async def live(
    websocket: WebSocket, parts: GatewayParts, since: Annotated[int | None, Query(ge=0, lt=2**63)] = None
) -> None:
    """Frames after `since`, or from now on. What a frame leaves out, the client reads with its own rights.

    They tell of tickets, and of who is at one: it takes the permission `ticket.read`, too.
    """
    token: VerifiedToken = websocket.state.token
    token.principal.scope("ticket.read")
    await websocket.accept()
    await parts.hub.serve(websocket, token, since)
