"""Whom an address or a Message-ID of ours proves to have been written to."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.addresses import Mailbox, normalise_address
from services.ingestion.domain.identities import Identities, Identity
from services.ingestion.domain.tokens import (
    agent_address,
    agent_token,
    conversation_of,
    is_reply_address,
    reply_address,
)
from shared.events.messages import AgentToken

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
DESK = Identity(None, Mailbox("support@desk.example"))
OWN = Identities(DESK)
ADA = "ada@desk.example"
TICKET = UUID("01997b6e-3c00-7a10-8b11-0242ac120002")


@given(ticket_id=st.uuids(), as_note=st.booleans())
def test_an_agents_address_is_theirs_alone(ticket_id: UUID, *, as_note: bool) -> None:
    address = agent_address(KEY, DESK, ticket_id, ADA, as_note=as_note)
    assert normalise_address(address) == address
    assert is_reply_address(OWN, address)
    assert agent_token(KEY, OWN, (address,), ADA) == AgentToken(ticket_id=ticket_id, as_note=as_note)
    assert agent_token(KEY, OWN, (address,), "eve@evil.example") is None
    assert agent_token(OTHER_KEY, OWN, (address,), ADA) is None
    assert conversation_of(KEY, OWN, (address,), ADA) is None


@pytest.mark.parametrize("change", ["kind", "ticket", "domain"])
def test_a_changed_token_proves_nothing(change: str) -> None:
    address = agent_address(KEY, DESK, TICKET, ADA, as_note=True)
    changed = {
        # A note must not become a public reply by one letter.
        "kind": address.replace("+n.", "+a."),
        "ticket": address.replace("+n.a", "+n.b") if "+n.a" in address else address[:20] + "a" + address[21:],
        "domain": address.replace("desk.example", "evil.example"),
    }[change]
    assert changed != address
    assert agent_token(KEY, OWN, (changed,), ADA) is None


def test_of_both_kinds_the_internal_one_counts() -> None:
    both = tuple(agent_address(KEY, DESK, TICKET, ADA, as_note=as_note) for as_note in (False, True))
    assert agent_token(KEY, OWN, both, ADA) == AgentToken(ticket_id=TICKET, as_note=True)


def test_what_a_customer_was_given_makes_no_agent() -> None:
    address = reply_address(KEY, DESK.mailbox, TICKET, ADA)
    assert agent_token(KEY, OWN, (address, address.replace("+r.", "+a.")), ADA) is None
