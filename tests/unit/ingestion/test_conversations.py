from itertools import count
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.conversations import Named, Placed, place

ids = st.sampled_from("abcdef")
mails = st.builds(
    Named,
    own=st.none() | ids,
    references=st.lists(ids, max_size=4, unique=True),
    token=st.none() | st.sampled_from([UUID(int=901), UUID(int=902)]),
)
known = st.dictionaries(ids, st.sampled_from([UUID(int=801), UUID(int=802)]))


def placed(mails: list[Named], known: dict[str, UUID]) -> tuple[list[Placed], dict[str, UUID]]:
    numbers = count(1)
    return place(mails, known, lambda: UUID(int=next(numbers)))


def test_an_answer_that_is_read_first_is_where_its_question_comes_to() -> None:
    answer, question = Named("answer", ["question"]), Named("question", [])
    (first, second), added = placed([answer, question], {})
    assert first.conversation_id == second.conversation_id
    assert added == {"question": first.conversation_id, "answer": first.conversation_id}
    assert first.reference is None, "nobody had named it before"


def test_the_nearest_known_id_decides_and_a_proven_token_before_it() -> None:
    old, new, token = UUID(int=801), UUID(int=802), UUID(int=901)
    ((nearest,), _) = placed([Named("c", ["a", "b"])], {"a": old, "b": new})
    assert nearest == Placed(new, new)
    ((proven,), added) = placed([Named("c", ["a", "b"], token)], {"a": old, "b": new})
    assert proven == Placed(token, new)
    assert added == {"c": token}, "what was noted stays where it is"


@given(st.lists(mails, max_size=6), known)
def test_a_batch_is_placed_as_one_mail_after_the_other(batch: list[Named], known: dict[str, UUID]) -> None:
    numbers = count(1)
    one_by_one, noted = [], dict(known)
    for mail in batch:
        (place_of,), added = place([mail], noted, lambda: UUID(int=next(numbers)))
        one_by_one.append(place_of)
        assert not added.keys() & noted.keys()
        noted |= added
    at_once, added = placed(batch, known)
    assert at_once == one_by_one
    assert {**known, **added} == noted


@given(st.lists(mails, max_size=6), known)
def test_all_ids_of_a_mail_are_known_afterwards(batch: list[Named], known: dict[str, UUID]) -> None:
    at_once, added = placed(batch, known)
    for mail, place_of in zip(batch, at_once, strict=True):
        for each in mail.ids:
            assert each in known or each in added
        if mail.token:
            assert place_of.conversation_id == mail.token
