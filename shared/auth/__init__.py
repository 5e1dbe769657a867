"""Who is calling, and what they may do: signed tokens verified in each service, and one table of actions."""

from shared.auth.actions import ACTIONS, Scope
from shared.auth.errors import AuthError, CrossSite, Denied, Unauthenticated, UndeclaredAction
from shared.auth.guard import public, requires
from shared.auth.handlers import auth_handlers
from shared.auth.principal import Principal
from shared.auth.tables import auth_tables
from shared.auth.tokens import VerifiedToken
from shared.auth.verifier import TokenVerifier

__all__ = [
    "ACTIONS",
    "AuthError",
    "CrossSite",
    "Denied",
    "Principal",
    "Scope",
    "TokenVerifier",
    "Unauthenticated",
    "UndeclaredAction",
    "VerifiedToken",
    "auth_handlers",
    "auth_tables",
    "public",
    "requires",
]
