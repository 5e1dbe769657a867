"""Agents who write from their own mail program: what counts as theirs, and what becomes of it.

A From header is anybody's. An agent's answer has to hold the token that this very address was written to with
(`evidence.agent`); a new mail that an agent forwards, the vouching of the agent's domain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.identity import Identity, identity
from services.tickets.domain.lifecycle import Lifecycle
from services.tickets.domain.texts import storable
from services.tickets.domain.ticket import Message, Ticket, with_message
from services.tickets.repository.reviews import ReviewRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.service.incoming import copied
from services.tickets.service.threads import replied
from shared.auth import ACTIONS, Scope
from shared.events.accounts import Role
from shared.events.messages import Authentication, MessageReceived
from shared.web.problem import Problem


async def agents_writing(session: AsyncSession, messages: Sequence[MessageReceived]) -> Mapping[Identity, AnyRow]:
    """The active accounts of those who work here, by the addresses that messages may be theirs, or were copied to."""
    asked = {
        identity("email", storable(message.sender.address)).address
        for message in messages
        if message.sender.kind == "email"
        and (message.evidence.agent or message.evidence.token_conversation_id or message.forwarded_from)
    }
    asked |= {each.address for message in messages for each in copied(message)}
    found = await ReviewRepository(session).agents_at(asked) if asked else []
    return {identity("email", agent.email): agent for agent in found}


def may_answer(agent: AnyRow | None, message: MessageReceived) -> TypeGuard[AnyRow]:
    """Whether a message is an agent's answer: it holds the token made for their address, and they may write so."""
    token = message.evidence.agent
    if agent is None or token is None or message.auto_submitted:
        return False
    return message.evidence.authentication is not Authentication.FAIL and _may(
        agent, "ticket.note" if token.as_note else "ticket.reply"
    )


def may_forward(agent: AnyRow | None, message: MessageReceived) -> bool:
    """Whether an agent says, beyond doubt, whose matter a forwarded mail is."""
    is_certain = message.evidence.authentication is Authentication.PASS and not message.auto_submitted
    return agent is not None and is_certain and _may(agent, "ticket.create")


def answered(
    ticket: Ticket, written: Message, lifecycle: Lifecycle, *, role: str, as_note: bool
) -> tuple[Message, Ticket, str]:
    """The agent's message, the ticket after it, and why it was not sent although it was to be; empty where it was.

    A public reply that the rules refuse is kept as a note: nobody who wrote it sees an answer from here.
    """
    if as_note or not written.text.strip():
        return written, with_message(ticket, written), ""
    try:
        reply, after = replied(
            ticket,
            written.text,
            lifecycle,
            html=None,
            actor=written.author,
            role=role,
            status=None,
            now=written.added_at,
            id_=written.id,
        )
    except Problem as problem:
        return written, with_message(ticket, written), problem.detail
    return replace(reply, attachments=written.attachments, text_truncated=written.text_truncated), after, ""


def _may(agent: AnyRow, action: str) -> bool:
    return ACTIONS[action].get(Role(agent.role)) is Scope.ANY
