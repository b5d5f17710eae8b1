"""What all connections share."""

from dataclasses import dataclass, field

from web.http1.connection import Connection
from web.http1.watch import Watch
from web.proxy.activity import Activity
from web.proxy.away import AwayPage
from web.proxy.driven.error_pages import ErrorPages
from web.proxy.relay.upgrade import Tunnels
from web.proxy.relay.upstreams import Upstreams
from web.proxy.routes import Routes
from web.proxy.settings import Limits

_SCRATCH = 256 * 1024


@dataclass
class Parts:
    limits: Limits
    routes: Routes
    upstreams: Upstreams
    activity: Activity
    watch: Watch
    tunnels: Tunnels
    away: AwayPage
    error_pages: ErrorPages | None = None  # None: ours are all there are
    has_routes: bool = False  # the hub has told them, as of some moment
    adds_slash: bool = True  # to the path of a route that lacks its last one
    scratch: memoryview = field(
        default_factory=lambda: memoryview(bytearray(_SCRATCH))
    )  # never held over a wait
    connections: set[Connection] = field(default_factory=set)
    is_draining: bool = False
