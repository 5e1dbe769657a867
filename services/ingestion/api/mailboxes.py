"""Mailboxes: who the desk reads and writes as."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.ingestion.domain.mailboxes import ImapSettings, MailboxSecrets, MailboxTroubleError
from services.ingestion.mailbox_check import MailboxChecks
from services.ingestion.repository.mailboxes import MailboxRepository
from services.ingestion.schemas.mailboxes import MailboxBody, MailboxCheck, MailboxProblem, MailboxView
from services.ingestion.sealing import Seal, load_seal
from services.ingestion.service import mailboxes
from shared.auth import Principal, requires
from shared.db import Database, now_utc
from shared.web import CursorParams, DbSession, Idempotency, IfMatch, NotFound, Page, cut_page, etag

router = APIRouter(prefix="/api/channels/mailboxes", tags=["mailboxes"])

Manager = Annotated[Principal, requires("mailbox.manage")]


async def _seal(session: DbSession, request: Request) -> Seal:
    return await load_seal(session, request.app.state.sealing_keys)


@router.get("")
async def list_mailboxes(
    request: Request, session: DbSession, _principal: Manager, page: CursorParams
) -> Page[MailboxView]:
    """The mailboxes of the desk and how fetching goes, oldest first. That of the settings is not among them."""
    after = page.after(UUID)
    rows = await MailboxRepository(session).page(after=after[0] if after else None, limit=page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: (row.id,))
    seal, now = await _seal(session, request), now_utc()
    items = [MailboxView.of(row, mailboxes.secrets_of(row, seal).names, now=now) for row in shown]
    return Page(items=items, next_cursor=cursor)


@router.post("", status_code=201, response_model=MailboxView)
async def create_mailbox(
    body: MailboxBody, request: Request, session: DbSession, _principal: Manager, idempotency: Idempotency
) -> Response:
    """Add a mailbox. It is read from within seconds; 409 `address-taken` where the desk has one of this address."""

    async def call() -> Response:
        seal = await _seal(session, request)
        mailbox_id = await mailboxes.create(session, body, seal=seal, now=now_utc())
        response = await _shown(session, mailbox_id, seal)
        response.status_code = 201
        response.headers["Location"] = f"/api/channels/mailboxes/{mailbox_id}"
        return response

    return await idempotency.run(session, call)


@router.get("/{mailbox_id}", response_model=MailboxView)
async def read_mailbox(mailbox_id: UUID, request: Request, session: DbSession, _principal: Manager) -> Response:
    """One mailbox, with its version as ETag. Secrets are never shown, only which of them there are."""
    return await _shown(session, mailbox_id, await _seal(session, request))


@router.put("/{mailbox_id}", response_model=MailboxView)
async def change_mailbox(
    mailbox_id: UUID, body: MailboxBody, request: Request, session: DbSession, expected: IfMatch, _principal: Manager
) -> Response:
    """Change a mailbox that is still at the version of If-Match. `enabled: false` stops fetching; secrets that are
    left out stay as they are. On another server, user or folder all is read anew; known mail is not doubled.
    """
    seal = await _seal(session, request)
    await mailboxes.change(session, mailbox_id, body, expected=expected, seal=seal, now=now_utc())
    return await _shown(session, mailbox_id, seal)


@router.delete("/{mailbox_id}", status_code=204)
async def delete_mailbox(mailbox_id: UUID, session: DbSession, expected: IfMatch, _principal: Manager) -> None:
    """Forget a mailbox that is still at the version of If-Match, and its secrets. What came through it stays."""
    await mailboxes.delete(session, mailbox_id, expected=expected)


@router.post("/{mailbox_id}/check")
async def check_mailbox(mailbox_id: UUID, request: Request, _principal: Manager) -> MailboxCheck:
    """Log in with what is stored, and say in words what does not work. Nothing is fetched or sent."""
    database: Database = request.app.state.database
    checks: MailboxChecks = request.app.state.mailbox_checks
    # The far end may take half a minute: no connection waits for it.
    async with database.transaction() as session:
        seal = await load_seal(session, request.app.state.sealing_keys)
        row = await MailboxRepository(session).get(mailbox_id)
    if row is None:
        raise NotFound("There is no such mailbox.")
    imap = ImapSettings.model_validate(row.inbound["imap"]) if "imap" in row.inbound else None

    async def keep(renewed: MailboxSecrets) -> None:
        async with database.transaction() as session:
            sealed = seal.seal(renewed.model_dump_json(exclude_none=True))
            await MailboxRepository(session).keep_secrets(mailbox_id, row.version, sealed)

    try:
        secrets = mailboxes.open_secrets(row.secrets, seal)
    except MailboxTroubleError as error:
        problem = MailboxProblem(part="imap" if imap else "smtp", reason=error.reason, words=error.words)
        return MailboxCheck(ok=False, problems=[problem], messages=None)
    return await checks.run(mailbox_id, imap, row.smtp_url, secrets, keep)


async def _shown(session: DbSession, mailbox_id: UUID, seal: Seal) -> Response:
    row = await MailboxRepository(session).get(mailbox_id)
    if row is None:
        raise NotFound("There is no such mailbox.")
    view = MailboxView.of(row, mailboxes.secrets_of(row, seal).names, now=now_utc())
    response = Response(view.model_dump_json(), media_type="application/json")
    etag(response, view.version)
    return response
