"""Operator commands: `desk gateway …`."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from services.gateway import service
from services.gateway.domain.accounts import MAX_PASSWORD, MIN_PASSWORD, SIGNING_KEY_NOTICE, AccountRuleError
from services.gateway.passwords import Passwords
from services.gateway.settings import GatewaySettings
from services.gateway.signing import new_signing_key
from shared.db import Database, now_utc
from shared.events.accounts import Role
from shared.web import Conflict

app = typer.Typer(help="Accounts and keys.", no_args_is_help=True)


@app.callback()
def gateway() -> None:
    """Accounts and keys."""


@app.command()
def create_admin(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    name: Annotated[str, typer.Option(help="The name that others see.")] = "Administrator",
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for if not given.")
    ] = "",
) -> None:
    """Make an account that may do everything."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise typer.BadParameter(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
    try:
        asyncio.run(_create_admin(GatewaySettings(), email, name, password))
    except (AccountRuleError, Conflict) as error:
        raise typer.BadParameter(str(error)) from None
    print(f"{email} may sign in.")


@app.command()
def rotate_signing_key() -> None:
    """Sign tokens with a new key from a minute on. What the old one has signed stays valid until it expires."""
    kid, not_before = asyncio.run(_rotate_signing_key(GatewaySettings()))
    print(f"Tokens are signed with {kid} from {not_before:%H:%M:%S} UTC on.")


async def _rotate_signing_key(settings: GatewaySettings) -> tuple[str, datetime]:
    database = Database(settings.database_url, service="gateway", pool_size=2)
    try:
        async with database.transaction() as session:
            successor = new_signing_key(settings.key_secret, now_utc() + SIGNING_KEY_NOTICE)
            await service.rotate_signing_key(session, successor)
    finally:
        await database.close()
    return successor.kid, successor.not_before


async def _create_admin(settings: GatewaySettings, email: str, name: str, password: str) -> None:
    database = Database(settings.database_url, service="gateway", pool_size=2)
    passwords = Passwords(workers=1)
    try:
        password_hash = await passwords.hash(password)
        async with database.transaction() as session:
            await service.create_account(
                session, email=email, name=name, role=Role.ADMIN, password_hash=password_hash, now=now_utc()
            )
    finally:
        await passwords.close()
        await database.close()
