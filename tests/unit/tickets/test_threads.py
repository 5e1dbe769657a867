"""Who gets into whose ticket. Each property is a way somebody has tried to read or write what is not theirs."""

from uuid import UUID, uuid4

from hypothesis import example, given
from hypothesis import strategies as st

from services.tickets.domain.reviews import Review, ReviewReason
from services.tickets.domain.threads import Candidate, Evidence, Hold, Join, OpenNew, decide
from shared.events.messages import Authentication

A, B = uuid4(), uuid4()


def at(ticket_id: UUID = A, *, over: bool = False, takes_part: bool, number: int = 7) -> Candidate:
    return Candidate(ticket_id, number, over=over, takes_part=takes_part)


candidates = st.none() | st.builds(
    Candidate,
    ticket_id=st.sampled_from([A, B]),
    number=st.integers(0, 9),
    over=st.booleans(),
    takes_part=st.booleans(),
)
evidences = st.builds(
    Evidence,
    token=candidates,
    reference=candidates,
    conversation=candidates,
    own=candidates,
    numbered=candidates,
    authentication=st.sampled_from(Authentication),
)


@given(evidence=evidences, auto_submitted=st.booleans())
@example(evidence=Evidence(reference=at(takes_part=False)), auto_submitted=False)
def test_without_a_token_only_participants_reach_a_ticket(evidence: Evidence, *, auto_submitted: bool) -> None:
    decision = decide(evidence, auto_submitted=auto_submitted)
    reached = decision.follow_up_of if isinstance(decision, OpenNew) else decision.ticket_id
    if reached is None or (evidence.token is not None and evidence.authentication is not Authentication.FAIL):
        return
    stated = (evidence.reference, evidence.conversation, evidence.own, evidence.numbered)
    assert any(one and one.ticket_id == reached and one.takes_part for one in stated)
    assert evidence.authentication is not Authentication.FAIL


@given(evidence=evidences, auto_submitted=st.booleans())
def test_what_is_over_is_never_continued(evidence: Evidence, *, auto_submitted: bool) -> None:
    stated = (evidence.token, evidence.reference, evidence.conversation, evidence.own, evidence.numbered)
    match decide(evidence, auto_submitted=auto_submitted):
        case Join(ticket_id):
            assert any(one and one.ticket_id == ticket_id and not one.over for one in stated)
        case Hold():
            assert auto_submitted


@given(evidences)
def test_a_message_that_is_kept_apart_says_why(evidence: Evidence) -> None:
    decision = decide(evidence)
    stated = (evidence.token, evidence.reference, evidence.conversation, evidence.own, evidence.numbered)
    if isinstance(decision, OpenNew) and decision.follow_up_of is None:
        assert bool(decision.note) == (decision.review is not None) == any(stated)


def test_a_token_lets_its_bearer_in_even_as_a_stranger() -> None:
    assert decide(Evidence(token=at(takes_part=False))) == Join(A)


def test_a_token_is_worth_nothing_to_a_forged_sender() -> None:
    decision = decide(Evidence(token=at(takes_part=True), authentication=Authentication.FAIL))
    assert decision == OpenNew(
        review=Review(A, ReviewReason.SENDER_FAILED_AUTHENTICATION),
        note="This message refers to ticket #7, but its sender failed authentication.",
    )


def test_the_token_wins_over_a_reference() -> None:
    assert decide(Evidence(token=at(B, takes_part=False), reference=at(A, takes_part=True))) == Join(B)


def test_a_stranger_with_a_guessed_reference_gets_a_ticket_of_their_own_and_agents_are_told() -> None:
    decision = decide(Evidence(reference=at(takes_part=False), authentication=Authentication.PASS))
    assert decision == OpenNew(
        review=Review(A, ReviewReason.SENDER_TAKES_NO_PART),
        note="This message refers to ticket #7, but its sender takes no part in it.",
    )


def test_a_forged_sender_joins_nothing_by_reference() -> None:
    decision = decide(Evidence(reference=at(takes_part=True), authentication=Authentication.FAIL))
    assert decision == OpenNew(
        review=Review(A, ReviewReason.SENDER_FAILED_AUTHENTICATION),
        note="This message refers to ticket #7, but its sender failed authentication.",
    )


def test_a_number_in_the_subject_needs_an_authenticated_participant() -> None:
    numbered = at(takes_part=True)
    assert decide(Evidence(numbered=numbered, authentication=Authentication.PASS)) == Join(A)
    assert decide(Evidence(numbered=numbered)) == OpenNew(
        review=Review(A, ReviewReason.SENDER_UNPROVEN),
        note="This message refers to ticket #7, but nothing proves who sent it.",
    )


def test_a_participant_goes_on_in_a_known_conversation_without_evidence() -> None:
    assert decide(Evidence(conversation=at(takes_part=True))) == Join(A)


def test_a_reply_to_what_is_over_follows_it_up() -> None:
    closed = at(over=True, takes_part=True)
    assert decide(Evidence(conversation=closed)) == OpenNew(follow_up_of=A)


def test_an_automatic_reply_wakes_nothing() -> None:
    for over in (True, False):
        assert decide(Evidence(token=at(over=over, takes_part=True)), auto_submitted=True) == Hold(A)


def test_an_automatic_message_out_of_the_blue_opens_a_ticket() -> None:
    assert decide(Evidence(), auto_submitted=True) == OpenNew()
