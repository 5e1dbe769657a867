"""What links to tickets let in, and what their pages show of tickets that were merged."""

import json
from datetime import timedelta
from typing import Any

import pytest

from services.tickets.service import portal
from services.tickets.service.forms import publish
from shared.db import now_utc
from shared.events.accounts import Role
from shared.events.common import Channel
from shared.events.forms import FilledForm
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


async def test_a_field_whose_condition_does_not_hold_asks_for_nothing_and_keeps_nothing(desk: Desk) -> None:
    """A page without scripts shows all fields: what does not apply is neither required nor taken."""
    only_for_printers = {"visible_if": {"field": "fields.device", "is": ["printer"]}, "required_if": {"all": []}}
    options = [{"value": value, "labels": {"en": value}} for value in ("printer", "phone")]
    theirs = {"customers": "write"}
    fields = [
        {"key": "device", "kind": "choice", "labels": {"en": "Device"}, "options": options, **theirs},
        {"key": "serial", "kind": "text", "labels": {"en": "Serial"}, **theirs, **only_for_printers},
    ]
    admin = await desk.person(Role.ADMIN)
    put = await admin.client.put("/api/settings/fields", {"fields": fields, "forms": []}, if_match="*")
    assert put.status == 200, put.body
    async with desk.database.transaction() as session:
        await publish(session, now_utc())
    told = json.loads((await desk.one("SELECT data FROM outbox WHERE type = 'forms.published.v1'")).data)
    shown = {each["key"]: (each["required"], each["conditional"]) for each in told["forms"][-1]["fields"]}
    assert shown == {"device": (False, False), "serial": (False, True)}

    for sent, kept in (
        ({"device": "phone", "serial": "X-1"}, {"device": "phone"}),
        ({"device": "printer", "serial": "X-1"}, {"device": "printer", "serial": "X-1"}),
        ({"device": "printer"}, {"device": "printer"}),
        ({"serial": "X-1"}, {}),
    ):
        assert (await a_ticket(desk, channel=Channel.FORM, form=FilledForm(values=sent))).fields == kept
