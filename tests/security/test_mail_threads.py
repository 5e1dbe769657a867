"""Who gets into whose ticket by mail. One permanent test for each way that others had to publish, with its source.

A mail goes from its raw bytes through what ingestion states of it to what tickets decides.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.authentication import sender_authentication
from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.domain.mail import MailKind, parse_mail
from services.ingestion.domain.tokens import (
    agent_address,
    agent_token,
    conversation_of,
    outgoing_message_id,
    reply_address,
)
from services.ingestion.service.evidence import copies
from services.ingestion.service.mail import MailContext, ignore_reason, quarantine_reason
from shared.db import Database
from shared.events.accounts import Role
from shared.events.messages import MessageReceived, Sender, ThreadingEvidence
from shared.ids import uuid7
from tests.conftest import Databases
from tests.integration.tickets.harness import Desk, received, running_desk
from tests.integration.tickets.test_intake import ticket_of

KEY = b"k" * 32
SUPPORT = Identity(None, Mailbox("support@desk.example", "Support"))
CONTEXT = MailContext(Identities(SUPPORT), KEY, "mx.desk.example")


@pytest_asyncio.fixture(scope="module")
async def desk(databases: Databases) -> AsyncIterator[Desk]:
    """Tickets for all of these tests: each has conversations of its own."""
    database = Database((await databases.url("tickets"))["tickets"], service="tickets")
    async with running_desk(database) as desk:
        yield desk
    await database.close()
    await databases.drop(database.url)


def mail(text: str = "Let me in.", **headers: str) -> bytes:
    """A mail; header names with underscores for hyphens."""
    fields = {"To": SUPPORT.mailbox.address, "Subject": "Printer on fire", **headers}
    return (
        "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items()).encode()
        + b"\n"
        + text.encode()
    )


def passed(domain: str) -> str:
    return f"mx.desk.example; dmarc=pass header.from={domain}"


def stated(raw: bytes, refers_to: MessageReceived | None = None) -> MessageReceived:
    """What ingestion states of a mail that it lets in; `refers_to` is whose Message-ID it names."""
    parsed = parse_mail(raw)
    assert quarantine_reason(parsed, CONTEXT, released=False) is None
    assert parsed.sender is not None
    given = KEY, CONTEXT.identities, parsed.delivered_to, parsed.sender.address
    trusted = CONTEXT.trusted_authserv_id
    token = conversation_of(*given)
    evidence = ThreadingEvidence(
        token_conversation_id=token,
        reference_conversation_id=refers_to.conversation_id if refers_to else None,
        ticket_number=parsed.ticket_number,
        authentication=sender_authentication(
            parsed.authentication_results, trusted=trusted, sender_domain=parsed.sender.domain
        ),
        agent=agent_token(*given),
    )
    conversation_id = token or (refers_to.conversation_id if refers_to else uuid7())
    return received(
        sender=Sender(kind="email", address=parsed.sender.address, name=parsed.sender.name),
        conversation_id=conversation_id,
        subject=parsed.subject,
        text=parsed.text,
        cc=copies(parsed, parsed.sender, CONTEXT.identities),
        evidence=evidence,
        auto_submitted=parsed.kind is MailKind.AUTO_REPLY,
    )


async def victim(desk: Desk) -> tuple[MessageReceived, Any]:
    """Ana's mail, and her ticket."""
    anas = received("ana@example.com")
    await desk.take(anas)
    return anas, await ticket_of(desk, anas)


async def count(desk: Desk, ticket_id: Any) -> int:
    return int((await desk.one("SELECT message_count AS n FROM tickets WHERE id = :id", id=ticket_id)).n)


@pytest.mark.parametrize("proof", ["", passed("example.net")])
async def test_a_strangers_reply_with_guessed_references_is_held(desk: Desk, proof: str) -> None:
    """RFC 5322 section 3.6.4: References are written by the sender. Desks that thread by them alone let anybody in."""
    anas, ticket = await victim(desk)
    raw = mail(
        From="eve@example.net", References="<1@example.com>", Subject="Re: [#1] Printer", Authentication_Results=proof
    )
    evas = stated(raw, anas)
    await desk.take(evas)
    held = await ticket_of(desk, evas)
    assert (held.id != ticket.id, held.review_of, await count(desk, ticket.id)) == (True, ticket.id, 1)
    assert held.status == "new", "it is a ticket as any: routed and timed, unseen by nobody"


async def test_a_spoofed_requester_brings_no_attacker_along(desk: Desk) -> None:
    """hackermondev, "1 bug, $50,000+ in bounties" (2024): mail spoofed as a requester's with the attacker in Cc made
    the attacker part of the ticket, who read all of it."""
    ids = []
    for proof in ("", "mx.desk.example; dmarc=fail header.from=example.com", passed("example.net")):
        forged = stated(mail(From="ana@example.com", Cc="eve@evil.example", Authentication_Results=proof))
        await desk.take(forged)
        assert (await ticket_of(desk, forged)).message_count == 1
        ids.append(forged.message_id)
    rows = await desk.rows("SELECT cc FROM messages WHERE id = ANY(:ids)", ids=ids)
    assert [row.cc for row in rows] == [[], [], []]
    assert await desk.rows("SELECT 1 FROM customer_identities WHERE address = 'eve@evil.example'") == []


async def test_who_was_forwarded_a_reply_brings_nobody_along(desk: Desk) -> None:
    """The same advisory, by one who holds what the requester was sent: its addresses and ids are in each copy of it."""
    anas, ticket = await victim(desk)
    to = reply_address(KEY, SUPPORT.mailbox, anas.conversation_id, "ana@example.com")
    forged = stated(mail(From="ana@example.com", To=to, Cc="mallory@evil.example"))
    await desk.take(forged)
    assert (await ticket_of(desk, forged)).id == ticket.id
    assert (await desk.one("SELECT cc FROM messages WHERE id = :id", id=forged.message_id)).cc == []
    evas = stated(mail(From="mallory@evil.example", References="<1@x>"), anas)
    await desk.take(evas)
    assert (await ticket_of(desk, evas)).review_of == ticket.id


async def test_a_failed_requester_goes_on_in_nothing_and_copies_nobody(desk: Desk) -> None:
    """The same advisory: the spoofed mail named the ticket, too. Without the domain's word it joins nothing."""
    anas, ticket = await victim(desk)
    failed = "mx.desk.example; dmarc=fail header.from=example.com"
    raw = mail(From="ana@example.com", Cc="eve@evil.example", References="<1@x>", Authentication_Results=failed)
    forged = stated(raw, anas)
    await desk.take(forged)
    held = await ticket_of(desk, forged)
    assert (held.id != ticket.id, held.review_reason) == (True, "sender_failed_authentication")
    assert (await desk.one("SELECT cc FROM messages WHERE id = :id", id=forged.message_id)).cc == []


async def test_an_agents_from_needs_the_token_made_for_it(desk: Desk) -> None:
    """Desks that take an agent's From for the agent publish what anybody writes under that name (CWE-290)."""
    anas, ticket = await victim(desk)
    agent, other = await desk.person(email="ada@desk.example"), await desk.person(email="bob@desk.example")
    theirs = agent_address(KEY, SUPPORT, ticket.id, other.email, as_note=False)
    invented = f"support+a.{'a' * 42}@desk.example"
    for to in (SUPPORT.mailbox.address, theirs, invented):
        forged = stated(mail(From=agent.email, To=to, Authentication_Results=passed("desk.example")), anas)
        await desk.take(forged)
        assert (await ticket_of(desk, forged)).kind == "customer"
    assert await count(desk, ticket.id) == 1
    own = stated(mail(From=agent.email, To=agent_address(KEY, SUPPORT, ticket.id, agent.email, as_note=False)))
    await desk.take(own)
    assert ((await ticket_of(desk, own)).id, (await ticket_of(desk, own)).kind) == (ticket.id, "reply")


@pytest.mark.parametrize("change", [{"active": False}, {"role": Role.CUSTOMER}])
async def test_an_agent_without_access_writes_nothing(desk: Desk, change: dict[str, Any]) -> None:
    """CWE-613: who was an agent keeps the mails of that time, and the addresses in them."""
    _, ticket = await victim(desk)
    gone = await desk.person(change.get("role", Role.AGENT), active=change.get("active", True))
    to = agent_address(KEY, SUPPORT, ticket.id, gone.email, as_note=True)
    late = stated(mail(From=gone.email, To=to, Authentication_Results=passed("desk.example")))
    await desk.take(late)
    held = await ticket_of(desk, late)
    assert (held.id != ticket.id, held.review_reason, await count(desk, ticket.id)) == (
        True,
        "sender_may_not_answer",
        1,
    )


async def test_two_machines_do_not_wake_each_other(desk: Desk) -> None:
    """RFC 3834 section 2: an automatic answer to an automatic answer never ends."""
    anas, ticket = await victim(desk)
    agent = await desk.person()
    await agent.client.patch(f"/api/tickets/{ticket.id}", {"status": "solved"}, if_match="*")
    for _ in range(3):
        away = stated(mail(From="ana@example.com", Auto_Submitted="auto-replied", References="<1@x>"), anas)
        await desk.take(away)
    after = await desk.one("SELECT * FROM tickets WHERE id = :id", id=ticket.id)
    assert (after.status, after.public_message_count, after.message_count) == ("solved", 1, 4)


def test_a_machine_that_answers_for_an_agent_is_ignored() -> None:
    """RFC 3834: a vacation notice of an agent, told to a customer, is answered by theirs."""
    to = agent_address(KEY, SUPPORT, uuid7(), "ada@desk.example", as_note=False)
    away = parse_mail(mail(From="ada@desk.example", To=to, Auto_Submitted="auto-replied"))
    assert ignore_reason(away, CONTEXT) == "automatic_reply_of_agent"
    assert ignore_reason(parse_mail(mail(From="ada@desk.example", To=to)), CONTEXT) is None


def test_our_own_mail_comes_in_by_no_way() -> None:
    """RFC 3834 section 2 and every mail loop since: neither what we sent nor what says so comes in as a message."""
    own = f"<{outgoing_message_id(KEY, SUPPORT.mailbox, uuid7())}>"
    for sender in ("support@desk.example", "SUPPORT+n.x@desk.example"):
        came_back = parse_mail(mail(From=sender, Message_ID=own))
        assert ignore_reason(came_back, CONTEXT) == "our_own_mail"
        forged = parse_mail(mail(From=sender, Message_ID=own.replace(".", ".0", 1)))
        assert ignore_reason(forged, CONTEXT) is None
        assert quarantine_reason(forged, CONTEXT, released=False) == "from_our_own_address"


def test_confirmations_reach_no_ticket_by_an_agents_address_either() -> None:
    """The ticket trick (I. de Ceukelaire, 2017), with the addresses that agents are written to from."""
    for as_note in (True, False):
        to = agent_address(KEY, SUPPORT, uuid7(), "ada@desk.example", as_note=as_note)
        confirmation = parse_mail(mail("Your code is 1234", From="no-reply@slack.example", To=to))
        assert quarantine_reason(confirmation, CONTEXT, released=False) == "automatic_mail_to_reply_address"
        assert agent_token(KEY, CONTEXT.identities, (to,), "no-reply@slack.example") is None


async def test_headers_of_the_desk_are_anybodys(desk: Desk) -> None:
    """OTRS took X-OTRS-Queue, X-OTRS-State and the like from every sender unless told not to (PostMaster filters)."""
    _, ticket = await victim(desk)
    forged = stated(
        mail(
            From="eve@example.net",
            X_Ticket_Id=str(ticket.id),
            X_Ticket_Number="1",
            X_Ticket_Priority="urgent",
            X_Ticket_Group="admins",
            X_Desk_Account=str(uuid7()),
            X_OTRS_State="closed",
        )
    )
    await desk.take(forged)
    opened = await ticket_of(desk, forged)
    assert (opened.id != ticket.id, opened.priority, opened.group, opened.status) == (True, "normal", None, "new")
    assert opened.review_of is None
