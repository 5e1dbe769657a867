"""Settings of tickets."""

from typing import Self

from pydantic import Field, model_validator

from shared.portal import PortalSeal
from shared.settings import Settings


class TicketsSettings(Settings):
    """What an operator may choose about tickets.

    A phone number that somebody types without a country code is one of `phone_region` (ISO 3166-1); without that it
    has to have one.
    """

    # Seals what visitors prove themselves by; several with commas between, the newest first. Ingestion needs the same.
    portal_secret: str | None = Field(default=None, repr=False, validation_alias="DESK_PORTAL_SECRET")
    # What customers' pages call the desk: the name of its mailbox.
    mail_name: str = Field(default="Support", validation_alias="DESK_INGESTION_MAIL_NAME")
    phone_region: str | None = Field(default=None, pattern=r"^[A-Z]{2}$", validation_alias="DESK_TICKETS_PHONE_REGION")

    @property
    def portal_seal(self) -> PortalSeal | None:
        """What links of visitors are sealed with; without it there are none, and no pages."""
        return PortalSeal.of(self.portal_secret)

    @model_validator(mode="after")
    def _portal_can_be_sealed(self) -> Self:
        _ = self.portal_seal
        return self
