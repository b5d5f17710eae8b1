"""When the routes of a proxy that is driven from here were last used, as far as it says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from core.reconcile.routes import Held, path_of

LAST = "last_activity"


class UseOfRoutes:
    """A proxy takes the setting of a route for its use. Where one was set anew that it had lost, that does not count.

    `tell`: told when routes were last used, by spec.
    """

    def __init__(self, tell: Callable[[Mapping[str, datetime]], None]) -> None:
        self._tell = tell
        self._unused: dict[str, str] = {}  # by spec: the moment that stands for no use at all

    def note(self, specs: Iterable[str], held: Held) -> None:
        now, used = datetime.now(UTC), {}
        for spec in specs:
            text = str(held.get(path_of(spec), {}).get(LAST, ""))
            if (at := _moment(text)) is not None and text != self._unused.get(spec):
                used[spec] = min(at, now)
        self._tell(used)

    def are_new(self, specs: Iterable[str], held: Held) -> None:
        """They have just been set anew."""
        self._unused |= {spec: str(held.get(path_of(spec), {}).get(LAST, "")) for spec in specs}

    def forget(self, specs: Iterable[str]) -> None:
        """They belong to others now, or to nobody."""
        for spec in specs:
            self._unused.pop(spec, None)


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
