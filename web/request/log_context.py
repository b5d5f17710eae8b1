"""What lines of the log name that are written while a request is answered."""

from __future__ import annotations

from collections.abc import Mapping

from quart.globals import _cv_app


def request_named() -> Mapping[str, str]:
    """Which request it is, and whose; nothing where none is answered."""
    context = _cv_app.get(None)  # the object behind Quart's `g`
    if context is None or not (request_id := context.g.get("request_id")):
        return {}
    identity = context.g.get("identity")
    return {"request": request_id} if identity is None else {"request": request_id, "user": identity.name}
