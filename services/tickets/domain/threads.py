"""Where an incoming message goes: into a ticket, into a new one, or beside what it answers.

Ingestion states evidence; this decides. Anybody can forge References, a subject's ticket number or a From header, so
such evidence lets in only those who take part already. A signed reply token proves that its bearer was written to.
"""

from dataclasses import dataclass
from uuid import UUID

from shared.events.common import TicketStatus
from shared.events.messages import Authentication


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ticket that a message may belong to, and whether the message's sender takes part in it."""

    ticket_id: UUID
    number: int
    status: TicketStatus
    takes_part: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What ties a message to tickets, each resolved as far as it could be.

    `token`: by a verified reply token. `reference`: by a Message-ID it refers to. `conversation`: by the conversation
    ingestion put it into. `own`: the sender's own ticket, opened when an earlier message of that conversation was not
    let in. `numbered`: by a ticket number in the subject.
    """

    token: Candidate | None = None
    reference: Candidate | None = None
    conversation: Candidate | None = None
    own: Candidate | None = None
    numbered: Candidate | None = None
    authentication: Authentication = Authentication.NONE


@dataclass(frozen=True, slots=True)
class Join:
    """The message continues the ticket."""

    ticket_id: UUID


@dataclass(frozen=True, slots=True)
class OpenNew:
    """The message opens a ticket. `follow_up_of` is the closed ticket it continues; `note` tells agents why, if odd."""

    follow_up_of: UUID | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """The message is kept in the ticket's thread and changes nothing there: no reopening, no follow-up."""

    ticket_id: UUID


Decision = Join | OpenNew | Hold


def decide(evidence: Evidence, *, auto_submitted: bool = False) -> Decision:
    """Where the message goes.

    A token joins. Otherwise the sender has to take part in what the message refers to; a number in the subject also
    needs an authenticated sender. A sender who failed authentication joins nothing, whatever they hold. Automatic
    replies (RFC 3834) are held, so that two machines never wake each other's tickets.
    """
    token = evidence.token if evidence.authentication is not Authentication.FAIL else None
    target = token or _joinable(evidence)
    if target is None:
        return OpenNew(note=_why_apart(evidence))
    if auto_submitted:
        return Hold(target.ticket_id)
    if target.status is TicketStatus.CLOSED:
        return OpenNew(follow_up_of=target.ticket_id)
    return Join(target.ticket_id)


def _joinable(evidence: Evidence) -> Candidate | None:
    if evidence.authentication is Authentication.FAIL:
        return None
    numbered = evidence.numbered if evidence.authentication is Authentication.PASS else None
    candidates = (evidence.reference, evidence.conversation, evidence.own, numbered)
    return next((candidate for candidate in candidates if candidate and candidate.takes_part), None)


def _why_apart(evidence: Evidence) -> str:
    """For agents: why a message that refers to a ticket was not let in; empty if it refers to none."""
    refused = evidence.token or evidence.reference or evidence.conversation or evidence.own or evidence.numbered
    if refused is None:
        return ""
    if evidence.authentication is Authentication.FAIL:
        why = "its sender failed authentication"
    elif refused.takes_part:
        why = "nothing proves who sent it"
    else:
        why = "its sender takes no part in it"
    # A ticket of the same batch has no number yet.
    ticket = f"ticket #{refused.number}" if refused.number else "another ticket"
    return f"This message refers to {ticket}, but {why}."
