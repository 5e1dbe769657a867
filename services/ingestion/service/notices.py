"""Use cases: what somebody is to be told, on its way as mail."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import normalise_address
from services.ingestion.domain.caps import WAIT, Caps, Mail, Sent, Verdict, judge
from services.ingestion.domain.delivery import Open, wait_after
from services.ingestion.repository.caps import CapRepository
from services.ingestion.repository.notices import DueNotice, NoticeRepository
from services.ingestion.service.outbound import BATCH, CAPPED
from services.ingestion.service.suppression import suppressed
from shared.events import Event
from shared.events.notifications import NotificationKind, NotificationRequested
from shared.ids import uuid7

_NEVER = timedelta()
# One action makes thousands of these, and the desk shows them: who was told of a few in an hour looks there. And what
# anybody can have sent to any address.
_OF_MANY = frozenset({NotificationKind.UNDELIVERED, NotificationKind.ASSIGNMENT, NotificationKind.RECEIVED})


async def note_notifications(
    session: AsyncSession, events: Sequence[Event[NotificationRequested]], now: datetime
) -> bool:
    """Queue what somebody is to be told; returns whether any of it is new. One that is told again changes nothing."""
    rows = []
    for event in events:
        data = event.data
        address = normalise_address(data.to.address)
        rows.append(
            {
                "id": data.notification_id,
                "kind": data.kind,
                "state": "queued" if address else "failed",
                "address": address or "",
                "name": data.to.name,
                "language": data.to.language,
                "values": data.values if address else {},
                "brand": data.brand,
                "ticket_id": data.ticket_id,
                "answer_as_note": data.answer_as_note,
                "requested_at": data.requested_at,
                "expires_at": data.expires_at,
                "reason": None if address else "no_address",
            }
        )
    return await NoticeRepository(session).add(rows, now=now) > 0


async def claim_notices(
    session: AsyncSession, caps: Caps, *, now: datetime, lease_for: timedelta, brands: Open[str] | None = None
) -> list[DueNotice] | None:
    """Take the notifications that are due, of the brands as which mail may leave now; None where none is.

    Those that are late, unwanted or over a cap are settled here and now.
    """
    notices = NoticeRepository(session)
    due = await notices.claim(lease=uuid7(), lease_for=lease_for, limit=BATCH, brands=brands or Open())
    if not due:
        return None
    lease = due[0].lease
    late = [each for each in due if each.expires_at is not None and each.expires_at <= now]
    await notices.settle([each.id for each in late], lease, state="expired", reason="expired", wait=_NEVER)
    due = [each for each in due if each not in late]
    unwanted = await suppressed(session, {each.address for each in due})
    refused = [each for each in due if each.address in unwanted]
    await notices.settle([each.id for each in refused], lease, state="failed", reason="suppressed", wait=_NEVER)
    due = [each for each in due if each.address not in unwanted]
    return await _within_caps(session, due, lease, caps, now)


async def _within_caps(
    session: AsyncSession, due: list[DueNotice], lease: UUID, caps: Caps, now: datetime
) -> list[DueNotice]:
    """Those that may leave. Each kind is counted by itself: thousands of replies that failed keep no sign-in link."""
    first = [each for each in due if each.begun_at is None]
    if not first:
        return due
    notices, counted = NoticeRepository(session), CapRepository(session)
    in_all = await counted.in_all()
    sent = await notices.count_sent({(each.kind, each.address) for each in first}, most=caps.per_recipient)
    mails = [
        Mail(
            _counted_for(each.kind, each.address),
            None,
            automatic=each.kind in _OF_MANY,
            answers_automatic=False,
            waited=now - each.requested_at,
        )
        for each in first
    ]
    by_recipient = {_counted_for(*to): mails for to, mails in sent.items()}
    judged = judge(caps, mails, Sent(by_recipient=by_recipient, in_all=in_all))
    verdicts = {each.id: verdict for each, verdict in zip(first, judged, strict=True)}
    leaving = [each.id for each in first if verdicts[each.id] is Verdict.SEND]
    await notices.begin(leaving)
    await counted.left(len(leaving))
    waiting = [each.id for each in first if verdicts[each.id] is Verdict.WAIT]
    await notices.settle(waiting, lease, state="queued", reason=CAPPED, wait=WAIT, attempts=-1)
    over = [each.id for each in first if verdicts[each.id] is Verdict.REFUSE]
    await notices.settle(over, lease, state="failed", reason=CAPPED, wait=_NEVER)
    return [each for each in due if verdicts.get(each.id, Verdict.SEND) is Verdict.SEND]


def _counted_for(kind: str, address: str) -> str:
    return f"{kind} {address}"


async def settle_notice(session: AsyncSession, notice: DueNotice, *, error: str | None, is_final: bool) -> None:
    """Note what came of an attempt: it is sent, tried again later, or given up."""
    wait = None if error is None or is_final else wait_after(notice.attempts)
    state = "delivered" if error is None else "failed" if wait is None else "queued"
    await NoticeRepository(session).settle(
        [notice.id], notice.lease, state=state, reason=error, wait=wait or timedelta()
    )
