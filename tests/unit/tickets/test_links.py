"""Links are kept in one direction and read in both."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.links import LinkKind, Relation, ends, relation, sides

ids = st.uuids()


@given(here=ids, there=ids, said=st.sampled_from(Relation))
def test_what_is_said_is_read_from_there(here: object, there: object, said: Relation) -> None:
    made = ends(here, said, there)  # type: ignore[arg-type]
    assert {made.from_id, made.to_id} == {here, there}
    if here != there:
        assert relation(made.kind, other_is_first=made.from_id == there) is said


@given(here=ids, there=ids, said=st.sampled_from(Relation))
def test_said_from_the_other_side_it_is_the_same_link(here: object, there: object, said: Relation) -> None:
    made = ends(here, said, there)  # type: ignore[arg-type]
    back = relation(made.kind, other_is_first=made.from_id == here)
    if here != there:
        assert ends(there, back, here) == made  # type: ignore[arg-type]


@pytest.mark.parametrize("said", Relation)
def test_a_relation_is_found_on_the_sides_where_it_is_read(said: Relation) -> None:
    here, there = uuid4(), uuid4()
    made = ends(here, said, there)
    assert (made.kind, made.from_id == there) in sides([said])
    assert len(sides([said])) == (2 if made.kind is LinkKind.RELATED else 1)
    assert sides(Relation) == {(kind, first) for kind in LinkKind for first in (False, True)}
