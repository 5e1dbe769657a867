"""Whom an event concerns: assignees, those who follow a ticket, and those who put it off; never who did it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from services.gateway.domain.notifications import NoticeKind, Watched, notices_of
from shared.events import EventData
from shared.events.common import Actor, ActorKind, Channel
from shared.events.tickets import (
    FieldChange,
    MessageKind,
    ThreadMessage,
    TicketChanged,
    TicketFollowersChanged,
    TicketMessageAdded,
    TicketReplyUndelivered,
)
from shared.ids import uuid7
from tests.integration.events import START, at, ticket

TICKET, ASHA, BEN, CARA = (uuid7() for _ in range(4))
CUSTOMER = Actor(kind=ActorKind.CUSTOMER, id=str(uuid7()), name="Ana")
DESK = Actor(kind=ActorKind.SYSTEM, id="tickets", name="desk")
FOLLOWED = {TICKET: Watched(followers=(BEN, CARA))}


def agent(account_id: UUID) -> Actor:
    return Actor(kind=ActorKind.AGENT, id=str(account_id), name="An agent")


def said(kind: MessageKind, author: Actor, *, seconds: float = 0, **fields: Any) -> TicketMessageAdded:
    message = ThreadMessage(
        id=uuid7(), kind=kind, channel=Channel.EMAIL, author=author, text="secret", added_at=at(seconds)
    )
    return TicketMessageAdded(ticket=ticket(TICKET, assignee_id=ASHA), message=message, **fields)


def changed(actor: Actor, field: str, before: Any, after: Any, *, cause: str = "test") -> TicketChanged:
    return TicketChanged(
        ticket=ticket(TICKET, assignee_id=ASHA),
        changes={field: FieldChange(before=before, after=after)},
        actor=actor,
        cause=cause,
        changed_at=START,
    )


def told(*events: EventData, watched: Mapping[UUID, Watched] = FOLLOWED) -> list[tuple[UUID, str]]:
    notices, _ = notices_of(events, watched)
    return [(notice.account_id, notice.kind.value) for notice in notices]


def test_what_a_customer_writes_is_told_to_whom_it_is_waited_for_by() -> None:
    watched = {TICKET: Watched(followers=(BEN, ASHA), snoozed_by=CARA)}
    expected = [(ASHA, "answered"), (BEN, "answered"), (CARA, "answered")]
    assert told(said(MessageKind.CUSTOMER, CUSTOMER), watched=watched) == expected
    assert told(said(MessageKind.CUSTOMER, CUSTOMER), watched={}) == [(ASHA, "answered")]
    for inside in (MessageKind.SYSTEM, MessageKind.NOTE):
        assert told(said(inside, CUSTOMER), watched=watched) == []


def test_what_a_colleague_replies_is_told_to_who_follows_and_not_to_the_colleague() -> None:
    assert told(said(MessageKind.REPLY, agent(BEN))) == [(CARA, "replied")]
    assert told(said(MessageKind.NOTE, agent(ASHA))) == []


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("open", "solved", "solved"),
        ("solved", "closed", "closed"),
        ("solved", "open", "reopened"),
        ("closed", "pending", "reopened"),
        ("open", "pending", None),
    ],
)
def test_the_turns_of_a_ticket_are_told_to_who_follows_it(before: str, after: str, kind: str | None) -> None:
    everybody = [(account, kind) for account in (BEN, CARA) if kind]
    assert told(changed(DESK, "status", before, after)) == everybody
    assert told(changed(agent(BEN), "status", before, after)) == everybody[1:]


def test_a_ticket_that_goes_on_in_another_one_is_not_told_to_be_closed() -> None:
    assert told(changed(agent(ASHA), "status", "open", "closed", cause="merge")) == []
    # The other one.
    assert told(changed(agent(ASHA), "status", "solved", "open", cause="merge")) == [
        (account, "reopened") for account in (BEN, CARA)
    ]


def test_a_snooze_that_is_over_is_told_to_who_set_it_else_to_the_assignee() -> None:
    put_off = changed(agent(BEN), "snoozed_until", None, START.isoformat())
    over = changed(DESK, "snoozed_until", START.isoformat(), None, cause="snooze.over")
    notices, watched = notices_of([put_off], {})
    assert (notices, watched) == ([], {TICKET: Watched(snoozed_by=BEN)})
    assert told(over, watched=watched) == [(BEN, "woken")]
    assert told(put_off, over, watched={}) == [(BEN, "woken")]
    # Put off before that was kept, or by the desk itself.
    for nobody in ({}, {TICKET: Watched()}):
        assert told(over, watched=nobody) == [(ASHA, "woken")]
    by_desk = changed(DESK, "snoozed_until", None, START.isoformat())
    assert notices_of([by_desk], watched)[1] == {TICKET: Watched()}
    # Who wakes it by hand has seen it.
    woken = changed(agent(CARA), "snoozed_until", START.isoformat(), None)
    assert notices_of([woken], watched) == ([], {TICKET: Watched()})


def test_a_customer_who_wakes_a_ticket_is_told_once_to_who_put_it_off() -> None:
    watched = {TICKET: Watched(snoozed_by=BEN)}
    woken = changed(CUSTOMER, "snoozed_until", START.isoformat(), None)
    assert told(said(MessageKind.CUSTOMER, CUSTOMER), woken, watched=watched) == [(ASHA, "answered"), (BEN, "answered")]


def test_a_reply_that_did_not_arrive_is_told_to_its_author() -> None:
    failed = TicketReplyUndelivered(
        ticket_id=TICKET, ticket_number=7, message_id=uuid7(), author_id=BEN, undelivered_at=START
    )
    ([notice], watched) = notices_of([failed], FOLLOWED)
    assert (notice.account_id, notice.kind, notice.ticket_id, notice.ticket_number) == (
        BEN,
        NoticeKind.UNDELIVERED,
        TICKET,
        7,
    )
    assert watched == {}


def test_who_follows_is_known_to_later_events_of_a_batch() -> None:
    only_cara = TicketFollowersChanged(ticket_id=TICKET, followers=(CARA,))
    nobody = TicketFollowersChanged(ticket_id=TICKET, followers=())
    solved = changed(DESK, "status", "open", "solved")
    assert told(only_cara, solved) == [(CARA, "solved")]
    assert told(nobody, solved) == []
    assert notices_of([only_cara, solved], {})[1] == {TICKET: Watched(followers=(CARA,))}
    # Nothing is written for what came out as it was.
    assert notices_of([nobody, only_cara], {TICKET: Watched(followers=(CARA,))})[1] == {}


def test_of_many_at_once_the_last_of_each_kind_is_told() -> None:
    first, other, last = (said(MessageKind.CUSTOMER, CUSTOMER, seconds=each) for each in (1, 2, 3))
    solved = changed(DESK, "status", "open", "solved")
    notices, _ = notices_of([first, other, solved, last], {TICKET: Watched(followers=(BEN,))})
    assert [(notice.account_id, notice.kind, notice.at) for notice in notices] == [
        (BEN, "solved", START),
        (ASHA, "answered", at(3)),
        (BEN, "answered", at(3)),
    ]


def test_neither_a_customers_name_nor_words_are_kept() -> None:
    ([notice], _) = notices_of([said(MessageKind.CUSTOMER, CUSTOMER)], {})
    assert notice.author == ""
