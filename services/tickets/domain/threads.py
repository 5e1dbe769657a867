"""Where an incoming message goes: into a ticket, into a new one, or beside what it answers.

Ingestion states evidence; this decides. Anybody can forge References, a subject's ticket number or a From header, so
such evidence lets in only those who take part already. A signed reply token proves that its bearer was written to; so
does a Message-ID of ours to those whom that very mail was sent, and ingestion states both as one. Whoever else has such
an id holds a copy, and is a stranger. To mail of those who work here neither is a token, but a reference: a copy that
they were sent makes them no customers.
"""

from dataclasses import dataclass
from uuid import UUID

from services.tickets.domain.reviews import Review, ReviewReason, explained
from shared.events.messages import Authentication


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ticket that a message may belong to, and whether the message's sender takes part in it.

    `over` says that customers' messages do not go on in it: it is closed, or solved for good. `across` says that what
    names it is of another customer's ticket, which was merged into it. `drifted` says that it is solved, and the
    message about something else (`subjects.has_drifted`).
    """

    ticket_id: UUID
    number: int
    over: bool
    takes_part: bool
    across: bool = False
    drifted: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What ties a message to tickets, each resolved as far as it could be.

    `token`: by a verified reply token. `reference`: by a Message-ID it refers to. `conversation`: by the conversation
    ingestion put it into. `own`: the sender's own ticket, opened when an earlier message of that conversation was not
    let in. `numbered`: by a ticket number in the subject. `agent`: by a token that an agent was written to with, who
    may not answer now. `ended` says that the message was sent by a link which does not hold any more.
    """

    token: Candidate | None = None
    reference: Candidate | None = None
    conversation: Candidate | None = None
    own: Candidate | None = None
    numbered: Candidate | None = None
    agent: Candidate | None = None
    authentication: Authentication = Authentication.NONE
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """The message continues the ticket; `across` if it was written to another customer's, merged into this one."""

    ticket_id: UUID
    across: bool = False


@dataclass(frozen=True, slots=True)
class OpenNew:
    """The message opens a ticket. `follow_up_of` is the ticket that was over; with `review` somebody has to look at it,
    and `note` tells agents why.
    """

    follow_up_of: UUID | None = None
    review: Review | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """The message is kept in the ticket's thread and changes nothing there: no reopening, no follow-up."""

    ticket_id: UUID


Decision = Join | OpenNew | Hold


def decide(evidence: Evidence, *, auto_submitted: bool = False) -> Decision:
    """Where the message goes.

    A token joins. Otherwise the sender has to take part in what the message refers to; a number in the subject also
    needs an authenticated sender. A sender who failed authentication joins nothing, whatever they hold. What is about
    something else than the solved ticket that it answers follows that up. Automatic replies (RFC 3834) are held, so
    that two machines never wake each other's tickets. What came by a link that ended joins nothing.
    """
    if evidence.ended:
        return _apart(evidence)
    token = evidence.token if evidence.authentication is not Authentication.FAIL else None
    target = token or _joinable(evidence)
    if target is None:
        return _apart(evidence)
    if auto_submitted:
        return Hold(target.ticket_id)
    if target.over or target.drifted:
        return OpenNew(follow_up_of=target.ticket_id)
    return Join(target.ticket_id, across=target.across)


def _joinable(evidence: Evidence) -> Candidate | None:
    if evidence.authentication is Authentication.FAIL:
        return None
    numbered = evidence.numbered if evidence.authentication is Authentication.PASS else None
    candidates = (evidence.reference, evidence.conversation, evidence.own, numbered)
    return next((candidate for candidate in candidates if candidate and candidate.takes_part), None)


def _apart(evidence: Evidence) -> OpenNew:
    """A ticket of its own, to be reviewed where the message claims to belong to another one."""
    refused = (
        evidence.agent
        or evidence.token
        or evidence.reference
        or evidence.conversation
        or evidence.own
        or evidence.numbered
    )
    if refused is None:
        return OpenNew()
    if evidence.authentication is Authentication.FAIL:
        reason = ReviewReason.SENDER_FAILED_AUTHENTICATION
    elif refused is evidence.agent:
        reason = ReviewReason.SENDER_MAY_NOT_ANSWER
    elif refused.takes_part:
        reason = ReviewReason.SENDER_UNPROVEN
    else:
        reason = ReviewReason.SENDER_TAKES_NO_PART
    return OpenNew(review=Review(refused.ticket_id, reason), note=explained(reason, refused.number))
