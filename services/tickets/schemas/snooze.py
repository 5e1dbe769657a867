"""Shapes of putting tickets off."""

from pydantic import AwareDatetime, ConfigDict

from services.tickets.schemas.values import Closed


class SnoozeBody(Closed):
    """Until when a ticket is out of the way, at most a year."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2026-12-01T08:00:00Z"}]})

    until: AwareDatetime
