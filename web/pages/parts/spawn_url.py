"""Where a server is started, and where to go on to from there."""

from __future__ import annotations

from urllib.parse import urlencode

from core.naming.names import escape
from web.request.context import hub


def spawn_url(user: str, server: str, next_url: str = "") -> str:
    path = f"{escape(user)}/{escape(server)}" if server else escape(user)
    query = f"?{urlencode({'next': next_url})}" if next_url else ""
    return f"{hub().base_url}hub/spawn/{path}{query}"
