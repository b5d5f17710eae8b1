"""Who speaks to the hub, past the proxies in between."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from quart.wrappers import Request

from web.request.context import hub

MOST_PROXIES = 50  # addresses of a chain that are looked at, from its end


def address_of(request: Request) -> str:
    """The last address of `X-Forwarded-For` that is not of `trusted_downstream_ips`, or who spoke to the hub itself."""
    sent: str = request.headers.get("X-Forwarded-For", "")
    if not sent:
        return request.remote_addr or ""
    last = sent.rsplit(",", MOST_PROXIES)
    forwarded = [part.strip() for part in last[-MOST_PROXIES:] if part.strip()]
    ours = _networks(tuple(hub().settings.hub.trusted_downstream_ips))
    for address in reversed(forwarded):
        if not _is_within(address, ours):
            return address
    return forwarded[0] if forwarded else request.remote_addr or ""


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network, strict=False) for network in trusted)


def _is_within(text: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    if not networks:
        return False
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)
