"""The hub as browsers see it: scheme and host, from the configuration or from what proxies say."""

from __future__ import annotations

from urllib.parse import urlsplit

from werkzeug.sansio.request import Request

from core.settings import Settings


def origin(request: Request, settings: Settings) -> str:
    """`https://hub.example`: of `public_url` if that is set, else the first forwarded protocol and the Host."""
    if settings.hub.public_url:
        parts = urlsplit(settings.hub.public_url)
        return f"{parts.scheme}://{parts.netloc}"
    return f"{browser_scheme(request)}://{request.host}"


def own_origins(request: Request, settings: Settings) -> frozenset[str]:
    """Of the hub's own pages, in lower case: as it is configured, and as this browser addresses it."""
    found = {origin(request, settings), f"{browser_scheme(request)}://{request.host}"}
    return frozenset(one.lower() for one in found)


def own_hosts(request: Request, settings: Settings) -> frozenset[str]:
    """The names this hub is known by, in lower case: as it is configured, as it is asked, and as proxies say it was."""
    forwarded = request.headers.get("X-Forwarded-Host", "").split(",")[0].strip()
    urls = (settings.hub.public_url, f"//{request.host}", f"//{forwarded}")
    return frozenset(host for host in map(_host, urls) if host)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def browser_scheme(request: Request) -> str:
    """The protocol the browser speaks: the first element of `X-Forwarded-Proto`, the one nearest to it."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower()
    return forwarded if forwarded in ("http", "https") else request.scheme
