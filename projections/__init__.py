"""What anyone reads: tables folded from the log, in the order in which an event reaches them."""

from __future__ import annotations

from typing import cast

from core.events.file.folding import Projection
from projections import (
    auth_states,
    engines,
    extra_routes,
    groups,
    histories,
    jobs,
    names,
    oauth,
    roles,
    routes,
    services,
    sessions,
    tallies,
    tokens,
    usage,
    users,
)
from projections.servers import progress, servers, spawn_queue, spawner_states
from projections.sharing import share_codes, shares

ALL = cast(
    tuple[Projection, ...],
    (
        names,
        users,
        auth_states,
        groups,
        roles,
        servers,
        sessions,
        oauth,
        tokens,
        shares,
        share_codes,
        progress,
        spawn_queue,
        spawner_states,
        engines,
        services,
        extra_routes,
        routes,
        histories,
        jobs,
        usage,
        tallies,
    ),
)
