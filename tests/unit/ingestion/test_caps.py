"""Caps against loops: whatever wants to leave, no more leaves than may."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.caps import PATIENCE, Caps, Mail, Sent, Verdict, judge

TICKETS = [UUID(int=number) for number in range(3)]
ADDRESSES = ["ada@x.example", "bo@x.example"]
SMALL = Caps(per_ticket=3, per_recipient=4, automatic=2, in_all=6)

mails = st.lists(
    st.builds(
        Mail,
        recipient=st.sampled_from(ADDRESSES),
        ticket_id=st.sampled_from([*TICKETS, None]),
        automatic=st.booleans(),
        answers_automatic=st.booleans(),
        waited=st.sampled_from([timedelta(), PATIENCE]),
    ),
    max_size=12,
)
sent = st.builds(
    Sent,
    by_ticket=st.dictionaries(st.sampled_from(TICKETS), st.integers(0, 3)),
    by_recipient=st.dictionaries(st.sampled_from(ADDRESSES), st.integers(0, 4)),
    recently=st.sets(st.sampled_from(ADDRESSES)),
    in_all=st.integers(0, 6),
)


@given(mails, sent)
def test_no_more_leaves_than_may(mails: list[Mail], sent: Sent) -> None:
    verdicts = judge(SMALL, mails, sent)
    leaving = [mail for mail, verdict in zip(mails, verdicts, strict=True) if verdict is Verdict.SEND]
    tickets = Counter(sent.by_ticket) + Counter(mail.ticket_id for mail in leaving if mail.ticket_id is not None)
    recipients = Counter(sent.by_recipient) + Counter(mail.recipient for mail in leaving)
    assert len(verdicts) == len(mails)
    assert all(count <= SMALL.per_ticket for count in tickets.values())
    assert all(count <= SMALL.per_recipient for count in recipients.values())
    assert len(leaving) + sent.in_all <= max(SMALL.in_all, sent.in_all)
    for mail, verdict in zip(mails, verdicts, strict=True):
        # A person's mail is given up for having waited, and for nothing else.
        assert verdict is not Verdict.REFUSE or mail.automatic or mail.waited >= PATIENCE


def mail(*, automatic: bool = False, answers_automatic: bool = False, waited: timedelta = timedelta()) -> Mail:
    return Mail(ADDRESSES[0], TICKETS[0], automatic, answers_automatic, waited)


def test_what_a_person_wrote_waits_and_is_given_up_in_the_end() -> None:
    full = Sent(by_recipient={ADDRESSES[0]: 4})
    assert judge(SMALL, [mail()], full) == [Verdict.WAIT]
    assert judge(SMALL, [mail(waited=PATIENCE)], full) == [Verdict.REFUSE]
    assert judge(SMALL, [mail(waited=PATIENCE)], Sent()) == [Verdict.SEND]


def test_what_nobody_wrote_is_given_up_at_once() -> None:
    assert judge(SMALL, [mail(automatic=True)] * 3, Sent()) == [Verdict.SEND, Verdict.SEND, Verdict.REFUSE]
    # The whole desk being busy says nothing of a loop.
    assert judge(SMALL, [mail(automatic=True)], Sent(in_all=6)) == [Verdict.WAIT]


def test_an_automatic_mail_is_answered_automatically_once_in_a_while() -> None:
    loop = mail(automatic=True, answers_automatic=True)
    assert judge(SMALL, [loop, loop], Sent()) == [Verdict.SEND, Verdict.REFUSE]
    assert judge(SMALL, [loop], Sent(recently={ADDRESSES[0]})) == [Verdict.REFUSE]
    assert judge(SMALL, [mail(answers_automatic=True)], Sent(recently={ADDRESSES[0]})) == [Verdict.SEND]
