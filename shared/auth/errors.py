"""Why a caller is turned away. `shared.web` renders these as problem documents."""

from typing import ClassVar


class AuthError(Exception):
    """A caller is turned away. Knows its HTTP status and problem type."""

    status: ClassVar[int] = 403
    slug: ClassVar[str] = "forbidden"
    title: ClassVar[str] = "Forbidden"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Unauthenticated(AuthError):
    """There is no valid token. The detail never tells more than a stranger may know."""

    status = 401
    slug = "unauthenticated"
    title = "Sign in first"


class Denied(AuthError):
    """The caller is known, and may not do this."""


class CrossSite(AuthError):
    """A browser sent the caller's cookie from a page that is not ours."""

    slug = "cross-site-request"
    title = "Cross-site request refused"


class UndeclaredAction(RuntimeError):
    """A route asks for an action that the table does not have. Stops the service from starting."""
