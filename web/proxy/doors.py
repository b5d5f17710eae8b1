"""Where connections come in: the public address, plain http beside it, and where a hub that drives us sends routes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from web.http1.connection import Connection
from web.http1.listen import Listeners
from web.http1.stream import Stream
from web.proxy import answers
from web.proxy.connection import RelayedConnection
from web.proxy.parts import Parts
from web.proxy.relay.rewrite import Visitor
from web.proxy.settings import ProxySettings
from web.proxy.tls import Certificate

Connect = Callable[[Parts, Stream, Visitor], Connection]


class Door(NamedTuple):
    """`connect`: makes what serves one connection. `is_public`: strangers come in here, who may be too many."""

    listeners: Listeners
    certificate: Certificate | None
    connect: Connect = RelayedConnection
    is_public: bool = True


def open_doors(settings: ProxySettings, certificate: Certificate | None) -> list[Door]:
    """The public one first. Raises OSError or ValueError."""
    doors = [Door(Listeners(settings.bind_url), certificate)]
    if url := settings.redirect_url:
        port = settings.https_port or doors[0].listeners.port
        redirect = partial(answers.https_redirect, port)
        doors.append(Door(Listeners(url), None, partial(RelayedConnection, answer=redirect)))
    return doors
