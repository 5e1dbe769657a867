"""Who gets a ticket: order of the reasons, exclusions, capacity; and that a decision is always explained."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain import assignment
from services.routing.domain.assignment import KEPT_CANDIDATES, Agent, WaitingTicket, queue_of, returns_at
from services.routing.domain.reasons import Reason, ReasonCode
from shared.events.accounts import Role
from shared.events.common import TicketType

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RETURN_AFTER = timedelta(minutes=15)
INSTANT = timedelta(microseconds=1)

assign = partial(assignment.assign, now=NOW, return_after=RETURN_AFTER)
decide = partial(assignment.decide, now=NOW, return_after=RETURN_AFTER)


def agent(number: int, **fields: Any) -> Agent:
    given: dict[str, Any] = {
        "id": UUID(int=number),
        "name": f"Agent {number}",
        "role": Role.AGENT,
        "active": True,
        "available": True,
        "languages": frozenset({"en"}),
        "skills": frozenset(),
        "groups": frozenset(),
        "capacity": 10,
        "load": 0,
    }
    return Agent(**(given | fields))


def ticket(number: int = 1000, **fields: Any) -> WaitingTicket:
    given: dict[str, Any] = {
        "id": UUID(int=number),
        "version": 1,
        "type": TicketType.BILLING,
        "group": None,
        "language": "de",
        "tier": "standard",
    }
    return WaitingTicket(**(given | fields))


def chosen(one: WaitingTicket, *agents: Agent) -> int | None:
    decision = decide(one, {each.id: each for each in agents})
    return None if decision.assignee_id is None else decision.assignee_id.int


GERMAN = frozenset({"de"})


def test_language_comes_before_any_set_of_skills() -> None:
    skilled = agent(1, skills=frozenset({"billing", "gold", "a", "b", "c"}))
    german = agent(2, languages=GERMAN, load=9)
    assert chosen(ticket(tier="gold", tags=("a", "b", "c")), skilled, german) == 2


def test_among_speakers_the_skilled_one_is_taken_however_busy() -> None:
    skilled = agent(1, languages=GERMAN, skills=frozenset({"billing"}), load=9)
    assert chosen(ticket(), skilled, agent(2, languages=GERMAN)) == 1


def test_tier_and_tags_decide_between_equals() -> None:
    plain, tagged = agent(1, languages=GERMAN), agent(2, languages=GERMAN, skills=frozenset({"refund"}))
    vip = agent(3, languages=GERMAN, skills=frozenset({"gold"}))
    assert chosen(ticket(tags=("refund",)), plain, tagged) == 2
    assert chosen(ticket(tags=("refund",), tier="gold"), plain, tagged, vip) == 3


def test_the_less_loaded_one_relative_to_their_capacity_is_taken() -> None:
    assert chosen(ticket(), agent(1, languages=GERMAN, load=1, capacity=2), agent(2, languages=GERMAN, load=4)) == 2


def test_without_a_speaker_it_falls_back_and_says_so() -> None:
    decision = decide(ticket(), {UUID(int=1): agent(1), UUID(int=2): agent(2, languages=frozenset({"fr"}))})
    assert decision.assignee_id == UUID(int=1)
    assert decision.reasons[0] == "nobody free speaks de: fallback to en"
    assert "speaks neither the ticket's language nor the fallback language" in decision.candidates[1].reasons


def test_who_is_not_known_to_speak_anything_speaks_the_fallback_language() -> None:
    assert chosen(ticket(), agent(1, languages=frozenset())) == 1


def test_a_ticket_of_unknown_language_goes_to_anybody_but_first_to_speakers_of_the_fallback() -> None:
    french = agent(1, languages=frozenset({"fr"}))
    assert chosen(ticket(language=None), french) == 1
    assert chosen(ticket(language=None), french, agent(2, load=9)) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"role": Role.ADMIN}, "not an agent"),
        ({"active": False}, "inactive"),
        ({"available": False}, "away"),
        ({"groups": frozenset({"sales"})}, "not in the ticket's group"),
        ({"load": 10}, "at capacity"),
        ({"load": 12}, "at capacity"),
        ({"capacity": 0}, "at capacity"),
    ],
)
def test_who_is_left_out_is_told_why(fields: dict[str, Any], reason: str) -> None:
    one = replace(agent(1, languages=GERMAN, groups=frozenset({"support"})), **fields)
    decision = decide(ticket(group="support"), {one.id: one})
    assert decision.assignee_id is None
    assert decision.reasons == ("nobody fits now", f"1 left out: {reason}")
    assert decision.candidates[0].reasons == (reason,)
    assert decision.queue == "support:de"


def test_who_let_go_of_a_ticket_stands_behind_all_others_after_the_cool_down_but_is_not_out() -> None:
    german, french = agent(1, languages=GERMAN), agent(2, languages=frozenset({"en"}), load=9)
    again = ticket(released_at={german.id: NOW - RETURN_AFTER})
    decision = decide(again, {german.id: german, french.id: french})
    assert decision.assignee_id == french.id
    assert decision.reasons[0] == "nobody else free speaks de: fallback to en"
    alone = decide(again, {german.id: german})
    assert alone.assignee_id == german.id
    assert "let go of this ticket before" in alone.reasons


def test_who_has_just_let_go_of_a_ticket_is_not_asked_again_though_nobody_else_fits() -> None:
    german = agent(1, languages=GERMAN)
    decision = decide(ticket(released_at={german.id: NOW}), {german.id: german})
    assert decision.assignee_id is None
    assert decision.candidates[0].reasons == ("let go of this ticket; can get it again from 09:15 UTC",)
    assert decision.reasons == ("nobody fits now", f"1 left out: {decision.candidates[0].reasons[0]}")


def test_a_cool_down_is_of_one_agent_and_one_ticket() -> None:
    german, other = agent(1, languages=GERMAN), agent(2, languages=GERMAN, load=9)
    let_go = ticket(1000, released_at={german.id: NOW})
    decisions = assign([let_go, ticket(1001)], [german, other])
    assert [decision.assignee_id for decision in decisions] == [other.id, german.id]


@pytest.mark.parametrize(
    ("ago", "again"),
    [(timedelta(0), NOW + RETURN_AFTER), (RETURN_AFTER - INSTANT, NOW + INSTANT), (RETURN_AFTER, None)],
)
def test_a_cool_down_ends_to_the_instant(ago: timedelta, again: datetime | None) -> None:
    one = ticket(released_at={UUID(int=1): NOW - ago})
    assert returns_at(one, UUID(int=1), now=NOW, return_after=RETURN_AFTER) == again
    assert returns_at(one, UUID(int=2), now=NOW, return_after=RETURN_AFTER) is None
    assert returns_at(one, UUID(int=1), now=NOW, return_after=timedelta(0)) is None


@pytest.mark.parametrize(
    ("released_at", "shown"),
    [
        (NOW - INSTANT, "09:15"),
        (NOW - timedelta(seconds=59), "09:15"),
        (NOW - timedelta(minutes=1), "09:14"),
        (datetime(2026, 3, 2, 23, 45, tzinfo=UTC), "2026-03-03 00:00"),
    ],
)
def test_the_end_of_a_cool_down_is_told_to_the_minute_and_never_too_early(released_at: datetime, shown: str) -> None:
    german = agent(1, languages=GERMAN)
    decision = decide(ticket(released_at={german.id: released_at}), {german.id: german}, now=max(released_at, NOW))
    assert decision.candidates[0].reasons == (f"let go of this ticket; can get it again from {shown} UTC",)


def test_the_end_of_a_cool_down_is_told_as_a_moment_too() -> None:
    """The sentence says it in UTC, and its readers live elsewhere."""
    german = agent(1, languages=GERMAN)
    decision = decide(ticket(released_at={german.id: NOW - timedelta(seconds=59)}), {german.id: german})
    until = Reason(ReasonCode.LET_GO_UNTIL, {"at": NOW + RETURN_AFTER, "utc": "09:15"})
    assert decision.candidates[0].explained == (until,)
    assert decision.explained == (
        Reason(ReasonCode.NOBODY_FITS),
        Reason(ReasonCode.LEFT_OUT, {"count": 1, "reason": until}),
    )


def test_a_batch_takes_no_more_places_than_there_are() -> None:
    tickets = [ticket(number) for number in range(10)]
    agents = [agent(100, languages=GERMAN, capacity=3), agent(101, languages=GERMAN, capacity=4, load=2)]
    decisions = assign(tickets, agents)
    assert [decision.assignee_id is not None for decision in decisions] == [True] * 5 + [False] * 5


def test_equals_share_the_work_and_the_same_question_has_the_same_answer() -> None:
    agents = {UUID(int=n): agent(n, languages=GERMAN) for n in range(1, 5)}
    first = [decide(ticket(n), agents).assignee_id for n in range(1000, 1100)]
    assert first == [decide(ticket(n), dict(reversed(agents.items()))).assignee_id for n in range(1000, 1100)]
    assert set(first) == set(agents)


def test_a_decision_keeps_the_best_candidates_of_a_large_desk() -> None:
    agents = {UUID(int=n): agent(n, languages=GERMAN, available=n % 2 == 0) for n in range(1, 501)}
    decision = decide(ticket(), agents)
    assert len(decision.candidates) == KEPT_CANDIDATES
    assert all(candidate.score is not None for candidate in decision.candidates)
    assert decision.reasons[-1] == "250 left out: away"


def test_queues_are_named_by_group_and_language() -> None:
    assert [queue_of("sales", "de"), queue_of(None, None)] == ["sales:de", "general:und"]


LANGUAGES = st.frozensets(st.sampled_from(["en", "de", "hi"]), max_size=2)
AGENTS = st.lists(
    st.builds(
        agent,
        st.integers(1, 10**6),
        languages=LANGUAGES,
        groups=st.frozensets(st.sampled_from(["sales", "support"])),
        available=st.booleans(),
        active=st.booleans(),
        capacity=st.integers(0, 4),
        load=st.integers(0, 5),
    ),
    max_size=6,
    unique_by=lambda one: one.id,
)
TICKETS = st.lists(
    st.builds(
        ticket,
        st.integers(1, 10**6),
        group=st.sampled_from([None, "sales", "support"]),
        language=st.sampled_from([None, "de", "hi", "ja"]),
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)


@given(tickets=TICKETS, agents=AGENTS)
def test_every_assignment_is_allowed_and_every_agent_is_accounted_for(
    tickets: list[WaitingTicket], agents: list[Agent]
) -> None:
    by_id = {one.id: one for one in agents}
    given_to: dict[UUID, int] = {}
    for decision in assign(tickets, agents):
        assert {candidate.agent_id for candidate in decision.candidates} == set(by_id)
        assert all(decision.reasons)
        for candidate in decision.candidates:
            assert candidate.reasons
            assert all(candidate.reasons)
        if decision.assignee_id is None:
            assert all(candidate.score is None for candidate in decision.candidates)
            continue
        one = by_id[decision.assignee_id]
        given_to[one.id] = given_to.get(one.id, 0) + 1
        assert one.active
        assert one.available
        assert decision.ticket.group is None or decision.ticket.group in one.groups
        assert decision.ticket.language in {None, *one.spoken} or "en" in one.spoken
        assert decision.candidates[0].agent_id == one.id
    assert all(by_id[one].load + count <= by_id[one].capacity for one, count in given_to.items())


@st.composite
def desks_with_releases(draw: st.DrawFn) -> tuple[WaitingTicket, dict[UUID, Agent]]:
    """A ticket, and a desk of which some have let go of it: just now, long ago, or by a clock that is ahead."""
    anybody = st.builds(agent, st.integers(1, 100), languages=LANGUAGES, capacity=st.just(4), load=st.integers(0, 4))
    by_id = {one.id: one for one in draw(st.lists(anybody, min_size=1, max_size=4, unique_by=lambda one: one.id))}
    ago = st.sampled_from([-60, 0, 60, 899, 900, 901, 3600]).map(lambda seconds: timedelta(seconds=seconds))
    released = draw(st.dictionaries(st.sampled_from(sorted(by_id)), ago))
    language = draw(st.sampled_from([None, "de", "en", "ja"]))
    return ticket(language=language, released_at={one: NOW - before for one, before in released.items()}), by_id


def cooling(one: WaitingTicket) -> set[UUID]:
    return {agent_id for agent_id, released_at in one.released_at.items() if NOW - released_at < RETURN_AFTER}


@given(desk=desks_with_releases())
def test_who_let_go_gets_a_ticket_only_after_the_cool_down_and_after_everybody_else(
    desk: tuple[WaitingTicket, dict[UUID, Agent]],
) -> None:
    one, agents = desk
    decision = decide(one, agents)
    assert decision.assignee_id not in cooling(one)
    without = decide(one, {key: value for key, value in agents.items() if key not in cooling(one)})
    assert decision.assignee_id == without.assignee_id, "a cool-down changes nothing for the others"
    others = decide(one, {key: value for key, value in agents.items() if key not in one.released_at})
    if others.assignee_id is not None:
        assert decision.assignee_id == others.assignee_id


@given(desk=desks_with_releases())
def test_no_ticket_is_left_for_ever_because_somebody_let_go_of_it(
    desk: tuple[WaitingTicket, dict[UUID, Agent]],
) -> None:
    one, agents = desk
    ends = [returns_at(one, each, now=NOW, return_after=RETURN_AFTER) for each in agents]
    later = max((end for end in ends if end is not None), default=NOW)
    fits_somebody = decide(replace(one, released_at={}), agents).assignee_id is not None
    assert (decide(one, agents, now=later).assignee_id is not None) == fits_somebody
