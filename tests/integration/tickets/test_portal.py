"""What links to tickets let in, and what their pages show of tickets that were merged."""

from datetime import timedelta
from typing import Any

import pytest

from services.tickets.service import portal
from shared.db import now_utc
from shared.events.common import Channel
from shared.events.messages import Authentication, MessageReceived, ThreadingEvidence
from shared.portal import PortalLink
from tests.integration.events import START
from tests.integration.tickets.harness import Desk, received
from tests.integration.tickets.test_merges import again, merge, ticket_of

ANA = "ana@example.com"


def by_link(old: Any, *, mailed: bool, **fields: Any) -> MessageReceived:
    """What the holder of a link to a ticket writes."""
    authentication = Authentication.PASS if mailed else Authentication.NONE
    evidence = ThreadingEvidence(token_conversation_id=old.conversation_id, authentication=authentication)
    return again(old, ANA, channel=Channel.FORM, evidence=evidence, **fields)


async def a_ticket(desk: Desk, **fields: Any) -> Any:
    message = received(ANA, **fields)
    await desk.take(message)
    return await ticket_of(desk, message)


@pytest.mark.parametrize("mailed", [True, False])
async def test_a_link_writes_no_longer_than_its_page_is_shown(desk: Desk, *, mailed: bool) -> None:
    """Whoever has an old link is not let in again when the ticket talks to somebody else."""
    ticket = await a_ticket(desk, channel=Channel.FORM)
    first = by_link(ticket, mailed=mailed)
    await desk.take(first)
    assert (await ticket_of(desk, first)).id == ticket.id

    await desk.execute("UPDATE tickets SET requester_email = 'new@example.com' WHERE id = :id", id=ticket.id)
    late = by_link(ticket, mailed=mailed)
    await desk.take(late)
    apart = await ticket_of(desk, late)
    assert apart.id != ticket.id
    assert apart.review_of == ticket.id
    assert apart.conversation_id != ticket.conversation_id


async def test_whoever_typed_an_address_does_not_follow_into_a_ticket_of_its_owner(desk: Desk) -> None:
    """A form in another's name is merged into what its owner really asked: its writer stays outside."""
    agent, real = await desk.person(), await a_ticket(desk)
    typed = await a_ticket(desk, channel=Channel.FORM, text="In her name")
    assert (await merge(agent, real, typed)).status == 200
    forged, owned = by_link(typed, mailed=False), by_link(typed, mailed=True)
    await desk.take(forged, owned)
    assert (await ticket_of(desk, owned)).id == real.id
    assert (await ticket_of(desk, forged)).id not in {real.id, typed.id}


async def test_of_merged_tickets_the_last_messages_are_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "MAX_MESSAGES", 3)
    agent, target, source = await desk.person(), await a_ticket(desk, text="t0"), await a_ticket(desk, text="s0")
    for turn in (1, 2):
        for of, name in ((target, "t"), (source, "s")):
            at = START + timedelta(hours=turn, minutes=name == "s")
            await desk.take(again(of, ANA, text=f"{name}{turn}", received_at=at))
    assert (await merge(agent, target, source)).status == 200
    link = PortalLink(source.id, source.conversation_id, ANA, mailed=True, made_at=now_utc())
    async with desk.database.read() as session:
        shown = await portal.followed(session, link, now_utc())
    assert shown is not None
    assert [row.text for row in shown.messages] == ["s1", "t2", "s2"]
