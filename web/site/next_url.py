"""Where to go after a login: `next`, as far as it is a path of this host. Pure.

Whoever makes a link to the login page chooses `next`; a hub that went wherever it says would lend its name to
whoever wants people's passwords (CVE-2019-10255, CVE-2026-33709). So what comes out is a path of this host, and is
built from the parts of what went in.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import SplitResult, quote, urlsplit

LONGEST = 8192  # characters

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # browsers drop some of these from URLs, wherever they are
_LEADING_SLASHES = re.compile(r"^/{3,}")
_KEPT = "/%:@!$&'()*+,;=~-._?[]"  # what may stand in a path or a query as it is


def safe_path(text: str, own: Collection[str], domain: str = "") -> str:
    """The path, query and fragment to go to; `""` if this leads elsewhere, or nowhere.

    `own`: origins of this hub, in lower case. `domain`: whose subdomains are its own too.
    Source: JupyterHub 6.1.1: backslashes are escaped, three or more slashes at the beginning count as two, and an
    absolute URL of this host is as good as its path.
    """
    if not text or len(text) > LONGEST or _CONTROL.search(text):
        return ""
    plain = _LEADING_SLASHES.sub("//", text.replace("\\", "%5C"))
    try:
        parts = urlsplit(plain)
        is_ours = _is_ours(parts, own, domain) if parts.netloc else not parts.scheme and plain.startswith("/")
        return _as_path(parts) if is_ours else ""
    except ValueError:  # a host in brackets that is no address, or characters that are none
        return ""


def _is_ours(parts: SplitResult, own: Collection[str], domain: str) -> bool:
    """Whether its host is this one, by a scheme that this one is known by."""
    host = parts.netloc.lower()
    schemes = {origin.partition("://")[0] for origin in own}
    asked = {parts.scheme} & schemes if parts.scheme else schemes
    if any(f"{scheme}://{host}" in own for scheme in asked):
        return True
    return bool(domain and asked) and "@" not in host and host.endswith(f".{domain}")


def _as_path(parts: SplitResult) -> str:
    """With one slash at its beginning, whatever the path was: `//x` would be another host."""
    path = "/" + _escaped(parts.path.lstrip("/"))
    query = f"?{_escaped(parts.query)}" if parts.query else ""
    fragment = f"#{_escaped(parts.fragment)}" if parts.fragment else ""
    return f"{path}{query}{fragment}"


def _escaped(text: str) -> str:
    """As a header can carry it."""
    return quote(text, safe=_KEPT)
