"""What the views of one hub have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

from core.settings import Settings
from web.hook_views.hub import HubView
from web.site.hosts import Hosts


class Around(NamedTuple):
    """`authenticator`: the object that hooks are handed for it."""

    settings: Settings
    hosts: Hosts
    hub: HubView
    authenticator: Any
