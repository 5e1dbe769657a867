"""What ties a mail to what was written before, and whom it brings along, as far as it can be verified here.

Tickets decides what it is worth: anybody can forge what is merely stated.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.ingestion.domain.addresses import Mailbox
from services.ingestion.domain.identities import Identities
from services.ingestion.domain.mail import ParsedMail
from services.ingestion.domain.tokens import conversation_of, sent_message
from services.ingestion.repository.outbound import OutboundRepository

# As many as agents may copy a reply to.
_MAX_COPIES = 10


async def proven_conversations(
    session: AsyncSession, mails: Sequence[tuple[ParsedMail, Mailbox]], own: Identities, key: bytes
) -> list[UUID | None]:
    """The conversation each sender was written to in: by a token made for them, else by the newest mail they were sent.

    A Message-ID of ours cannot be guessed, but is passed on with every copy of the mail. So it counts for those whom
    the desk sent that mail, and for nobody else who has it.
    """
    tokens = [conversation_of(key, own, mail.delivered_to, sender.address) for mail, sender in mails]
    named = [
        [(id_, sender.address) for each in mail.references if (id_ := sent_message(key, each)) is not None]
        if token is None
        else []
        for token, (mail, sender) in zip(tokens, mails, strict=True)
    ]
    asked = {pair for pairs in named for pair in pairs}
    sent = await OutboundRepository(session).conversations_sent_to(asked) if asked else {}
    newest = (max((sent[pair] for pair in pairs if pair in sent), default=None) for pairs in named)
    return [token or (found[1] if found else None) for token, found in zip(tokens, newest, strict=True)]


def copies(mail: ParsedMail, sender: Mailbox, own: Identities) -> tuple[str, ...]:
    """Who else was written to, for all to see: neither the desk nor the sender, and not more than a few."""
    others = (each for each in mail.written_to if each != sender.address and own.of_address(each) is None)
    return tuple(others)[:_MAX_COPIES]
