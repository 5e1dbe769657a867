"""What a message from outside says, as tickets keep it."""

from uuid import UUID

from services.tickets.domain.identity import Identity, identity
from services.tickets.domain.texts import MAX_TEXT_BYTES, cut, storable, subject_of
from services.tickets.domain.threads import OpenNew
from services.tickets.domain.ticket import ForwardedFrom, Message, Ticket, default_priority, is_withheld
from services.tickets.repository import Profile
from shared.events.common import Actor, Channel, Requester, TicketType
from shared.events.messages import Authentication, MessageReceived, Sender
from shared.events.tickets import MessageKind
from shared.ids import uuid7

_MAX_NAME_CHARS = 200
# As many as agents may name in a reply.
_MAX_COPIES = 10


def identity_of(data: MessageReceived) -> Identity:
    """Who sent it."""
    return identity_of_sender(data.sender)


def identity_of_sender(sender: Sender) -> Identity:
    """Whom an address is of, in normal form."""
    return identity(sender.kind, storable(sender.address))


def copied(data: MessageReceived) -> list[Identity]:
    """Who got a copy of a mail, where its sender's domain vouches for it.

    A token is not enough: it is in each copy and each forward of what its owner got, and From is anybody's.
    """
    if data.evidence.authentication is not Authentication.PASS or data.auto_submitted:
        return []
    found = (identity("email", storable(address)) for address in data.cc[:_MAX_COPIES])
    return [each for each in dict.fromkeys(found) if each != identity_of(data)]


def link_has_ended(data: MessageReceived, named: Ticket, target_id: UUID) -> bool:
    """Whether the link to the ticket `named`, by which this was sent, does not let it into the one where that goes on.

    As on its page, it ends when the requester gets another address. Whoever only typed the address in writes to the
    ticket that the form opened, and to no other one that was there before, which may be of the address' owner.
    """
    if data.channel is not Channel.FORM:
        return False
    mail = named.requester.email
    if mail is None or identity("email", mail).address != identity_of(data).address:
        return True
    return data.evidence.authentication is not Authentication.PASS and target_id != named.id


def profile_of(sender: Sender) -> Profile:
    """What a sender says of themselves, as it can be kept."""
    return Profile(
        name=storable(sender.name).strip()[:_MAX_NAME_CHARS],
        language=sender.language,
        region=sender.region,
        time_zone=sender.time_zone,
        tier=sender.tier,
    )


def message_of(data: MessageReceived, ticket_id: UUID, author: Actor, kind: MessageKind) -> Message:
    """The entry of a thread."""
    text = storable(data.text)
    bounded = cut(text, MAX_TEXT_BYTES)
    return Message(
        id=data.message_id,
        ticket_id=ticket_id,
        kind=kind,
        author=author,
        text=bounded,
        channel=data.channel,
        added_at=data.received_at,
        external_id=storable(data.external_id) if data.external_id else None,
        attachments=tuple(one.model_copy(update={"name": storable(one.name)}) for one in data.attachments),
        quoted=data.quoted,
        security=data.security,
        text_truncated=data.text_truncated or len(bounded) < len(text),
        raw_key=data.raw_key,
    )


def ticket_of(data: MessageReceived, requester: Requester, decision: OpenNew) -> Ticket:
    """The ticket that a message opens."""
    type_ = data.ticket_type or TicketType.QUESTION
    return Ticket(
        id=uuid7(),
        subject=subject_of(data.subject, "" if is_withheld(data.security) else data.text),
        channel=data.channel,
        requester=requester,
        conversation_id=data.conversation_id,
        created_at=data.received_at,
        updated_at=data.received_at,
        priority=default_priority(data.priority, type_),
        type=type_,
        group=storable(data.group) if data.group else None,
        language=data.language,
        tags=tuple(dict.fromkeys(storable(tag) for tag in data.tags)),
        brand=data.brand,
        follow_up_of=decision.follow_up_of,
        review=decision.review,
    )


def forwarded_from(sender: Sender) -> ForwardedFrom:
    """Who wrote what was forwarded."""
    found = identity_of_sender(sender)
    return ForwardedFrom(found.kind, found.address, profile_of(sender).name)
