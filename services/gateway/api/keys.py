"""`/api/accounts/keys`: API keys of other systems."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from services.gateway import service
from services.gateway.api.parts import GatewayParts
from services.gateway.repository import Repository
from services.gateway.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyView
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Page, ReadSession, cut_page

router = APIRouter(prefix="/api/accounts/keys", tags=["accounts"])


@router.get("", dependencies=[requires("api_key.manage")])
async def list_keys(session: ReadSession, page: CursorParams) -> Page[ApiKeyView]:
    """API keys, newest first, revoked ones too."""
    after = page.after(UUID)
    rows = await Repository(session).list_api_keys(after=after[0] if after else None, limit=page.limit + 1)
    shown, next_cursor = cut_page(rows, page.limit, lambda key: (key.id,))
    return Page(items=[ApiKeyView.of(key) for key in shown], next_cursor=next_cursor)


@router.post("", status_code=201)
async def create_key(
    body: ApiKeyCreate,
    session: DbSession,
    principal: Annotated[Principal, requires("api_key.manage")],
    parts: GatewayParts,
    response: Response,
) -> ApiKeyCreated:
    """A new API key. There is no Idempotency-Key here: a stored answer would keep the token."""
    lifetime = timedelta(days=body.expires_in_days)
    key = await service.create_api_key(
        session, principal, name=body.name, role=body.role, scopes=body.scopes, lifetime=lifetime
    )
    bearer = Principal(key.account_id, key.role, key.name, key_id=key.id, scopes=frozenset(key.scopes))
    token = await parts.signer.token(bearer, now=key.created_at, lifetime=lifetime)
    response.headers["Cache-Control"] = "no-store"
    return ApiKeyCreated(**ApiKeyView.of(key).model_dump(), token=token)


@router.delete("/{key_id}", status_code=204, dependencies=[requires("api_key.manage")])
async def revoke_key(key_id: UUID, session: DbSession) -> None:
    """Make an API key invalid, everywhere within seconds."""
    await service.revoke_api_key(session, key_id, now=now_utc())
