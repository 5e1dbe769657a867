"""Who is told of whom at a ticket."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.presence import Doing, Person, Place, others, place_of
from shared.ids import uuid7

ACCOUNTS = [uuid7() for _ in range(4)]
PEOPLE = st.lists(
    st.builds(lambda n, doing: Person(ACCOUNTS[n], f"Agent {n}", doing), st.integers(0, 3), st.sampled_from(Doing))
)


@given(PEOPLE)
def test_each_of_the_others_is_told_once_and_nobody_of_herself(people: list[Person]) -> None:
    told = others(people, ACCOUNTS[0])
    assert [person.account_id for person in told] == sorted(
        {person.account_id for person in people} - {ACCOUNTS[0]}, key=ACCOUNTS.index
    )
    for person in told:
        said = {each.doing for each in people if each.account_id == person.account_id}
        # Who writes in one window and reads in another writes.
        assert person.doing == next(doing for doing in (Doing.REPLY, Doing.NOTE, Doing.READING) if doing in said)


@given(PEOPLE, st.randoms(use_true_random=False))
def test_what_is_told_depends_on_no_order(people: list[Person], chance: Any) -> None:
    shuffled = list(people)
    chance.shuffle(shuffled)
    assert others(people, ACCOUNTS[1]) == others(shuffled, ACCOUNTS[1])


def test_a_place_is_read_from_a_message() -> None:
    ticket_id = uuid7()
    assert place_of({"ticket_id": str(ticket_id), "doing": "reply"}) == Place(ticket_id, Doing.REPLY)
    assert place_of({"ticket_id": str(ticket_id)}) == Place(ticket_id, Doing.READING)
    assert place_of({"ticket_id": None, "doing": "reply"}) is None


@pytest.mark.parametrize(
    "message",
    [
        {"ticket_id": "*"},
        {"ticket_id": 7},
        {"ticket_id": ["a"]},
        {"ticket_id": str(uuid7()), "doing": "everything"},
        {"ticket_id": str(uuid7()), "doing": ["reply"]},
    ],
)
def test_nonsense_is_no_place(message: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        place_of(message)
