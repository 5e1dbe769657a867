"""Shapes of organisations."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.tickets.domain.organisations import MAX_DOMAINS, organisation_domain
from services.tickets.schemas.customers import Notes, Tier
from services.tickets.schemas.values import Closed, Subject

Domain = Annotated[str, Field(max_length=255), AfterValidator(organisation_domain)]
OrganisationName = Annotated[Subject, Field(max_length=200)]
_Domains = Annotated[list[Domain], Field(max_length=MAX_DOMAINS)]


class NewOrganisationBody(Closed):
    """An organisation. Customers with an e-mail address at one of its domains belong to it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Example Ltd", "domains": ["example.com"], "tier": "gold"}]}
    )

    name: OrganisationName
    tier: Tier | None = None
    notes: Notes = ""
    domains: _Domains = Field(default=[])


class OrganisationPatch(Closed):
    """Fields to set; what is not named stays. `domains` are set as a whole; a null `tier` clears it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"domains": ["example.com", "example.org"]}]})

    name: OrganisationName | None = None
    tier: Tier | None = None
    notes: Notes | None = None
    domains: _Domains | None = None

    @model_validator(mode="after")
    def _no_nulls(self) -> Self:
        if nulls := sorted(name for name in self.model_fields_set - {"tier"} if getattr(self, name) is None):
            raise ValueError(f"{', '.join(nulls)} cannot be null")
        return self


class OrganisationView(BaseModel):
    """An organisation, its domains in order."""

    id: UUID
    name: str
    tier: str | None
    notes: str
    domains: list[str]
    created_at: datetime
    version: int

    @classmethod
    def of(cls, row: Any) -> Self:
        """The shape of an organisation's row."""
        return cls(
            id=row.id,
            name=row.name,
            tier=row.tier,
            notes=row.notes,
            domains=sorted(row.domains or []),
            created_at=row.created_at,
            version=row.version,
        )
