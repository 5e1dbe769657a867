"""The demo organisation: people, what they answer with, and first messages.

All is created through the desk's public HTTP API, like anybody would. Everybody in it is made up; addresses end in
example.com or example.org (RFC 2606).
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from desk.client import DeskClient, RequestFailed
from desk.home import Home, read_private, write_private
from desk.samples import Sample, load_answers, load_samples

_FIRST_LANGUAGES = ("en", "hi", "bn", "de", "es", "ar")
_PATIENCE_SECONDS = 30.0
_BUSY = {0, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
# Services learn of signing keys and accounts by event: right after the first start a token or an agent may be news.
_NOT_KNOWN_YET = {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}
_LOOK_SECONDS = 0.25


class SeedError(Exception):
    """The demo organisation could not be completed; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works at the demo organisation. `skills` are ticket types, tags or customer tiers."""

    name: str
    email: str
    role: str
    languages: tuple[str, ...]
    groups: tuple[str, ...] = ("support",)
    skills: tuple[str, ...] = ()
    capacity: int = 0


@dataclass(frozen=True, slots=True)
class Login:
    """How somebody of the demo organisation signs in."""

    role: str
    name: str
    email: str
    password: str


PEOPLE: tuple[Person, ...] = (
    Person("Sam Overview", "sam@example.com", "supervisor", ("en", "de")),
    Person("Asha Placeholder", "asha@example.com", "agent", ("hi", "en"), skills=("billing", "question"), capacity=8),
    Person("Bithi Namuna", "bithi@example.com", "agent", ("bn", "en"), skills=("technical", "question"), capacity=8),
    Person("Carla Ejemplo", "carla@example.com", "agent", ("es", "en", "pt"), skills=("billing", "refund"), capacity=8),
    Person("Dieter Muster", "dieter@example.com", "agent", ("de", "en"), skills=("technical", "incident"), capacity=8),
    Person("Amal Mithal", "amal@example.com", "agent", ("ar", "en", "fr"), skills=("question", "billing"), capacity=6),
    Person(
        "Ellis Sample", "ellis@example.com", "agent", ("en", "ja", "fr"), skills=("technical", "premium"), capacity=10
    ),
)


async def seed_once(url: str, home: Home) -> list[Login]:
    """Create the demo organisation where that was not done yet; returns everybody's log-in. Raises SeedError."""
    kept = read_private(home.demo_file)
    return _logins(kept) if kept.get("complete") else await asyncio.to_thread(seed, url, home)


def seed(url: str, home: Home) -> list[Login]:
    """Create accounts, agents, macros, templates and first messages; what exists stays.

    An interrupted run is taken up where it was. Passwords are made up once and written down before they are used.
    Raises SeedError.
    """
    logins = {login.email: login for login in _logins(read_private(home.demo_file))}
    administrator, password = home.administrator()
    logins.setdefault(administrator, Login("admin", "Administrator", administrator, password))
    for person in PEOPLE:
        made_up = Login(person.role, person.name, person.email, secrets.token_urlsafe(12))
        logins.setdefault(person.email, made_up)
    ordered = list(logins.values())
    _write_logins(home, ordered, complete=False)
    try:
        with DeskClient(url) as client:
            _patiently(partial(client.sign_in, administrator, password), also=frozenset())
            for person in PEOPLE:
                _create_account(client, person, logins[person.email].password)
            _describe_agents(client)
            _write_answers(client)
            for sample in first_messages(load_samples()):
                _patiently(partial(send_sample, client, sample, "seed"))
    except RequestFailed as error:
        raise SeedError(str(error)) from error
    _write_logins(home, ordered, complete=True)
    return ordered


def first_messages(samples: Sequence[Sample]) -> list[Sample]:
    """The first two messages of each language that a fresh desk is greeted with."""
    return [
        sample
        for language in _FIRST_LANGUAGES
        for sample in [each for each in samples if each.message["sender"].get("language") == language][:2]
    ]


def send_sample(client: DeskClient, sample: Sample, run: str) -> Any:
    """Hand in one sample; the same sample of the same `run` is the same message. Raises RequestFailed."""
    return client.call("POST", "/api/ingest/messages", sample.message, {"Idempotency-Key": f"desk-{run}-{sample.id}"})


def _create_account(client: DeskClient, person: Person, password: str) -> None:
    account = {
        "email": person.email,
        "name": person.name,
        "role": person.role,
        "password": password,
        "groups": list(person.groups),
        "languages": list(person.languages),
    }
    try:
        _patiently(partial(client.call, "POST", "/api/accounts", account))
    except RequestFailed as error:
        if error.status != HTTPStatus.CONFLICT:  # an interrupted run made it; its password is written down
            raise


def _describe_agents(client: DeskClient) -> None:
    ids = {account["email"]: account["id"] for account in _patiently(partial(_accounts, client))}
    for person in PEOPLE:
        # A supervisor without capacity steps in by hand; nothing is assigned to one automatically.
        profile = {
            "languages": list(person.languages),
            "skills": list(person.skills),
            "capacity": person.capacity,
            "available": True,
        }
        _patiently(partial(client.call, "PUT", f"/api/agents/{ids[person.email]}", profile))


def _write_answers(client: DeskClient) -> None:
    answers = load_answers()
    for path, bodies in (("/api/macros", answers["macros"]), ("/api/tickets/templates", answers["templates"])):
        for body in bodies:
            key = {"Idempotency-Key": f"desk-seed-{quote(body['name'])}"}
            try:
                _patiently(partial(client.call, "POST", path, body, key))
            except RequestFailed as error:
                if error.status != HTTPStatus.CONFLICT:  # an interrupted run wrote it, days ago
                    raise


def _accounts(client: DeskClient) -> list[dict[str, Any]]:
    accounts: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.call("GET", "/api/accounts?limit=100" + (f"&cursor={cursor}" if cursor else ""))
        accounts += page["items"]
        cursor = page["next_cursor"]
    return accounts


def _patiently(call: Callable[[], Any], *, also: AbstractSet[int] = _NOT_KNOWN_YET) -> Any:
    """Repeat what fails because the desk is busy, or with a status in `also`. Raises the last RequestFailed."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return call()
        except RequestFailed as error:
            if error.status not in _BUSY | also or time.monotonic() > deadline:
                raise
            time.sleep(error.retry_after if error.status in _BUSY else _LOOK_SECONDS)


def _logins(kept: Mapping[str, Any]) -> list[Login]:
    return [Login(**login) for login in kept.get("logins", [])]


def _write_logins(home: Home, logins: Sequence[Login], *, complete: bool) -> None:
    write_private(home.demo_file, {"complete": complete, "logins": [asdict(login) for login in logins]})
