"""Macros are applied: all they do and say, by the same use cases as single edits, in one transaction or not at all.

A preview is an application as well, of which nothing stays: so it cannot tell anything else than what will happen.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.tickets.domain.macros import Because, Language, Options, Text, after, language_of, values_of
from services.tickets.domain.rendering import TemplateError, rendered
from services.tickets.domain.rich import MAX_HTML_BYTES, clean, text_of
from services.tickets.domain.texts import MAX_TEXT_BYTES, storable
from services.tickets.domain.ticket import Ticket, differences
from services.tickets.repository import CustomerRepository, Draft, DraftRepository, SettingsRepository
from services.tickets.repository.macros import MacroRepository
from services.tickets.repository.profiles import ProfileRepository
from services.tickets.repository.rows import AnyRow
from services.tickets.schemas.macros import MacroView
from services.tickets.service import commands, drafts, followers, scheduled, snooze, threads
from services.tickets.service.journal import Journal, locked
from services.tickets.service.settings import FIELDS, lifecycle_of
from services.tickets.service.threads import Seen
from shared.auth import Principal
from shared.events.common import Actor
from shared.events.tickets import FieldChange, MessageKind
from shared.web.problem import Conflict, Forbidden, NotFound, Problem, Unprocessable

_MAX_TAGS = 50

Step = tuple[str, Callable[[], Awaitable[None]]]


@dataclass(frozen=True, slots=True)
class Asked:
    """How a macro is applied: in another language than the customer's, sent or drafted, to what was seen."""

    language: str | None = None
    send: bool = False
    undo_seconds: int = 0
    seen: Seen = field(default_factory=Seen)
    expected_version: int | None = None


@dataclass(slots=True)
class Applied:
    """What became of it: what was said in which language, and where that is now."""

    text: Text | None = None
    language: Language | None = None
    message_id: UUID | None = None
    scheduled_id: UUID | None = None
    leaves_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of a ticket, and what would stand against it, by step."""

    before: Ticket
    changes: dict[str, FieldChange]
    applied: Applied
    problems: list[tuple[str, Problem]]


async def apply(
    session: AsyncSession,
    ticket_id: UUID,
    macro: MacroView,
    asked: Asked,
    *,
    by: Principal,
    actor: Actor,
    now: datetime,
) -> Applied:
    """Apply a macro to a ticket, and count it.

    Raises what edits, assignments and replies do, and NotFound, Conflict (`macro-inactive`, `draft-in-the-way`),
    Unprocessable (`macro-text`).
    """
    run = await _begun(session, ticket_id, macro, asked, by=by, actor=actor, now=now)
    for _, step in run.steps():
        await step()
    told = {"id": str(macro.id), "name": macro.name}
    if run.applied.language is not None:
        told["language"] = run.applied.language.tag
    journal = Journal(session)
    remarks = {"macro": FieldChange(after=told)}
    journal.remark(await locked(session, ticket_id), actor=actor, cause="macro", at=now, remarks=remarks)
    await journal.write()
    if not await MacroRepository(session).used(macro.id, by.account_id, now):
        raise NotFound("There is no such macro any more.")
    return run.applied


async def foresee(
    session: AsyncSession,
    ticket_id: UUID,
    macro: MacroView,
    asked: Asked,
    *,
    by: Principal,
    actor: Actor,
    now: datetime,
) -> Foreseen:
    """What applying a macro would do, each of its steps tried. The caller rolls this transaction back.

    Raises NotFound, Conflict (`macro-inactive`).
    """
    run = await _begun(session, ticket_id, macro, asked, by=by, actor=actor, now=now)
    problems: list[tuple[str, Problem]] = []
    for name, action in macro.needs(send=asked.send).items():
        if not by.may(action):
            problems.append((name, Forbidden(f"This needs the permission {action}.")))
    for name, step in run.steps():
        try:
            async with session.begin_nested():
                await step()
        except Problem as problem:
            problems.append((name, problem))
    changes = differences(run.ticket, await locked(session, ticket_id))
    return Foreseen(run.ticket, changes, run.applied, problems)


async def _begun(
    session: AsyncSession,
    ticket_id: UUID,
    macro: MacroView,
    asked: Asked,
    *,
    by: Principal,
    actor: Actor,
    now: datetime,
) -> "_Run":
    ticket = await locked(session, ticket_id)
    commands.require_version(ticket, asked.expected_version)
    await threads.check_thread(session, ticket, asked.seen, kind=MessageKind(macro.writes), now=now)
    if not macro.active:
        raise Conflict("The macro is not in use any more. Choose another one.", slug="macro-inactive")
    return _Run(session, ticket, macro, asked, by, actor, now)


@dataclass(slots=True)
class _Run:
    session: AsyncSession
    ticket: Ticket  # as it was at first
    macro: MacroView
    asked: Asked
    by: Principal
    actor: Actor
    now: datetime
    applied: Applied = field(default_factory=Applied)

    def steps(self) -> Iterator[Step]:
        """What there is to do."""
        known = {
            "assign": self._assign,
            "edit": self._edit,
            "snooze": self._snooze,
            "follow": self._follow,
            "write": self._write,
        }
        for name in self.macro.needs(send=self.asked.send):
            yield name, known[name]

    async def _assign(self) -> None:
        asked = self.macro.actions.assignee
        assignee_id = self.by.account_id if asked == "me" else asked if isinstance(asked, UUID) else None
        await commands.assign(
            self.session, self.ticket.id, assignee_id, actor=self.actor, expected_version=None, now=self.now
        )

    async def _edit(self) -> None:
        actions = self.macro.actions
        edits = actions.edits()
        if actions.add_tags or actions.remove_tags:
            kept = (tag for tag in self.ticket.tags if tag not in actions.remove_tags)
            edits["tags"] = tuple(dict.fromkeys((*kept, *actions.add_tags)))
            if len(edits["tags"]) > _MAX_TAGS:
                raise Unprocessable(f"A ticket has at most {_MAX_TAGS} tags. Remove some first.", slug="too-many-tags")
        await commands.edit(
            self.session,
            self.ticket.id,
            edits,
            actor=self.actor,
            role=self.by.role,
            expected_version=None,
            now=self.now,
        )

    async def _snooze(self) -> None:
        until = self.now + timedelta(minutes=self.macro.actions.snooze_minutes or 0)
        await snooze.put_off(self.session, self.ticket.id, until, actor=self.actor, expected_version=None, now=self.now)

    async def _follow(self) -> None:
        await followers.follow(self.session, self.ticket.id, self.by.account_id, actor=self.actor, now=self.now)

    async def _write(self) -> None:
        ticket = await locked(self.session, self.ticket.id)
        text = await self._said(ticket)
        kept = await DraftRepository(self.session).get(ticket.id, self.by.account_id)
        # What is sent ends the draft of its kind, which would be lost; and there is but one draft.
        if kept and _is_begun(kept) and (kept.kind == self.macro.writes) is self.asked.send:
            raise Conflict(
                f"You have begun to write a {kept.kind} on this ticket. Send it or throw it away first.",
                slug="draft-in-the-way",
                title="A draft is in the way",
            )
        if not self.asked.send:
            await self._draft(ticket, kept, text)
        elif self.macro.writes == "note":
            self.applied.message_id = await threads.add_note(
                self.session, ticket.id, text.text, actor=self.actor, seen=self.asked.seen, now=self.now
            )
        else:
            await self._reply(ticket, text)

    async def _reply(self, ticket: Ticket, text: Text) -> None:
        # A status that the macro has set stays; else it is what a reply makes of it.
        actions = self.macro.actions
        status = ticket.status if actions.status or actions.status_key else None
        release_at = scheduled.checked_release_time(self.now, send_at=None, undo_seconds=self.asked.undo_seconds)
        if release_at is not None:
            waiting = await scheduled.schedule(
                self.session,
                ticket.id,
                text.text,
                html=text.html,
                actor=self.actor,
                role=self.by.role,
                status=status,
                seen=self.asked.seen,
                only_if_unanswered=False,
                release_at=release_at,
                now=self.now,
            )
            self.applied.scheduled_id, self.applied.leaves_at = waiting.id, waiting.release_at
            return
        self.applied.message_id = await threads.reply(
            self.session,
            ticket.id,
            text.text,
            html=text.html,
            actor=self.actor,
            role=self.by.role,
            own=None,
            status=status,
            seen=self.asked.seen,
            now=self.now,
        )

    async def _draft(self, ticket: Ticket, kept: AnyRow | None, text: Text) -> None:
        """Put the text below what the agent has begun to write; nothing of that is lost."""
        kind = MessageKind(self.macro.writes)
        begun = kept if kept and _is_begun(kept) else None
        whole = after(Text(begun.text, begun.html) if begun else Text(""), text)
        _require_size(whole)
        read = self.asked.seen.version
        draft = Draft(
            ticket_id=ticket.id,
            account_id=self.by.account_id,
            kind=kind,
            text=whole.text,
            html=whole.html,
            cc=tuple(kept.cc) if kept else (),
            thread_version=read if read is not None else begun.thread_version if begun else ticket.message_count,
            updated_at=self.now,
            attachment_ids=tuple(kept.attachment_ids) if kept else (),
        )
        await drafts.keep(self.session, draft, expected_version=kept.version if kept else 0)

    async def _said(self, ticket: Ticket) -> Text:
        """The macro's text for this ticket as it has become, in the customer's language if there is one in it."""
        macro, requester = self.macro, ticket.requester
        wanted = (
            (Because.ASKED, self.asked.language),
            (Because.CUSTOMER, requester.language),
            (Because.TICKET, ticket.language),
        )
        language = language_of(macro.texts, wanted, macro.default_language)
        people = CustomerRepository(self.session)
        me = await people.account(self.by.account_id)
        customer = await ProfileRepository(self.session).get(requester.customer_id)
        assignee = await people.account(ticket.assignee_id) if ticket.assignee_id else None
        values = values_of(
            ticket,
            await lifecycle_of(self.session),
            language=language.tag,
            organisation=customer.organisation["name"] if customer and customer.organisation else "",
            assignee=assignee.name if assignee else "",
            agent=self.by.name,
            agent_email=me.email if me else "",
            options=await self._options(ticket),
        )
        template = macro.texts[language.tag]
        try:
            said = rendered(template.source(), values, html=template.html is not None)
        except TemplateError as error:
            raise Unprocessable(f"The macro's text cannot be rendered: {error}.", slug="macro-text") from error
        if template.html is not None:
            try:
                html = clean(storable(said))
            except ValueError as error:
                raise Unprocessable(f"For this ticket the macro's HTML {error}.", slug="macro-text") from error
            text = Text(text_of(html), html)
        else:
            text = Text(storable(said))
        _require_size(text)
        if not text.text.strip():
            raise Unprocessable("For this ticket the macro's text is empty.", slug="macro-text")
        self.applied.text, self.applied.language = text, language
        return text

    async def _options(self, ticket: Ticket) -> dict[str, Options]:
        if not ticket.fields:
            return {}
        document = (await SettingsRepository(self.session).get(FIELDS)).document or {}
        return {each["key"]: each.get("options", ()) for each in document.get("fields", ())}


def _is_begun(draft: AnyRow) -> bool:
    return bool(draft.text.strip() or draft.attachment_ids)


def _require_size(text: Text) -> None:
    if len(text.text.encode()) > MAX_TEXT_BYTES or len((text.html or "").encode()) > MAX_HTML_BYTES:
        raise Unprocessable("With the macro's text the message is too long.", slug="macro-text")
