"""Errors as problem documents (RFC 9457): the exception tree that use cases and routes raise.

`type` is `/problems/<slug>`, relative to the desk's own address; `title` is fixed per type, `detail` is about this one.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from fastapi.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An error that knows how it looks in HTTP. `fields` are extension members of the document."""

    status: ClassVar[int] = 500
    slug: str = "internal-error"
    title: str = "Something went wrong here"

    def __init__(self, detail: str = "", *, slug: str | None = None, title: str | None = None, **fields: Any) -> None:
        super().__init__(detail or title or self.title)
        self.detail = detail
        self.slug = slug or self.slug
        self.title = title or self.title
        self.fields = fields
        self.headers: dict[str, str] = {}


class Forbidden(Problem):
    """The caller is known, and may not do this."""

    status, slug, title = 403, "forbidden", "Forbidden"


class NotFound(Problem):
    """There is no such thing, or the caller may not know of it."""

    status, slug, title = 404, "not-found", "Not found"


class Conflict(Problem):
    """The request does not fit the present state."""

    status, slug, title = 409, "conflict", "Conflict"


class PreconditionFailed(Problem):
    """If-Match names another version than the current one."""

    status, slug, title = 412, "precondition-failed", "Changed in the meantime"


class Unprocessable(Problem):
    """The request is malformed, or means nothing."""

    status, slug, title = 422, "unprocessable", "The request is not valid"


class PreconditionRequired(Problem):
    """If-Match is missing."""

    status, slug, title = 428, "precondition-required", "If-Match is missing"


class _RetryLater(Problem):
    def __init__(self, detail: str = "", *, retry_after: int = 1, **fields: Any) -> None:
        """`retry_after` is in seconds."""
        super().__init__(detail, **fields)
        self.headers["Retry-After"] = str(max(1, retry_after))


class TooManyRequests(_RetryLater):
    """The caller is over a limit."""

    status, slug, title = 429, "too-many-requests", "Too many requests"


class InFlight(_RetryLater, Conflict):
    """The first request with the same Idempotency-Key has not ended yet."""

    slug = "request-in-flight"


class Unavailable(_RetryLater):
    """A part that this needs is not there right now."""

    status, slug, title = 503, "unavailable", "Not available right now"


def problem_response(
    status: int,
    slug: str,
    title: str,
    *,
    detail: str = "",
    fields: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document as a response."""
    content: dict[str, Any] = {**(fields or {}), "type": f"/problems/{slug}", "title": title, "status": status}
    if detail:
        content["detail"] = detail
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def response_of(problem: Problem) -> JSONResponse:
    """The response that a Problem stands for."""
    return problem_response(
        problem.status,
        problem.slug,
        problem.title,
        detail=problem.detail,
        fields=problem.fields,
        headers=problem.headers,
    )
