"""Shapes of agents."""

from uuid import UUID

from pydantic import BaseModel


class PersonView(BaseModel):
    """An agent by name."""

    id: UUID
    name: str


class FollowersView(BaseModel):
    """Agents who follow a ticket, the longest first."""

    items: list[PersonView]
