"""Whom an address belongs to, as far as bounds are concerned. Pure."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

OF_ONE_SITE = (
    64  # bits of an IPv6 address: what comes behind them anybody may choose anew for each connection
)


@lru_cache(maxsize=1024)
def network_of(address: str) -> str:
    """The IPv4 address itself, the /64 of an IPv6 address; any other text stands for itself.

    Some proxies write a port behind the address they have seen, and it is another one for each connection.
    """
    text = _without_port(address.strip()).partition("%")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    host_bits = 128 - OF_ONE_SITE
    return f"{IPv6Address(int(found) >> host_bits << host_bits)}/{OF_ONE_SITE}"


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
