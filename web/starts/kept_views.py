"""The views of servers that hooks have left something on for one another.

In JupyterHub it is one object from the first look at a server until it has stopped. Here each look has a view of its
own, and those kept here carry on what hooks have put on an earlier one.
"""

from __future__ import annotations

from collections import OrderedDict

from web.hook_views.spawner import SpawnerView

LOOKED_AT = 1000  # forms whose views are kept until the start; of more than that the oldest are forgotten


class KeptViews:
    def __init__(self) -> None:
        self._looked_at: OrderedDict[tuple[str, str], SpawnerView] = OrderedDict()
        self._started: dict[str, SpawnerView] = {}

    def look_at(self, view: SpawnerView) -> None:
        """Somebody looks at the form of this server, or has sent it."""
        self.start(view)
        self._looked_at[_key(view)] = view
        if len(self._looked_at) > LOOKED_AT:
            self._looked_at.popitem(last=False)

    def peek(self, view: SpawnerView) -> None:
        """Have on it what the form has left."""
        if (earlier := self._looked_at.get(_key(view))) is not None:
            view.follow(earlier)

    def start(self, view: SpawnerView) -> None:
        """Have on it what the form has left, which ends with this."""
        self.peek(view)
        self._looked_at.pop(_key(view), None)

    def keep(self, server_id: str, view: SpawnerView) -> None:
        """Until `end`: what the start has left is there when its server is ready, and when it has ended."""
        self._started[server_id] = view

    def of(self, server_id: str, now: SpawnerView) -> SpawnerView:
        """That of the start, with what is known now; `now` itself where an earlier hub has started it."""
        kept = self._started.get(server_id)
        if kept is None:
            return now
        kept.renew(now)
        return kept

    def end(self, server_id: str) -> None:
        self._started.pop(server_id, None)


def _key(view: SpawnerView) -> tuple[str, str]:
    """Of the server, which may not exist yet."""
    return view.user.id, view.name
