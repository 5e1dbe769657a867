"""Server-side request forgery: URLs that lead a service to call what only the inside may reach.

OWASP Top 10 2021, A10, and its SSRF prevention cheat sheet; CWE-918. Real servers on loopback stand for the inside and
for the outside; which of them may be called is a matter of what the client is allowed.
"""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.egress import (
    Allowed,
    Breaker,
    CircuitOpen,
    EgressClient,
    EgressFailed,
    EgressRefused,
    is_public,
)

INSIDE = (
    "169.254.169.254",  # metadata of most clouds
    "100.100.100.200",  # of one more
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "2001:0:7f00:1::",  # Teredo
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
)
OUTSIDE = ("93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::")
SPELLINGS = ("2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "127.1", "0x7f.1", "localhost", "127.0.0.1.")

LOOPBACK = Allowed.of("127.0.0.1")
# A bound on liveness, not an expectation.
PATIENCE_SECONDS = 30


class Names:
    """A name server whose answers may change: each asking takes the next one, and the last one stays."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._answers.get(host, [[host]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Server:
    """A web server on loopback that answers everything with the same bytes, and keeps what it was asked."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret") -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def run(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()


def redirect(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


async def refusal(client: EgressClient, url: str) -> str:
    with pytest.raises(EgressRefused) as refused:
        await client.get(url)
    return refused.value.reason


@pytest.mark.parametrize("address", INSIDE)
async def test_no_address_of_the_inside_is_called(address: str) -> None:
    client = EgressClient(resolve=Names(internal_example=[[address]]))
    assert await refusal(client, "https://internal.example/latest/meta-data/") == "address_not_public"
    literal = f"[{address}]" if ":" in address else address
    assert await refusal(EgressClient(), f"https://{literal}/") == "address_not_public"


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_another_spelling_of_loopback_is_loopback(spelling: str) -> None:
    """`http://2130706433/` and `http://0177.1/` are 127.0.0.1 to the system, whatever a parser of URLs says."""
    async with Server().run() as server:
        for scheme in ("http", "https"):
            with pytest.raises((EgressRefused, EgressFailed)) as refused:
                await EgressClient().request("GET", f"{scheme}://{spelling}:{server.port}/", allow_http=True)
            assert refused.value.reason in {"address_not_public", "name_not_found", "url"}
        assert server.requests == []


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_public_internet_may_be_called(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_what_stands_for_an_address_is_as_public_as_it(address: ipaddress.IPv4Address) -> None:
    number, as_v4 = int(address), is_public(address)
    for v6 in ((0xFFFF << 32) + number, (0x64FF9B << 96) + number, (0x2002 << 112) + (number << 80) + 1):
        assert is_public(ipaddress.IPv6Address(v6)) == as_v4


@given(st.ip_addresses())
def test_what_python_knows_to_be_internal_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.is_private or address.is_multicast or address.is_link_local:
        assert not is_public(address)


async def test_one_address_of_the_inside_among_others_is_one_too_many() -> None:
    client = EgressClient(resolve=Names(both_example=[["93.184.215.14", "10.0.0.1"]]))
    assert await refusal(client, "https://both.example/") == "address_not_public"


@pytest.mark.parametrize("url", ["gopher://x.example/_", "file:///etc/passwd", "ftp://x.example/", "dict://x:1/", "x"])
async def test_only_the_web_is_called(url: str) -> None:
    assert await refusal(EgressClient(LOOPBACK), url) == "scheme"


@pytest.mark.parametrize("url", ["https://user:pass@x.example/", "https:///path", "https://x.example/\ud800"])
async def test_a_url_that_hides_its_host_is_none(url: str) -> None:
    assert await refusal(EgressClient(LOOPBACK), url) == "url"


async def test_a_public_host_is_called_with_tls_at_ports_of_the_web() -> None:
    client = EgressClient(resolve=Names(out_example=[["93.184.215.14"]]))
    assert await refusal(client, "http://out.example/") == "without_tls"
    assert await refusal(client, "https://out.example:25/") == "port"
    assert await refusal(client, "https://out.example:0/") == "port"
    assert await refusal(client, "https://out.example:6379/") == "port"


async def test_a_redirect_into_the_inside_is_not_followed() -> None:
    async with Server().run() as inside, Server().run() as outside:
        outside.answer = redirect(f"http://inside.example:{inside.port}/admin")
        names = Names(outside_example=[["127.0.0.1"]], inside_example=[["127.0.0.2"]])
        client = EgressClient(LOOPBACK, resolve=names)
        assert await refusal(client, f"http://outside.example:{outside.port}/") == "address_not_public"
        assert inside.requests == []
        for to, reason in (("file:///etc/passwd", "scheme"), ("//[", "url"), ("http://[::1", "url")):
            outside.answer = redirect(to)
            assert await refusal(client, f"http://outside.example:{outside.port}/") == reason


async def test_redirects_have_an_end() -> None:
    async with Server().run() as server:
        server.answer = redirect(f"http://127.0.0.1:{server.port}/again")
        assert await refusal(EgressClient(LOOPBACK), f"http://127.0.0.1:{server.port}/") == "too_many_redirects"
        assert len(server.requests) == 4


async def test_a_post_is_not_redirected() -> None:
    async with Server().run() as server:
        server.answer = redirect(f"http://127.0.0.1:{server.port}/again", 307)
        url = f"http://127.0.0.1:{server.port}/"
        answer = await EgressClient(LOOPBACK).request("POST", url, body=b"x", max_redirects=3)
        assert (answer.status, len(server.requests)) == (307, 1)


async def test_a_header_for_one_host_is_not_for_the_next() -> None:
    async with Server().run() as first, Server().run() as second:
        client = EgressClient(LOOPBACK, resolve=Names(second_example=[["127.0.0.1"]]))
        url = f"http://127.0.0.1:{first.port}/"
        for host in ("second.example", "127.0.0.1"):
            first.answer = redirect(f"http://{host}:{second.port}/")
            await client.request("GET", url, headers={"Authorization": "Bearer x"}, max_redirects=1)
            assert b"Bearer x" in first.requests[-1]
            assert b"Bearer x" not in second.requests[-1]


async def test_a_name_is_asked_for_once_and_called_where_it_was() -> None:
    """DNS rebinding: the name means another address when it is asked for the second time."""
    async with Server().run() as server:
        names = Names(rebinding_example=[["127.0.0.1"], ["169.254.169.254"]])
        client = EgressClient(LOOPBACK, resolve=names)
        url = f"http://rebinding.example:{server.port}/"
        assert (await client.get(url)).body == b"secret"
        assert names.asked == ["rebinding.example"]
        assert f"Host: rebinding.example:{server.port}\r\n".encode() in server.requests[0]
        assert await refusal(client, url) == "address_not_public"
        assert len(server.requests) == 1


async def test_the_certificate_is_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    serving, trusting = _certificate("hooks.example", tmp_path)
    async with Server().run(serving) as server:
        names = Names(hooks_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
        client = EgressClient(LOOPBACK, resolve=names, tls=trusting)
        assert (await client.get(f"https://hooks.example:{server.port}/")).status == 200
        with pytest.raises(EgressFailed):
            await client.get(f"https://other.example:{server.port}/")
        with pytest.raises(EgressFailed):
            await EgressClient(LOOPBACK, resolve=names).get(f"https://hooks.example:{server.port}/")


async def test_a_redirect_never_leaves_tls(tmp_path: Path) -> None:
    serving, trusting = _certificate("hooks.example", tmp_path)
    async with Server().run(serving) as server, Server().run() as plain:
        server.answer = redirect(f"http://127.0.0.1:{plain.port}/")
        client = EgressClient(LOOPBACK, resolve=Names(hooks_example=[["127.0.0.1"]]), tls=trusting)
        assert await refusal(client, f"https://hooks.example:{server.port}/") == "redirect_without_tls"
        assert plain.requests == []


async def test_an_answer_has_an_end() -> None:
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n"
    async with Server(endless + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 20).run() as server:
        with pytest.raises(EgressFailed, match="answer_too_large"):
            await EgressClient(LOOPBACK).request("GET", f"http://127.0.0.1:{server.port}/", max_bytes=10_000)


async def test_a_host_that_says_nothing_is_not_waited_for() -> None:
    class Silent(Server):
        async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

    async with Silent().run() as server, asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(EgressFailed, match="timeout"):
            await EgressClient(LOOPBACK).request("GET", f"http://127.0.0.1:{server.port}/", timeout_seconds=0.2)


async def test_a_host_that_fails_is_left_alone_and_tried_again() -> None:
    now = [0.0]
    async with Server(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").run() as server, Server().run() as other:
        client = EgressClient(LOOPBACK, breaker=Breaker(failures=2, rest_seconds=30), clock=lambda: now[0])
        url = f"http://127.0.0.1:{server.port}/"
        assert [(await client.get(url)).status for _ in range(2)] == [500, 500]
        for _ in range(3):
            with pytest.raises(CircuitOpen):
                await client.get(url)
        assert len(server.requests) == 2
        assert (await client.get(f"http://127.0.0.1:{other.port}/")).status == 200

        now[0] = 31
        server.answer = Server().answer
        answers = await asyncio.gather(client.get(url), client.get(url), return_exceptions=True)
        assert sorted(type(each).__name__ for each in answers) == ["CircuitOpen", "EgressResponse"]
        assert (await client.get(url)).status == 200


def test_what_an_operator_allows() -> None:
    allowed = Allowed.of("127.0.0.1, 10.1.0.0/16, hooks.internal, ::1")
    assert allowed.has("anything", ipaddress.ip_address("10.1.2.3"))
    assert not allowed.has("anything", ipaddress.ip_address("10.2.0.1"))
    assert allowed.has("hooks.internal", ipaddress.ip_address("10.9.9.9"))
    assert not allowed.has("other.hooks.internal", ipaddress.ip_address("10.9.9.9"))
    with pytest.raises(ValueError, match=r"10\.1\.0\.1/16"):
        Allowed.of("10.1.0.1/16")


def _certificate(name: str, directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "server.pem").write_bytes(private + pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(directory / "server.pem")
    trusting = ssl.create_default_context(cadata=pem.decode())
    return serving, trusting
