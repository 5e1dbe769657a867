"""The one way ingestion calls out over HTTP, without being talked into calling the inside.

A URL from outside may name an internal address, in many spellings, by a redirect, or by a name that means another
address the second time it is asked for. So a name is resolved here, once for each request, every address it has is
judged, and the connection goes to one of those very addresses, while Host, SNI and certificate stay those of the name.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin

import httpx

from shared.telemetry import get_logger

log = get_logger(__name__)

MAX_BODY_BYTES = 1024 * 1024
TIMEOUT_SECONDS = 10.0
MAX_REDIRECTS = 3

_PORTS = frozenset({80, 443, 8080, 8443})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SERVER_ERRORS = range(500, 600)

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# What is not the public internet, by the special-purpose registries of IANA (RFC 6890, as of 2025), and multicast.
# `ipaddress.is_global` is not asked: what it says has changed between releases (CVE-2024-4032).
_NOT_PUBLIC_V4 = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC_V6 = tuple(ipaddress.ip_network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
# Addresses that stand for an IPv4 address, by how many bits follow it: what they lead to is what counts.
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), 0)
_6TO4 = (ipaddress.ip_network("2002::/16"), 80)


class EgressError(Exception):
    """The call was not made, or came to nothing. `reason` is a stable word, without personal data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EgressRefused(EgressError):
    """The URL leads where nothing may be called; trying again changes nothing."""


class EgressFailed(EgressError):
    """The far end did not answer as it should; it may later."""


class CircuitOpen(EgressFailed):
    """The far end failed several times, and is left alone for a while."""


@dataclass(frozen=True, slots=True)
class EgressResponse:
    """An answer, with the URL that gave it after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Internal hosts, by name, and networks that an operator lets be called: at any port, and without TLS."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def of(cls, text: str) -> "Allowed":
        """From a list with commas. Raises ValueError where an entry with a slash is no network."""
        hosts, networks = set(), []
        for entry in filter(None, (each.strip().lower() for each in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(entry))
            except ValueError:
                if "/" in entry or ":" in entry:
                    raise
                hosts.add(entry.rstrip("."))
        return cls(frozenset(hosts), tuple(networks))

    def has(self, host: str, address: IpAddress) -> bool:
        """Whether this host at this address may be called."""
        return host in self.hosts or any(address in network for network in self.networks)


def is_public(address: IpAddress) -> bool:
    """Whether it is one machine on the public internet, be it by way of an address that stands for another."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if (inner := _stands_for(address)) is not None:
        return is_public(inner)
    return address in _PUBLIC_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def _stands_for(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, following in (_NAT64, _6TO4):
        if address in network:
            return ipaddress.IPv4Address(int(address) >> following & 0xFFFFFFFF)
    return None


class Breaker:
    """Leaves a host alone for `rest_seconds` after `failures` failures in a row; then one call may try it."""

    def __init__(self, *, failures: int = 5, rest_seconds: float = 30, hosts: int = 1000) -> None:
        self._limit = failures
        self._rest = rest_seconds
        self._hosts = hosts
        self._failed: OrderedDict[str, int] = OrderedDict()
        self._closed_until: dict[str, float] = {}

    def require(self, host: str, now: float) -> None:
        """Raise CircuitOpen while the host is left alone. The first call after that is the one that tries."""
        until = self._closed_until.get(host)
        if until is None:
            return
        if now < until:
            raise CircuitOpen("circuit_open")
        self._closed_until[host] = now + self._rest

    def note(self, host: str, now: float, *, failed: bool) -> None:
        """Count what a call came to."""
        if not failed:
            self._failed.pop(host, None)
            self._closed_until.pop(host, None)
            return
        self._failed[host] = self._failed.pop(host, 0) + 1
        if self._failed[host] >= self._limit:
            self._closed_until[host] = now + self._rest
        while len(self._failed) > self._hosts:
            forgotten, _ = self._failed.popitem(last=False)
            self._closed_until.pop(forgotten, None)


async def _resolve(host: str, port: int) -> Sequence[str]:
    """What the system makes of a host, be it a name or a number in any notation."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


class EgressClient:
    """HTTP requests to hosts that somebody else chose.

    `resolve` and `clock` (seconds) are the system's but in tests; `tls` is what certificates are checked with.
    """

    def __init__(
        self,
        allowed: Allowed = Allowed(),
        *,
        breaker: Breaker | None = None,
        resolve: Resolve = _resolve,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._breaker = breaker or Breaker()
        self._resolve = resolve
        self._clock = clock
        # No connection is kept: they are known by address, and two names may have the same one.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or ssl.create_default_context(),
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._transport.aclose()

    async def get(self, url: str, *, max_redirects: int = MAX_REDIRECTS) -> EgressResponse:
        """GET a document, following redirects, each judged as the first URL is. Raises EgressError."""
        return await self.request("GET", url, max_redirects=max_redirects)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        allow_http: bool = False,
        max_redirects: int = 0,
        max_bytes: int = MAX_BODY_BYTES,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> EgressResponse:
        """Make one request within `timeout_seconds` in all, and read at most `max_bytes` of its answer.

        `allow_http` lets the first URL be without TLS. Redirects are followed by GET alone, and never from https to
        http; headers go to the first host and port only. Raises EgressError.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                for _ in range(max_redirects + 1):
                    target = _parsed(url)
                    answer = await self._call(
                        method, target, headers=headers or {}, body=body, allow_http=allow_http, max_bytes=max_bytes
                    )
                    location = answer.headers.get("location")
                    if method != "GET" or not max_redirects or answer.status not in _REDIRECTS or not location:
                        return answer
                    # From here on a stranger chose where to go.
                    url = _joined(url, location)
                    followed = _parsed(url)
                    allow_http = allow_http and target.scheme == "http"
                    if followed.scheme == "http" and target.scheme == "https":
                        raise EgressRefused("redirect_without_tls")
                    if (followed.host, followed.port) != (target.host, target.port):
                        headers = {}
        except TimeoutError:
            raise EgressFailed("timeout") from None
        raise EgressRefused("too_many_redirects")

    async def _call(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str],
        body: bytes,
        allow_http: bool,
        max_bytes: int,
    ) -> EgressResponse:
        host = url.raw_host.decode("ascii").rstrip(".").lower()
        port = (443 if url.scheme == "https" else 80) if url.port is None else url.port
        address = await self._address(host, port, without_tls=url.scheme == "http" and not allow_http)
        name = f"{host}:{port}"
        self._breaker.require(name, self._clock())
        failed = True
        try:
            answer = await self._exchange(method, url, address, headers=headers, body=body, max_bytes=max_bytes)
            failed = answer.status in _SERVER_ERRORS
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            log.warning("egress.failed", host=name, error=type(error).__name__)
            raise EgressFailed(type(error).__name__) from error
        else:
            return answer
        finally:
            self._breaker.note(name, self._clock(), failed=failed)

    async def _address(self, host: str, port: int, *, without_tls: bool) -> str:
        """The address to connect to. Every one that the name has must be fit: which is used is not for it to choose."""
        try:
            found = [ipaddress.ip_address(each) for each in await self._resolve(host, port)]
        except (OSError, UnicodeError, ValueError) as error:
            raise EgressFailed("name_not_found") from error
        if not found:
            raise EgressFailed("name_not_found")
        if all(self._allowed.has(host, address) for address in found):
            return str(found[0])
        if not all(is_public(address) for address in found):
            log.warning("egress.refused", host=host, reason="address_not_public")
            raise EgressRefused("address_not_public")
        if without_tls:
            raise EgressRefused("without_tls")
        if port not in _PORTS:
            raise EgressRefused("port")
        return str(found[0])

    async def _exchange(
        self,
        method: str,
        url: httpx.URL,
        address: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        max_bytes: int,
    ) -> EgressResponse:
        request = httpx.Request(
            method,
            url.copy_with(host=address),
            headers={**headers, "Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity"},
            content=body or None,
            extensions={"sni_hostname": url.raw_host.decode("ascii"), "timeout": httpx.Timeout(None).as_dict()},
        )
        response = await self._transport.handle_async_request(request)
        try:
            read = bytearray()
            # As it comes: unpacking is where a small answer becomes a large one.
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) > max_bytes:
                    raise EgressFailed("answer_too_large")
        finally:
            await response.aclose()
        return EgressResponse(response.status_code, dict(response.headers), bytes(read), str(url))


def _parsed(url: str) -> httpx.URL:
    """The URL, if it is one that may be asked for at all."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:  # ValueError: what has no UTF-8
        raise EgressRefused("url") from error
    if parsed.scheme not in {"http", "https"}:
        raise EgressRefused("scheme")
    if not parsed.host or parsed.userinfo:
        raise EgressRefused("url")
    return parsed


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise EgressRefused("url") from error
