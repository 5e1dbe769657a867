"""Settings of routing."""

from datetime import timedelta

from pydantic import Field

from shared.settings import Settings


class RoutingSettings(Settings):
    """What an operator may choose about assignment."""

    # Waiting tickets are looked at this often; a freed place is taken within it.
    drain_every: timedelta = Field(default=timedelta(seconds=1), validation_alias="DESK_ROUTING_DRAIN_EVERY")
    # A proposal without an answer for this long is made again.
    renew_after: timedelta = Field(default=timedelta(minutes=5), validation_alias="DESK_ROUTING_RENEW_AFTER")
    # Who let go of a ticket is not proposed for it again before this has passed, even where nobody else fits.
    return_after: timedelta = Field(
        default=timedelta(minutes=15),
        ge=timedelta(0),
        le=timedelta(days=30),
        validation_alias="DESK_ROUTING_RETURN_AFTER",
    )
