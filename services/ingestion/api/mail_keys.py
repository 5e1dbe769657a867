"""Keys that mail is decrypted with and signatures are verified by."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.ingestion.domain.mail import KeyRejectedError, MailKey
from services.ingestion.parsing import ParserFailed, ParserPool
from services.ingestion.repository.mail_keys import MailKeyRepository
from services.ingestion.schemas.mail_keys import MailKeyView, NewMailKey
from services.ingestion.sealing import load_seal
from services.ingestion.service import mail_keys
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import CursorParams, DbSession, Idempotency, NotFound, Page, ReadSession, Unprocessable, cut_page

router = APIRouter(prefix="/api/channels/keys", tags=["mailboxes"])

Manager = Annotated[Principal, requires("mailbox.manage")]


@router.get("")
async def list_keys(session: ReadSession, _principal: Manager, page: CursorParams) -> Page[MailKeyView]:
    """The keys of the desk, oldest first, without anything private."""
    after = page.after(UUID)
    rows = await MailKeyRepository(session).page(after=after[0] if after else None, limit=page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: (row.id,))
    return Page(items=[MailKeyView.of(row) for row in shown], next_cursor=cursor)


@router.post("", status_code=201, response_model=MailKeyView)
async def add_key(
    body: NewMailKey, request: Request, session: DbSession, principal: Manager, idempotency: Idempotency
) -> Response:
    """Have mail decrypted or signatures verified with a key, from the next mail on. Its private part is sealed and
    never shown. 422 `key-rejected` says what is wrong with it; 409 `key-known` where the desk has it.
    """
    key = await _read(request.app.state.parsers, body)

    async def call() -> Response:
        seal = await load_seal(session, request.app.state.sealing_keys)
        key_id = await mail_keys.add(session, key, seal=seal, by=principal.account_id, now=now_utc())
        response = await _shown(session, key_id)
        response.status_code = 201
        response.headers["Location"] = f"/api/channels/keys/{key_id}"
        return response

    return await idempotency.run(session, call)


@router.get("/{mail_key_id}", response_model=MailKeyView)
async def read_key(mail_key_id: UUID, session: ReadSession, _principal: Manager) -> Response:
    """One key, without anything private."""
    return await _shown(session, mail_key_id)


@router.delete("/{mail_key_id}", status_code=204)
async def delete_key(mail_key_id: UUID, session: DbSession, principal: Manager) -> None:
    """Forget a key. Mail that came encrypted for it can be shown as it was formatted no more; its text stays."""
    await mail_keys.remove(session, mail_key_id, by=principal.account_id)


async def _read(parsers: ParserPool, body: NewMailKey) -> MailKey:
    # In a process that can be killed: what a key costs is for who made it to choose.
    try:
        return await parsers.key(body.kind, body.key, body.passphrase)
    except KeyRejectedError as error:
        raise Unprocessable(error.words, slug="key-rejected", reason=error.reason) from error
    except ParserFailed as error:
        words = "Reading the key takes too much. Export it anew, without signatures of others."
        raise Unprocessable(words, slug="key-rejected", reason="too_much") from error


async def _shown(session: DbSession, key_id: UUID) -> Response:
    row = await MailKeyRepository(session).get(key_id)
    if row is None:
        raise NotFound("There is no such key.")
    return Response(MailKeyView.of(row).model_dump_json(), media_type="application/json")
