"""Shapes of tickets that come from another desk."""

import json
from hashlib import sha256
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.tickets.domain.identity import Identity, IdentityKind, identity
from services.tickets.domain.lifecycle import Level
from services.tickets.domain.texts import storable
from services.tickets.schemas.bulk import Tags
from services.tickets.schemas.fields import Values
from services.tickets.schemas.values import Closed, Group, Language, StatusKey, TypeKey
from shared.events.common import Channel, Priority, TicketStatus, TicketType
from shared.events.tickets import MessageKind

MAX_BATCH = 100
# Of all tickets of a batch: they are taken over in one transaction.
MAX_MESSAGES = 2_000

Source = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$", examples=["zendesk"])]
# What other desks have taken is taken as it is: control characters are replaced, not refused.
Kept = AfterValidator(storable)
ExternalId = Annotated[str, Field(min_length=1, max_length=200), Kept]
Named = Annotated[str, Field(max_length=200), Kept]
Address = Annotated[str, Field(pattern=r"\S", max_length=320), Kept]


class OldCustomer(Closed):
    """A customer by an address; whoever has it here already is it, as if they had written."""

    kind: IdentityKind = "email"
    address: Address
    name: Named = ""
    language: Language | None = None

    @property
    def identity(self) -> Identity:
        """What they are recognised by."""
        return identity(self.kind, self.address)


class OldAgent(Closed):
    """An agent by e-mail; one who has no account here stays a name."""

    email: Address | None = None
    name: Named = ""


class OldMessage(Closed):
    """A message as it was there. A customer's is the requester's unless another `customer` is named; of the others, one
    without an `agent` was the system's. `external_id` is a mail's Message-ID; text above 64 KiB is cut.
    """

    kind: MessageKind
    at: AwareDatetime
    text: Annotated[str, Field(max_length=1_000_000), Kept]
    customer: OldCustomer | None = None
    agent: OldAgent | None = None
    external_id: Annotated[str, Field(min_length=1, max_length=998), Kept] | None = None

    @model_validator(mode="after")
    def _fits_its_author(self) -> Self:
        other = self.agent if self.kind is MessageKind.CUSTOMER else self.customer
        if other is not None:
            raise ValueError("customers write what is of kind customer, and nothing else")
        return self


class OldTicket(Closed):
    """A ticket as it was there, known by `external_id`, its number for one. It gets a number of its own here.

    Without `created_at` it began with its first message; without `updated_at` the last one was the last that happened,
    and without `solved_at` (of what is solved or closed) solved it. Messages are put into the order of their times.
    `assignee` is an agent's e-mail.
    """

    external_id: ExternalId
    requester: OldCustomer
    subject: Annotated[str, Field(max_length=1_000), Kept] = ""
    channel: Channel = Channel.EMAIL
    status: TicketStatus
    status_key: StatusKey | None = None
    priority: Priority | None = None
    urgency: Level | None = None
    impact: Level | None = None
    type: TicketType = TicketType.QUESTION
    type_key: TypeKey | None = None
    assignee: Address | None = None
    group: Group | None = None
    language: Language | None = None
    tags: Tags = Field(default=[])
    fields: Values = Field(default={}, max_length=200)
    brand: Group = "default"
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    solved_at: AwareDatetime | None = None
    messages: Annotated[list[OldMessage], Field(min_length=1, max_length=MAX_MESSAGES)]

    @model_validator(mode="after")
    def _solved_when_it_is(self) -> Self:
        if self.solved_at is not None and self.status not in {TicketStatus.SOLVED, TicketStatus.CLOSED}:
            raise ValueError("solved_at is for what is solved or closed")
        return self

    def digest(self) -> bytes:
        """What tells the same ticket from another one."""
        said = json.dumps(self.model_dump(mode="json", exclude_unset=True), sort_keys=True)
        return sha256(said.encode()).digest()


class ImportBody(Closed):
    """Up to 100 tickets of another desk, the `source`, with up to 2,000 messages; with `dry_run`, to be looked at."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "zendesk",
                    "tickets": [
                        {
                            "external_id": "4711",
                            "subject": "Printer on fire",
                            "status": "closed",
                            "requester": {"address": "ana@example.com", "name": "Ana"},
                            "assignee": "ada@desk.example",
                            "solved_at": "2019-05-03T09:00:00Z",
                            "messages": [
                                {"kind": "customer", "at": "2019-05-02T08:00:00Z", "text": "It burns."},
                                {
                                    "kind": "reply",
                                    "at": "2019-05-02T08:05:00Z",
                                    "text": "Use water.",
                                    "agent": {"email": "ada@desk.example", "name": "Ada"},
                                },
                            ],
                        }
                    ],
                }
            ]
        }
    )

    source: Source
    tickets: Annotated[list[OldTicket], Field(min_length=1, max_length=MAX_BATCH)]
    dry_run: bool = False

    @model_validator(mode="after")
    def _each_once_and_not_too_much(self) -> Self:
        if len({ticket.external_id for ticket in self.tickets}) < len(self.tickets):
            raise ValueError("an external_id is there twice")
        if sum(len(ticket.messages) for ticket in self.tickets) > MAX_MESSAGES:
            raise ValueError(f"more than {MAX_MESSAGES} messages: send fewer tickets at once")
        return self


class ImportProblem(BaseModel):
    """Why a ticket was not imported."""

    type: str
    detail: str


class ImportedTicket(BaseModel):
    """What became of a ticket: `imported`, now or before; `valid`, in a dry run; or `refused`."""

    external_id: str
    result: Literal["imported", "valid", "refused"]
    ticket_id: UUID | None = None
    number: int | None = None
    problem: ImportProblem | None = None


class ImportedTickets(BaseModel):
    """What became of tickets, in their order."""

    items: list[ImportedTicket]
