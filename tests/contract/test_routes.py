"""Every route of every service, called by every role: the table in `shared/auth/actions.py` decides, and nothing else.

There is no database behind these apps. A request that gets past the guard fails later, with 422 or 503; what is looked
at is only whether it got past.
"""

import time
from collections.abc import Iterator, MutableMapping
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from fastapi.routing import RouteContext
from jsonschema import validate

from shared.auth import ACTIONS, Principal, TokenVerifier
from shared.auth.guard import Requires
from shared.auth.tokens import sign
from shared.db import Database, now_utc
from shared.events.accounts import Role
from shared.ids import uuid7
from shared.service import Service
from shared.web.app import declared_routes, guards_of
from tests.asgi import ORIGIN, Client

SERVICES = ("gateway", "ingestion", "tickets", "routing", "sla", "analytics", "knowledge")
PUBLIC = {
    "/health/live",
    "/health/ready",
    "/metrics",
    "/api/auth/sign-in",
    "/api/auth/refresh",
    "/api/auth/sign-out",
    "/api/auth/sign-in-links",
    "/api/auth/sign-in-links/redeem",
    "/api/attachments/public/{attachment_id}",
    "/api/ingest/providers/{name}",
    "/api/ingest/providers/{name}/mime",
    "/api/knowledge/public/articles",
    "/api/knowledge/public/articles/{article_id}",
    "/portal/portal.css",
    "/portal/reply",
    "/portal/request",
    "/portal/sent",
    "/portal/ticket",
}
SAFE = {"GET", "HEAD", "OPTIONS"}
REFUSED = {401, 403}
KEY = Ed25519PrivateKey.generate()
NOWHERE = "postgresql://nobody:x@127.0.0.1:1/nothing"


class _KnownKey(TokenVerifier):
    """Knows the test's key without a database."""

    async def _read(self) -> None:
        self._keys = {"test": KEY.public_key()}
        self._read_at = time.monotonic()


@pytest.fixture(scope="module", params=SERVICES)
def app(request: pytest.FixtureRequest) -> FastAPI:
    described: Service = import_module(f"services.{request.param}.app").SERVICE
    settings = described.settings(database_url=NOWHERE)  # type: ignore[call-arg]
    database = Database(NOWHERE, service=described.name)
    app = described.create_app(settings, database)
    app.state.verifier = _KnownKey(database)
    return app


def token(role: Role, **fields: Any) -> str:
    principal = Principal(**{"account_id": uuid7(), "role": role, "name": "Ada", "session_id": uuid7()} | fields)
    return sign(principal, key=KEY, kid="test", now=now_utc(), lifetime=timedelta(minutes=5))


def bearer(app: FastAPI, role: Role, **fields: Any) -> Client:
    return Client(app, {"authorization": f"Bearer {token(role, **fields)}"})


def guarded(app: FastAPI) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Method, path and actions of every HTTP route that is not public."""
    for context in declared_routes(app):
        if actions := frozenset(actions_of(context)):
            for method in sorted(context.methods or ()):
                yield method, path_of(context), actions


def actions_of(context: RouteContext) -> list[str]:
    return [guard.action for guard in guards_of(context) if isinstance(guard, Requires)]


def path_of(context: RouteContext) -> str:
    """The path with an id nobody has in every parameter."""
    assert context.path_format is not None
    names = {name: str(uuid7()) for name in context.param_convertors}
    return context.path_format.format(**names)


def test_every_route_declares_its_callers_once(app: FastAPI) -> None:
    contexts = list(declared_routes(app))
    assert any(actions_of(context) for context in contexts)
    for context in contexts:
        declared = list(guards_of(context))
        assert len({type(guard) for guard in declared}) == 1, f"{context.path}: public and guarded at once"
        assert all(guard.action in ACTIONS for guard in declared if isinstance(guard, Requires)), context.path


def test_public_routes_are_these_and_no_others(app: FastAPI) -> None:
    found = {context.path for context in declared_routes(app) if not actions_of(context)}
    assert found <= PUBLIC


def test_every_path_is_below_the_edges_prefix(app: FastAPI) -> None:
    for context in declared_routes(app):
        assert context.path is not None
        assert context.path.startswith("/api/") or context.path in PUBLIC


async def test_nobody_gets_in_without_a_token(app: FastAPI) -> None:
    for method, path, _ in guarded(app):
        for headers in ({}, {"authorization": "Basic YWRtaW46YWRtaW4="}, {"authorization": "Bearer x.y.z"}):
            answer = await Client(app, headers).request(method, path)
            assert answer.status == 401, (method, path, headers)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_headers_other_than_the_token_are_not_believed(app: FastAPI) -> None:
    claims = {
        "x-forwarded-user": "admin",
        "x-remote-user": "admin",
        "x-user-id": str(uuid7()),
        "x-role": "admin",
        "x-real-ip": "127.0.0.1",
        "x-original-url": "/health/live",
        "x-http-method-override": "GET",
    }
    for method, path, _ in guarded(app):
        assert (await Client(app, claims).request(method, path)).status == 401, (method, path)


@pytest.mark.parametrize("role", list(Role))
async def test_the_table_decides_who_gets_in(app: FastAPI, role: Role) -> None:
    client = bearer(app, role)
    for method, path, actions in guarded(app):
        status = (await client.request(method, path)).status
        if all(role in ACTIONS[action] for action in actions):
            assert status not in REFUSED, f"{role} may {sorted(actions)}, but {method} {path} answered {status}"
        else:
            assert status == 403, f"{role} may not {sorted(actions)}, but {method} {path} answered {status}"


async def test_an_api_key_gets_in_where_its_scope_lets_it(app: FastAPI) -> None:
    for method, path, actions in guarded(app):
        for scopes, passes in ((actions, True), *((frozenset(ACTIONS) - {action}, False) for action in actions)):
            client = bearer(app, Role.ADMIN, session_id=None, key_id=uuid7(), scopes=scopes)
            status = (await client.request(method, path)).status
            assert (status not in REFUSED) is passes, (method, path, status, sorted(scopes)[:3])


async def test_a_cookie_from_another_page_changes_nothing(app: FastAPI) -> None:
    cookies = {"desk_access": token(Role.ADMIN)}
    for method, path, _ in guarded(app):
        if method in SAFE:
            continue
        for headers in ({}, {"x-desk-csrf": "1", "origin": "https://evil.example"}):
            answer = await Client(app, headers, dict(cookies)).request(method, path)
            assert answer.status == 403, (method, path, headers)
            assert answer.json()["type"] == "/problems/cross-site-request"
        ours = {"x-desk-csrf": "1", "origin": ORIGIN, "sec-fetch-site": "same-origin"}
        assert (await Client(app, ours, dict(cookies)).request(method, path)).status not in REFUSED, (method, path)


def live_routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Path and action of every WebSocket route."""
    for context in declared_routes(app):
        if not context.methods:
            yield from ((path_of(context), action) for action in actions_of(context))


def test_the_walk_knows_every_kind_of_route(app: FastAPI) -> None:
    walked = [path for _, path, _ in guarded(app)] + [path for path, _ in live_routes(app)]
    declared = [context for context in declared_routes(app) if actions_of(context)]
    assert len(walked) >= len(declared)
    assert bool(list(live_routes(app))) is (app.state.service == "gateway")


async def test_the_table_decides_who_may_listen(app: FastAPI) -> None:
    for path, action in live_routes(app):
        assert await handshake(app, path, {}) == 401
        assert await handshake(app, path, {"authorization": "Bearer x.y.z"}) == 401
        for role in Role:
            status = await handshake(app, path, {"authorization": f"Bearer {token(role)}"})
            assert (status == ACCEPTED) is (role in ACTIONS[action]), (path, role, status)
        key = token(Role.ADMIN, session_id=None, key_id=uuid7(), scopes=frozenset(ACTIONS) - {action})
        assert await handshake(app, path, {"authorization": f"Bearer {key}"}) == 403


async def test_another_page_cannot_listen_with_a_cookie(app: FastAPI) -> None:
    """WebSockets are not bound by the same-origin policy."""
    cookie = {"cookie": f"desk_access={token(Role.ADMIN)}"}
    for path, _ in live_routes(app):
        assert await handshake(app, path, cookie) == 403
        assert await handshake(app, path, {**cookie, "origin": "https://evil.example"}) == 403
        assert await handshake(app, path, {**cookie, "origin": ORIGIN}) == ACCEPTED


ACCEPTED = 101


async def handshake(app: FastAPI, path: str, headers: dict[str, str]) -> int:
    """The status of a WebSocket handshake. The socket is gone as soon as it is accepted."""
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "desk", **headers}.items()],
        "client": ("127.0.0.1", 1),
        "server": ("desk", 80),
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
    incoming = iter([{"type": "websocket.connect"}])
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return next(incoming, {"type": "websocket.disconnect", "code": 1001})

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.accept":
            statuses.append(ACCEPTED)
        elif message["type"] == "websocket.http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


async def test_openapi_is_at_its_place_and_needs_nobody(app: FastAPI) -> None:
    answer = await Client(app).get(f"/api/{app.state.service}/openapi.json")
    assert answer.status == 200
    assert answer.json()["info"]["title"] == f"desk {app.state.service}"
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await Client(app).get(path)).status == 404


async def test_every_body_has_an_example_that_fits(app: FastAPI) -> None:
    document = (await Client(app).get(f"/api/{app.state.service}/openapi.json")).json()
    operations = [each for path in document["paths"].values() for each in path.values() if "requestBody" in each]
    assert operations or app.state.service == "analytics"
    for operation in operations:
        for type_, media in operation["requestBody"]["content"].items():
            schema = _resolved(document, media["schema"])
            found = [media["example"]] if "example" in media else schema.get("examples", [])
            assert found, f"{operation['operationId']}: show what {type_} looks like"
            for example in found:
                validate(example, {**schema, "components": document["components"]})


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    resolved: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return resolved
