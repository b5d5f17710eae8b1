"""Ports and certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from core.settings import Settings
from web.commands.doctor.finding import Finding, ok, problem, warning
from web.proxies.free_address import ProxyError, check_free, check_redirect_free
from web.site.addresses import bind_address

SOON = timedelta(days=14)


def look_at_ports(settings: Settings, *, is_running: bool) -> Iterator[Finding]:
    if is_running:
        yield ok("ports", "A hub runs on this log and has its ports.")
        return
    hub = settings.hub
    if settings.proxy.should_start:
        yield _free(hub.bind_url, "c.JupyterHub.bind_url")
        try:
            check_redirect_free(settings)
        except ProxyError as error:
            yield problem("ports", str(error))
    yield _free(bind_address(hub), "c.JupyterHub.hub_bind_url")


def _free(url: str, name: str) -> Finding:
    try:
        check_free(url, name)
    except (ProxyError, ValueError) as error:
        hint = (
            "Ports below 1024 want root, or AmbientCapabilities=CAP_NET_BIND_SERVICE."
            if "ermission" in str(error)
            else ""
        )
        return problem("ports", str(error), hint)
    port = urlsplit(url).port if not urlsplit(url).hostname else None
    return ok("ports", f"Port {port} is free on all addresses." if port else f"{url} is free.")


def look_at_certificate(settings: Settings) -> Iterator[Finding]:
    hub = settings.hub
    if not hub.ssl_cert:
        if not hub.public_url.startswith("https:"):
            yield warning(
                "https", "The hub speaks http, and no c.JupyterHub.public_url says that https is before it."
            )
        return
    try:
        certificate = x509.load_pem_x509_certificate(Path(hub.ssl_cert).read_bytes())
        key = load_pem_private_key(Path(hub.ssl_key).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        yield problem("https", f"c.JupyterHub.ssl_cert and ssl_key cannot be used: {_words(error)}.")
        return
    if _public(certificate.public_key()) != _public(key.public_key()):
        yield problem("https", f"{hub.ssl_key} is not the key of {hub.ssl_cert}.")
        return
    ends = certificate.not_valid_after_utc
    left = ends - datetime.now(UTC)
    told = f"The certificate is good until {ends:%Y-%m-%d}."
    yield (
        problem("https", told)
        if left < timedelta()
        else warning("https", told)
        if left < SOON
        else ok("https", told)
    )


def _public(key: object) -> bytes:
    found: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return found


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
