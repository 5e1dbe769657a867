"""Optimistic concurrency: `ETag: "<version>"` and If-Match (RFC 9110 sections 8.8.3 and 13.1.1).

An edge that compresses an answer makes its tag weak, as RFC 9110 section 8.8.1 wants it: another encoding is other
bytes. Ours tell versions, which are the same in any encoding, so a tag may come back as the client got it.
"""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

from shared.web.problem import PreconditionRequired, Unprocessable

_TAG = re.compile(r'(?:W/)?"(0|[1-9][0-9]{0,17})"', re.ASCII)


def etag(response: Response, version: int) -> None:
    """Tell the version of what the response shows."""
    response.headers["ETag"] = f'"{version}"'


def parse_if_match(value: str | None) -> int | None:
    """The version that an If-Match header asks for; None for `*`, which any version satisfies.

    Raises PreconditionRequired when the header is missing, Unprocessable for what is no tag of ours.
    """
    if value is None:
        raise PreconditionRequired('Send If-Match with the ETag you read, such as "3".')
    value = value.strip()
    if value == "*":
        return None
    match = _TAG.fullmatch(value)
    if match is None:
        raise Unprocessable('If-Match has to be one ETag of ours, such as "3", or *.')
    return int(match[1])


def _if_match(if_match: Annotated[str | None, Header()] = None) -> int | None:
    return parse_if_match(if_match)


IfMatch = Annotated[int | None, Depends(_if_match)]
