"""Reconciliation: whether every mail is accounted for."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from services.ingestion.domain.reconciliation import Account, balance
from services.ingestion.repository.reconciliation import ReconciliationRepository
from services.ingestion.schemas.reconciliation import AccountView, Reconciliation
from shared.auth import Principal, requires
from shared.db import now_utc
from shared.web import ReadSession, Unprocessable

MAX_DAYS = 31
_WEEK = timedelta(days=7)

router = APIRouter(prefix="/api/channels/reconciliation", tags=["mailboxes"])


@router.get("")
async def read_reconciliation(
    request: Request,
    session: ReadSession,
    _principal: Annotated[Principal, requires("reconciliation.read")],
    since: Annotated[AwareDatetime | None, Query(description="By default a week before `until`")] = None,
    until: Annotated[AwareDatetime | None, Query(description="By default now")] = None,
) -> Reconciliation:
    """What came into each mailbox: opened a ticket, joined one, held, ignored (why), quarantined (why), or pending.

    Counted is when mail came to the desk, however old it was then. At most 31 days at once.
    """
    until = until or now_utc()
    since = since or until - _WEEK
    if not timedelta() < until - since <= timedelta(days=MAX_DAYS):
        raise Unprocessable(f"Ask for {MAX_DAYS} days at most, with since before until.", slug="bad-range")
    total, accounts = balance(await ReconciliationRepository(session).counts(since, until))
    address: str = request.app.state.mail_address

    def shown(account: Account) -> AccountView:
        return AccountView.of(account, address=address if account.mailbox_id is None else account.address)

    return Reconciliation(
        since=since,
        until=until,
        balanced=total.unaccounted == 0,
        total=AccountView.of(total, address=None),
        mailboxes=[shown(each) for each in accounts],
    )
