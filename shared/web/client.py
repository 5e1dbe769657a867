"""Where a request comes from, for counting what somebody does whom nobody knows."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from starlette.requests import Request


def client_address(request: Request, trusted_proxies: Sequence[IPv4Network | IPv6Network]) -> str:
    """Where a request comes from. The edge's word (`X-Real-IP`) counts only if the edge is who connects.

    IPv6 addresses are counted by /64, which is what one customer of a provider has.
    """
    peer = request.client.host if request.client is not None else ""
    try:
        address = ip_address(peer)
        if any(address in network for network in trusted_proxies):
            address = ip_address(request.headers.get("x-real-ip", peer))
    except ValueError:
        return peer
    if isinstance(address, IPv4Address) or address.ipv4_mapped is not None:
        return str(address)
    return str(IPv6Network((address, 64), strict=False))
