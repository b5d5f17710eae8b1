"""Which addresses a hub asks about logins: https, or its own machine, unless the configuration allows more."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

DISCOVERY_PATH = "/.well-known/openid-configuration"


def is_acceptable(url: str, *, allow_http: bool = False) -> bool:
    """No credentials in it, no fragment, and nobody on the way who could change the answer."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is none
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or parts.fragment or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (allow_http or is_loopback(parts.hostname)))


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def normal_issuer(text: str) -> str:
    """Also where somebody gave the address of the discovery document."""
    return text.removesuffix(DISCOVERY_PATH)


def discovery_url(issuer: str) -> str:
    """Source: OpenID Connect Discovery 1.0, section 4."""
    return issuer.rstrip("/") + DISCOVERY_PATH
