"""What the routes of the gateway need of its composition root."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.requests import HTTPConnection

from services.gateway.domain.accounts import AccountRuleError, LastAdmin
from services.gateway.live import LiveHub
from services.gateway.passwords import HashingOverloaded, Passwords
from services.gateway.settings import GatewaySettings
from services.gateway.signing import Signer
from shared.db import Database
from shared.web import Conflict, Unavailable, Unprocessable


@dataclass(frozen=True, slots=True)
class Parts:
    """The long-lived parts of this process, made by `create_app`."""

    settings: GatewaySettings
    database: Database
    passwords: Passwords
    signer: Signer
    hub: LiveHub


def _parts(connection: HTTPConnection) -> Parts:
    parts: Parts = connection.app.state.parts
    return parts


GatewayParts = Annotated[Parts, Depends(_parts)]


@contextmanager
def rules_as_problems() -> Iterator[None]:
    """Tell a broken rule as the problem it is."""
    try:
        yield
    except LastAdmin as error:
        raise Conflict(str(error), slug="last-admin") from None
    except AccountRuleError as error:
        raise Unprocessable(str(error)) from None
    except HashingOverloaded:
        raise Unavailable("Too many people sign in at once.", retry_after=2) from None
