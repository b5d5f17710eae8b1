"""What the reconcilers of a hub go by: what its log says of attempts, and what its configuration says of strays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from core.actors.engines.engine import Engine
from core.actors.engines.reconciler import Doubt, Knowledge, Policy, Reconciler
from core.engine import Command
from core.engine import Engine as EngineState
from core.events.record import HUB
from core.reconcile.sorting_out import NO_CONSENT, Consent, Strays
from projections import engines
from web.hub.hub import Hub
from web.lifecycle.known_attempts import known_now


def reconcilers(hub: Hub, consent: Consent) -> list[Reconciler]:
    """One for each engine; the hub shows what they see."""
    doubt = Doubt()
    hub.reconcilers = [_reconciler(hub, engine, consent, doubt) for engine in hub.spawner]
    return hub.reconcilers


def _reconciler(hub: Hub, engine: Engine, consent: Consent, doubt: Doubt) -> Reconciler:
    def policy() -> Policy:
        wanted = hub.settings.callboard
        return Policy(wanted.reconcile_interval, wanted.stray_grace, wanted.reconcile_dry_run)

    def sort_out(marks: Mapping[str, str]) -> Strays:
        return hub.marks.sort_out(marks, (), consent)

    def elsewhere(spawn_id: str) -> bool:
        return engines.engine_of(hub.store.db, spawn_id) not in ("", engine.name)

    def found() -> Mapping[str, datetime]:
        rows = engines.strays_in(hub.store.db, engine.name)
        return {row.spawn_id: datetime.fromisoformat(row.found) for row in rows}

    async def record(command: Command) -> EngineState:
        return await hub.entities.engines.ask(engine.name, command, by=HUB)

    knowledge = Knowledge(partial(known_now, hub.store), sort_out, hub.marks.opened, elsewhere, found)
    return Reconciler(engine, knowledge, policy, record, doubt, at_once=consent != NO_CONSENT)
