"""Who is calling."""

from dataclasses import dataclass
from uuid import UUID

from shared.auth.actions import ACTIONS, Scope
from shared.auth.errors import Denied
from shared.events.accounts import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, as the token says. A person has a `session_id`; an API key has a `key_id` and `scopes`.

    `account_id` is the person, or the account that an API key acts for. `scopes` is None for a person, who may do all
    that the role may; for an API key it holds the actions that remain of the role's.
    """

    account_id: UUID
    role: Role
    name: str
    groups: tuple[str, ...] = ()
    session_id: UUID | None = None
    key_id: UUID | None = None
    scopes: frozenset[str] | None = None

    @property
    def caller(self) -> str:
        """A stable name for quotas and idempotency keys: an API key is another caller than the account behind it."""
        return f"key:{self.key_id}" if self.key_id else f"account:{self.account_id}"

    def may(self, action: str) -> bool:
        """Whether the table, and an API key's scopes, allow the action at all. Raises KeyError when undeclared."""
        return self.role in ACTIONS[action] and (self.scopes is None or action in self.scopes)

    def scope(self, action: str) -> Scope:
        """How much of the action's kind the caller may touch. Raises Denied."""
        if not self.may(action):
            raise Denied(f"This needs the permission {action}.")
        return ACTIONS[action][self.role]
