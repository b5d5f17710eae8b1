"""What lines of the log name that are written while a request is answered."""

from __future__ import annotations

from collections.abc import Mapping

from quart.globals import _cv_app

from web.request.kept import Kept


def request_named() -> Mapping[str, str]:
    """Which request it is, and whose; nothing where none is answered."""
    context = _cv_app.get(None)
    kept: object = context.g if context is not None else None
    if not isinstance(kept, Kept):
        return {}
    named = {"request": kept.request_id}
    return named if kept.identity is None else {**named, "user": kept.identity.name}
