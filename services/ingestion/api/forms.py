"""Pages by which visitors write to the desk without an account and without JavaScript: the form, and replies."""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from services.ingestion.api.common import admit
from services.ingestion.domain.files import FilePolicy
from services.ingestion.domain.forms import (
    HASTE,
    MAX_FILES,
    MAX_FILES_BYTES,
    PREFIX,
    read_form,
    read_text,
)
from services.ingestion.domain.messages import Receipt
from services.ingestion.service import attachments, forms
from services.ingestion.service.forms import PLAIN, Draft, TooManyMessages, Upload
from shared.auth import public
from shared.db import now_utc
from shared.events.common import AttachmentRef
from shared.events.forms import PublicForm
from shared.ids import uuid7
from shared.objects import ObjectStore
from shared.portal import MAX_PAGE_TEXT_CHARS, FormPass, Pages, PortalSeal, is_from_elsewhere, stylesheet
from shared.portal.pages import language_of
from shared.web.client import client_address

MAX_PAGE_BYTES = 24 * 1024 * 1024
_MAX_PARTS = 400
_MAX_PART_BYTES = 256 * 1024
# How long a page waits for what is on its way to have arrived.
_LOOKS, _LOOK_SECONDS = 10, 0.3
_CHARSET = re.compile(r'charset\s*=?\s*"?([^\s;"]*)', re.IGNORECASE)

router = APIRouter(prefix="/portal", tags=["portal"], include_in_schema=False)
_visitors = public("visitors have no account; what they may is in what they hold")


@dataclass(frozen=True, slots=True)
class _Door:
    """What the pages of an app need. Without a seal there are none."""

    seal: PortalSeal
    pages: Pages


@dataclass(frozen=True, slots=True)
class _Again:
    """Why a page is shown again, with all that was typed: codes by fields, and one of the whole."""

    errors: Mapping[str, str] = field(default_factory=dict)
    wrong: str | None = None
    excess_chars: int = 0
    wait: timedelta | None = None

    @classmethod
    def later(cls, error: forms.TooMuch) -> Self:
        """It has to be sent later."""
        return cls(wrong="too-many" if isinstance(error, TooManyMessages) else "too-many-bytes", wait=error.wait)

    @property
    def told(self) -> Mapping[str, int]:
        """What the words of `wrong` are filled with."""
        seconds = 0 if self.wait is None else self.wait.total_seconds()
        return {"minutes": math.ceil(seconds / 60), "chars": self.excess_chars}

    def answered(self, page: Response) -> Response:
        """The page with its status."""
        if self.wait is not None:
            page.status_code = 429
            page.headers["Retry-After"] = str(math.ceil(self.wait.total_seconds()))
        elif self.errors or self.wrong:
            page.status_code = 422
        return page


class _Refused(Exception):
    """What somebody sent is not stored, and why."""

    def __init__(self, again: _Again) -> None:
        super().__init__(again)
        self.again = again


def _door(request: Request) -> _Door | None:
    seal: PortalSeal | None = request.app.state.portal_seal
    return None if seal is None else _Door(seal, request.app.state.pages)


@router.get("/portal.css", dependencies=[_visitors])
async def read_style() -> Response:
    """How all pages look."""
    return stylesheet()


@router.get("/request", dependencies=[_visitors])
async def read_form_page(request: Request) -> Response:
    """The form; of several, which one."""
    door = _door(request)
    if door is None:
        return _off(request)
    async with request.app.state.database.read() as session:
        known = await forms.forms(session)
    form = _chosen(request, known)
    if form is None:
        return door.pages.page(request, "which.html", {"forms": known, "labelled": _labelled(request)})
    return _form_page(request, door, form, {})


@router.post("/request", dependencies=[_visitors, Depends(admit)], max_body_size=MAX_PAGE_BYTES)
async def send_form(request: Request) -> Response:
    """Store a request. What is wrong is said at its field, and nothing that was typed is lost."""
    door = _door(request)
    if door is None:
        return _off(request)
    if _is_of_others(request):
        return door.pages.notice(request, "elsewhere", status=403)
    state, now = request.app.state, now_utc()
    async with state.database.read() as session:
        form = _chosen(request, await forms.forms(session)) or PLAIN
    async with request.form(max_files=2 * MAX_FILES, max_fields=_MAX_PARTS, max_part_size=_MAX_PART_BYTES) as sent:
        values, uploads = _parts(sent.multi_items())
        filled = read_form(form, values, max_text=MAX_PAGE_TEXT_CHARS)
        pass_ = door.seal.opened_form(_first(values, "pass"), now)
        # A program fills in what no person sees; a person's browser might, too, so nothing is dropped unsaid.
        wrong = "trap" if _first(values, "website") else "old" if pass_ is None else None
        errors = dict(filled.errors)
        if not errors and wrong is None and pass_ is not None and now - pass_.made_at < HASTE:
            wrong = "hasty"
        if not errors and wrong is None and (error := _check_files(uploads)) is not None:
            errors["files"] = error
        if errors or wrong is not None or pass_ is None:
            again = _Again(errors, wrong or ("too-much" if filled.excess_chars else None), filled.excess_chars)
            return _form_page(request, door, form, values, again, had_files=bool(uploads))
        draft = forms.draft_request(form, filled, pass_, _named(uploads), language=language_of(request), now=now)
        try:
            taken = await _taken(request, draft, uploads, now)
        except _Refused as refused:
            return _form_page(request, door, form, values, refused.again, had_files=bool(uploads))
    receipt = door.seal.receipt(taken.id, now)
    return RedirectResponse(f"/portal/sent?receipt={receipt}&lang={language_of(request)}", 303)


@router.get("/sent", dependencies=[_visitors])
async def read_sent_page(request: Request, receipt: str = "") -> Response:
    """What became of a request: its number, and where to follow it."""
    door = _door(request)
    if door is None:
        return _off(request)
    opened = door.seal.opened_receipt(receipt, now_utc())
    if opened is None:
        return door.pages.notice(request, "gone", status=404)
    message_id, made_at = opened
    found = None
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_LOOK_SECONDS)
        async with request.app.state.database.read() as session:
            found = await forms.request_of(session, message_id)
        if found is not None:
            break
    values: dict[str, Any] = {"receipt": receipt, "number": None}
    if found is not None:
        number, ticket_id, conversation_id, address = found
        # Whoever typed an address in need not be who reads its mail: this link opens less than one that was mailed.
        # It ends when the receipt does, or looking at that again and again would renew it without end.
        link = door.seal.link(ticket_id, conversation_id, address, mailed=False, now=made_at)
        values |= {"number": number, "link": link, "address": address}
    return door.pages.page(request, "sent.html", values)


@router.post("/reply", dependencies=[_visitors, Depends(admit)], max_body_size=MAX_PAGE_BYTES)
async def send_reply(request: Request) -> Response:
    """Store what the holder of a link writes to their ticket."""
    door = _door(request)
    if door is None:
        return _off(request)
    if _is_of_others(request):
        return door.pages.notice(request, "elsewhere", status=403)
    now = now_utc()
    async with request.form(max_files=2 * MAX_FILES, max_fields=_MAX_PARTS, max_part_size=_MAX_PART_BYTES) as sent:
        values, uploads = _parts(sent.multi_items())
        token = _first(values, "link")
        link = door.seal.opened_link(token, now)
        if link is None:
            return door.pages.notice(request, "gone", status=404)
        errors: dict[str, str] = {}
        text = read_text(values, errors, max_text=MAX_PAGE_TEXT_CHARS)
        pass_ = door.seal.opened_form(_first(values, "pass"), now)
        if not errors and (error := _check_files(uploads)) is not None:
            errors["files"] = error
        if errors or pass_ is None:
            again = _Again(errors, None if errors else "old")
            return _reply_page(request, door, token, pass_, text, again, had_files=bool(uploads))
        draft = forms.draft_reply(link, text, pass_, _named(uploads), now=now)
        try:
            taken = await _taken(request, draft, uploads, now)
        except _Refused as refused:
            return _reply_page(request, door, token, pass_, text, refused.again, had_files=bool(uploads))
    target = f"/portal/ticket?link={token}&sent={taken.id}&lang={language_of(request)}"
    return RedirectResponse(target, 303)


def _is_of_others(request: Request) -> bool:
    """Whether no page of ours sent this: they all send UTF-8, and some other codecs of Python fail, or tell lies."""
    charsets = _CHARSET.findall(request.headers.get("content-type", ""))
    return is_from_elsewhere(request, request.app.state.settings.public_url) or any(
        each.lower() != "utf-8" for each in charsets
    )


def _off(request: Request) -> Response:
    """There are no pages: nobody gave this desk a secret to seal links with."""
    pages: Pages = request.app.state.pages
    return pages.notice(request, "gone", status=404)


def _chosen(request: Request, known: Sequence[PublicForm]) -> PublicForm | None:
    """The form that is asked for by its key, or the only one there is."""
    key = request.query_params.get("form")
    return next((form for form in known if key and form.key == key), known[0] if len(known) == 1 else None)


def _labelled(request: Request) -> Any:
    """Picks, of labels by language, those of the page's language, or English, or any."""
    language = language_of(request)

    def labelled(labels: Mapping[str, str], otherwise: str) -> str:
        return labels.get(language) or labels.get("en") or next(iter(labels.values()), otherwise)

    return labelled


def _form_page(
    request: Request,
    door: _Door,
    form: PublicForm,
    values: Mapping[str, Sequence[str]],
    again: "_Again | None" = None,
    *,
    had_files: bool = False,
) -> Response:
    now = now_utc()
    again = again or _Again()
    given = _first(values, "pass")
    # The same page stays the same submission while it is mended: its time goes on, and it is sent once.
    pass_ = given if door.seal.opened_form(given, now) else door.seal.form(uuid7(), now)
    typed = {name: _first(values, name) for name in ("name", "email", "subject", "text")}
    page = {
        "form": form,
        "typed": typed,
        "values": values,
        "prefix": PREFIX,
        "errors": again.errors,
        "wrong": again.wrong,
        "told": again.told,
        "had_files": had_files,
        "pass": pass_,
        "most": MAX_PAGE_TEXT_CHARS,
        "labelled": _labelled(request),
    }
    return again.answered(door.pages.page(request, "form.html", page))


def _reply_page(
    request: Request, door: _Door, link: str, pass_: FormPass | None, text: str, again: "_Again", *, had_files: bool
) -> Response:
    page = {
        "link": link,
        "pass": door.seal.form(uuid7() if pass_ is None else pass_.id, now_utc()),
        "text": text,
        "errors": again.errors,
        "wrong": again.wrong,
        "told": again.told,
        "had_files": had_files,
        "most": MAX_PAGE_TEXT_CHARS,
    }
    return again.answered(door.pages.page(request, "again.html", page))


def _parts(items: Sequence[tuple[str, Any]]) -> tuple[dict[str, list[str]], list[UploadFile]]:
    values: dict[str, list[str]] = {}
    uploads: list[UploadFile] = []
    for name, value in items:
        if isinstance(value, UploadFile):
            # A browser sends a part for a field of files that nobody chose any for.
            if value.filename:
                uploads.append(value)
        else:
            values.setdefault(name, []).append(value)
    return values, uploads


def _first(values: Mapping[str, Sequence[str]], name: str) -> str:
    found = values.get(name)
    return found[0] if found else ""


def _check_files(uploads: Sequence[UploadFile]) -> str | None:
    if len(uploads) > MAX_FILES:
        return "too-many-files"
    return "too-large" if sum(each.size or 0 for each in uploads) > MAX_FILES_BYTES else None


def _named(uploads: Sequence[UploadFile]) -> list[Upload]:
    return [Upload(each.filename or "", each.size or 0) for each in uploads]


async def _taken(request: Request, draft: Draft, uploads: Sequence[UploadFile], now: datetime) -> Receipt:
    """Store a message with its files: the limits are asked first, and what is not used is not kept.

    Raises _Refused.
    """
    state = request.app.state
    caller = client_address(request, state.settings.trusted_proxies)
    files: list[AttachmentRef] = []
    try:
        async with state.database.transaction() as session:
            known = await forms.make_room(session, draft, _named(uploads), caller=caller, now=now)
        if known is not None:
            return known
        files = await _stored(state.objects, state.file_policy, uploads)
        async with state.database.transaction() as session:
            taken = await forms.take(session, draft, files, now=now)
    except forms.TooMuch as error:
        await attachments.discard_files(state.objects, files)
        raise _Refused(_Again.later(error)) from error
    if not taken.is_new:  # the same page came twice at once
        await attachments.discard_files(state.objects, files)
    return taken.receipt


async def _stored(objects: ObjectStore, policy: FilePolicy, uploads: Sequence[UploadFile]) -> list[AttachmentRef]:
    """The files in the store. Raises _Refused; then none of them is there."""
    files: list[AttachmentRef] = []
    for upload in uploads:
        file = await attachments.store_file(objects, upload.filename or "", _chunks(upload))
        files.append(file)
        if policy.blocked(file.name, file.content_type) is not None:
            await attachments.discard_files(objects, files)
            raise _Refused(_Again({"files": "file-blocked"}))
    return files


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(64 * 1024):
        yield chunk
