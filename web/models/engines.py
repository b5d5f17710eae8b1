"""The JSON of engines and of what strays in them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from core.actors.engines.reconciler import Reconciler, SeenStray, Whose
from core.events.record import utc_text
from web.models.models import shown


class EngineModel(Struct):
    """`silent_since`: it has not answered since then; null while it does. `strays`: what runs there unknown to servers.

    `trouble`: a sentence; empty if all is well.
    """

    name: str
    title: str
    silent_since: str | None
    trouble: str
    strays: int


class ProfileModel(Struct):
    """`engine`: where servers by this profile run, as in the list of engines."""

    name: str
    title: str
    description: str
    engine: str


class StrayModel(Struct):
    """Something that runs although no server knows it.

    `whose`: `ours`: this log has started it; `later`: a later state of this log has; `foreign`: its mark says neither.
    `user`, `server`: whose it was when it was started; null where that is not known. `age`: seconds since then.
    `ends_in`: seconds until it is ended, 0 while it is; null where it is left alone.
    """

    engine: str
    spawn_id: str
    whose: Whose
    user: str | None
    server: str | None
    age: float | None
    ends_in: float | None


def engine_models(reconcilers: Iterable[Reconciler]) -> list[EngineModel]:
    return [_engine(reconciler) for reconciler in reconcilers]


def _engine(reconciler: Reconciler) -> EngineModel:
    engine = reconciler.engine
    since = engine.silent_since
    return EngineModel(
        engine.name,
        engine.title,
        None if since is None else shown(utc_text(since)),
        engine.silence,
        len(reconciler.seen),
    )


def stray_models(reconcilers: Iterable[Reconciler]) -> list[StrayModel]:
    return [_stray(reconciler.engine.name, stray) for reconciler in reconcilers for stray in reconciler.seen]


def _stray(engine: str, stray: SeenStray) -> StrayModel:
    return StrayModel(
        engine,
        stray.spawn_id,
        stray.whose,
        stray.user or None,
        stray.server if stray.user else None,
        None if stray.age is None else round(stray.age, 1),
        None if stray.ends_in is None else round(stray.ends_in, 1),
    )
