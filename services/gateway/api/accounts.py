"""`/api/accounts`: who may sign in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.gateway import service
from services.gateway.api.parts import GatewayParts, rules_as_problems
from services.gateway.repository import Repository
from services.gateway.schemas import AccountChange, AccountCreate, AccountView
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.events.accounts import Role
from shared.web import (
    CursorParams,
    DbSession,
    Forbidden,
    Idempotency,
    IfMatch,
    NotFound,
    Page,
    ReadSession,
    Unprocessable,
    cut_page,
    etag,
)

router = APIRouter(prefix="/api/accounts", tags=["accounts"])


@router.get("", dependencies=[requires("account.read")])
async def list_accounts(
    session: ReadSession,
    page: CursorParams,
    role: Annotated[Role | None, Query()] = None,
    active: Annotated[bool | None, Query()] = None,
) -> Page[AccountView]:
    """Accounts by address."""
    after = page.after(str)
    rows = await Repository(session).list_accounts(
        role=role, active=active, after_email=after[0] if after else None, limit=page.limit + 1
    )
    shown, next_cursor = cut_page(rows, page.limit, lambda account: (account.email,))
    return Page(items=[AccountView.of(account) for account in shown], next_cursor=next_cursor)


@router.post("", status_code=201, response_model=AccountView)
async def create_account(
    body: AccountCreate,
    session: DbSession,
    principal: Annotated[Principal, requires("account.change")],
    idempotency: Idempotency,
    parts: GatewayParts,
) -> Response:
    """A new account."""
    if body.password is not None or body.role not in {Role.CUSTOMER, Role.AGENT}:
        _refuse_api_keys(principal)
    with rules_as_problems():
        password_hash = await parts.passwords.hash(body.password) if body.password is not None else None

        async def create() -> Response:
            account = await service.create_account(
                session,
                email=body.email,
                name=body.name,
                role=body.role,
                groups=body.groups,
                languages=body.languages,
                password_hash=password_hash,
                now=now_utc(),
            )
            response = _rendered(AccountView.of(account), 201)
            response.headers["Location"] = f"/api/accounts/{account.id}"
            return response

        return await idempotency.run(session, create)


@router.get("/{account_id}", dependencies=[requires("account.read")])
async def read_account(account_id: UUID, session: ReadSession, response: Response) -> AccountView:
    """One account."""
    account = await Repository(session).account(account_id)
    if account is None:
        raise NotFound("There is no such account.")
    etag(response, account.version)
    return AccountView.of(account)


@router.patch("/{account_id}")
async def change_account(
    account_id: UUID,
    body: AccountChange,
    session: DbSession,
    principal: Annotated[Principal, requires("account.change")],
    expected_version: IfMatch,
    parts: GatewayParts,
    response: Response,
) -> AccountView:
    """Change an account. A new role, password or closing it ends its tokens."""
    changes = body.model_dump(exclude_unset=True, exclude={"password"})
    if missing := sorted(field for field, value in changes.items() if value is None):
        raise Unprocessable(f"These fields cannot be empty: {', '.join(missing)}.")
    for field in ("groups", "languages"):
        if field in changes:
            changes[field] = tuple(changes[field])
    if body.password is not None or body.role is not None:
        _refuse_api_keys(principal)
    with rules_as_problems():
        password_hash = await parts.passwords.hash(body.password) if body.password is not None else None
        account = await service.change_account(
            session,
            account_id,
            changes,
            password_hash=password_hash,
            expected_version=expected_version,
            now=now_utc(),
        )
    etag(response, account.version)
    return AccountView.of(account)


@router.post("/{account_id}/revoke", status_code=204)
async def revoke_account(
    account_id: UUID, session: DbSession, principal: Annotated[Principal, requires("account.revoke")]
) -> None:
    """End every session, token and API key of an account."""
    await service.revoke_account(session, account_id, now=now_utc(), reason=f"revoked by {principal.account_id}")


def _refuse_api_keys(principal: Principal) -> None:
    """Whoever a key gives a password or a role acts without the key's scopes. Raises Forbidden."""
    if principal.key_id is not None:
        raise Forbidden("An API key gives nobody a password, or more than an agent's role.")


def _rendered(view: AccountView, status: int) -> Response:
    response = Response(view.model_dump_json(), status, media_type="application/json")
    etag(response, view.version)
    return response
