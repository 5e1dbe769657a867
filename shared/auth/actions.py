"""The one table of who may do what: action → role → scope. A role that is missing may not.

`Scope.OWN` is what belongs to the caller: a customer's own tickets and their attachments, an agent's own availability
and jobs, the articles that are published for everybody. The route that asks has to narrow its query by it.
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
        "attachment.share": _STAFF,
        "customer.change": _STAFF,
        "customer.facts": _STAFF,
        "customer.merge": _STAFF,
        "customer.read": _STAFF,
        "deadletter.read": _ADMINS,
        "deadletter.replay": _ADMINS,
        "live.subscribe": _STAFF,
        "macro.change": _LEADS | {Role.AGENT: Scope.OWN},
        "macro.read": _STAFF,
        "macro.use": _STAFF,
        "mailbox.manage": _ADMINS,
        "message.delete": _LEADS,
        "message.ingest": _STAFF,
        "message.raw": _ADMINS,
        "message.read": _STAFF,
        "notification.read": dict.fromkeys(_STAFF, Scope.OWN),
        "organisation.change": _LEADS,
        "organisation.read": _STAFF,
        "reconciliation.read": _LEADS,
        "routing.read": _STAFF,
        "session.read": _EVERYBODY_OWN,
        "settings.change": _ADMINS,
        "settings.read": _STAFF,
        "sla.policy.change": _LEADS,
        "sla.read": _STAFF,
        "suppression.change": _ADMINS,
        "suppression.read": _LEADS,
        "ticket.assign": _STAFF,
        "ticket.bulk": _LEADS | {Role.AGENT: Scope.OWN},
        "ticket.change": _STAFF,
        "ticket.create": _STAFF | _CUSTOMERS_OWN,
        "ticket.draft": _STAFF,
        "ticket.follow": _STAFF,
        "ticket.history": _STAFF,
        "ticket.import": _ADMINS,
        "ticket.link": _STAFF,
        "ticket.merge": _STAFF,
        "ticket.note": _STAFF,
        "ticket.read": _STAFF | _CUSTOMERS_OWN,
        "ticket.reply": _STAFF | _CUSTOMERS_OWN,
        "ticket.schedule": _STAFF,
        "ticket.snooze": _STAFF,
        "ticket.split": _STAFF,
        "ticket_template.change": _LEADS,
        "ticket_template.read": _STAFF,
        "view.change": _LEADS | {Role.AGENT: Scope.OWN},
        "view.read": _STAFF,
    }
)
