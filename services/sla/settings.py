"""Settings of SLA."""

from datetime import timedelta

from pydantic import Field

from shared.settings import Settings


class SlaSettings(Settings):
    """How finely deadlines are judged."""

    fire_every: timedelta = Field(default=timedelta(seconds=0.5), validation_alias="DESK_SLA_FIRE_EVERY")
    # No deadline is judged that is younger than the consumer's last mark.
    mark_every_seconds: float = Field(default=0.5, gt=0, validation_alias="DESK_SLA_MARK_EVERY_SECONDS")
