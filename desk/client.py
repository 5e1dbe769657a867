"""A small HTTP client of the desk's public API, as the seed and the demo use it: what a browser could do, no more."""

import http.client
import json
import os
from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import SimpleCookie
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 30.0


class RequestFailed(Exception):
    """The desk refused a request, or could not be asked or did not answer (status 0). `retry_after` is in seconds."""

    def __init__(self, status: int, title: str, retry_after: float = 1.0) -> None:
        super().__init__(f"{status} {title}" if status else title)
        self.status = status
        self.retry_after = retry_after


class DeskClient:
    """One signed-in caller on one kept connection. Not for use from several threads at once."""

    def __init__(self, url: str) -> None:
        """For the desk at `url`, to which nothing is sent yet. Raises RequestFailed where that is no address."""
        self._url = url.rstrip("/")
        # Inside of a deployment the desk is asked by another name than the one it is known by.
        self._origin = os.environ.get("DESK_PUBLIC_URL", self._url).rstrip("/")
        scheme, host, port = _address(self._url)
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        self._connection = kind(host, port, timeout=_TIMEOUT_SECONDS)
        self._cookies: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def sign_in(self, email: str, password: str) -> dict[str, Any]:
        """Start a session; returns it. Raises RequestFailed."""
        session: dict[str, Any] = self.call("POST", "/api/auth/sign-in", {"email": email, "password": password})
        return session

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Send JSON and return the JSON answer, None where there is none. Raises RequestFailed unless it is a 2xx."""
        payload = None if body is None else json.dumps(body).encode()
        return self.send(method, path, payload, {"Content-Type": "application/json", **(headers or {})})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        """Send bytes as they are and return the JSON answer. Raises RequestFailed unless it is a 2xx.

        A kept connection that the other side closed meanwhile is opened anew, once.
        """
        own = {"Accept": "application/json", "Origin": self._origin, "X-Desk-CSRF": "1"}
        if self._cookies:
            own["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        for last in (False, True):
            try:
                self._connection.request(method, path, body, {**own, **headers})
                response = self._connection.getresponse()
                content = response.read()
                break
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if last:
                    raise RequestFailed(0, f"the desk does not answer ({type(error).__name__})") from error
        self._keep_cookies(response)
        answer = _parsed(content)
        if response.status >= HTTPStatus.BAD_REQUEST:
            title = answer.get("title") or response.reason if isinstance(answer, dict) else response.reason
            raise RequestFailed(response.status, str(title), _seconds(response.getheader("Retry-After")))
        return answer

    def _keep_cookies(self, response: http.client.HTTPResponse) -> None:
        for header in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(header).items():
                self._cookies[name] = morsel.value


def _address(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a desk. Raises RequestFailed."""
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            return parts.scheme, parts.hostname, parts.port
    except ValueError:
        pass  # a port or a bracket that is none
    raise RequestFailed(0, f"{url!r} is not the address of a desk: write it like http://localhost:8080")


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None


def _seconds(value: str | None) -> float:
    return float(value) if value and value.isdigit() else 1.0
