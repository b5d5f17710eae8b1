"""On which port one listens, by what the URL to bind says of it."""

from __future__ import annotations

from urllib.parse import SplitResult


def port_of(bind_url: SplitResult) -> int:
    """Where it asks to listen: 0 is any free port, and without one it is that of the scheme."""
    if bind_url.port is not None:
        return bind_url.port
    return 443 if bind_url.scheme == "https" else 80
