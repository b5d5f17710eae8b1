"""What lines of the log name that are written while a request is answered."""

from __future__ import annotations

from collections.abc import Mapping

from quart import g, has_request_context


def request_named() -> Mapping[str, str]:
    """Which request it is, and whose; nothing where none is answered."""
    if not has_request_context() or not (request_id := g.get("request_id")):
        return {}
    identity = g.get("identity")
    return {"request": request_id} if identity is None else {"request": request_id, "user": identity.name}
