"""The one table of who may do what: action → role → scope. A role that is missing may not.

`Scope.OWN` is what belongs to the caller: a customer's own tickets and their attachments, an agent's own availability,
the articles that are published for everybody. The route that asks has to narrow its query by it.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from shared.events.accounts import Role


class Scope(StrEnum):
    """How much of a kind a role may touch."""

    OWN = "own"
    ANY = "any"


_STAFF = {Role.AGENT: Scope.ANY, Role.SUPERVISOR: Scope.ANY, Role.ADMIN: Scope.ANY}
_LEADS = {Role.SUPERVISOR: Scope.ANY, Role.ADMIN: Scope.ANY}
_ADMINS = {Role.ADMIN: Scope.ANY}
_CUSTOMERS_OWN = {Role.CUSTOMER: Scope.OWN}
_EVERYBODY_OWN = dict.fromkeys(Role, Scope.OWN)

ACTIONS: Mapping[str, Mapping[Role, Scope]] = MappingProxyType(
    {
        "account.change": _ADMINS,
        "account.read": _STAFF,
        "account.revoke": _ADMINS,
        "agent.change": _LEADS | {Role.AGENT: Scope.OWN},
        "agent.read": _STAFF,
        "analytics.read": _LEADS,
        "api_key.manage": _ADMINS,
        "article.publish": _STAFF,
        "article.read": _STAFF | _CUSTOMERS_OWN,
        "article.write": _STAFF,
        "attachment.create": _STAFF | _CUSTOMERS_OWN,
        "attachment.read": _STAFF | _CUSTOMERS_OWN,
        "customer.change": _STAFF,
        "customer.read": _STAFF,
        "deadletter.read": _ADMINS,
        "deadletter.replay": _ADMINS,
        "live.subscribe": _STAFF,
        "message.ingest": _STAFF,
        "message.read": _STAFF,
        "routing.read": _STAFF,
        "session.read": _EVERYBODY_OWN,
        "sla.policy.change": _LEADS,
        "sla.read": _STAFF,
        "ticket.assign": _STAFF,
        "ticket.change": _STAFF,
        "ticket.create": _STAFF | _CUSTOMERS_OWN,
        "ticket.history": _STAFF,
        "ticket.note": _STAFF,
        "ticket.read": _STAFF | _CUSTOMERS_OWN,
        "ticket.reply": _STAFF | _CUSTOMERS_OWN,
    }
)
