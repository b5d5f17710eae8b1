"""Forms, options and the hooks outside of a start, in the thread of spawners, on the object of the server."""

from __future__ import annotations

from typing import Any

from jupyterhub.utils import maybe_future

from core.plugins.plugin_hub import FormData, ServerFacts
from spawners.jupyterhub.in_thread import World

State = dict[str, Any]


async def options_form(world: World, server: ServerFacts, state: State) -> str:
    """`auth_state_hook` comes first, as in JupyterHub: forms look at what it has set."""
    spawner = world.prepared(server, state)
    await spawner.run_auth_state_hook(server.person.auth_state)
    return str(await spawner.get_options_form() or "")


async def options_from_form(
    world: World, server: ServerFacts, state: State, data: FormData
) -> dict[str, Any]:
    spawner = world.prepared(server, state)
    return _options(await maybe_future(spawner.run_options_from_form(data)))


async def options_from_query(
    world: World, server: ServerFacts, state: State, data: FormData
) -> dict[str, Any]:
    spawner = world.prepared(server, state)
    return _options(await maybe_future(spawner.options_from_query(data)))


async def scopes(world: World, server: ServerFacts, state: State, trait: str) -> list[str]:
    spawner = world.prepared(server, state)
    found = getattr(spawner, trait)
    return [str(scope) for scope in await maybe_future(found(spawner) if callable(found) else found)]


async def ready_event(
    world: World, server: ServerFacts, state: State, url: str, event: dict[str, Any]
) -> dict[str, Any]:
    spawner = world.live(server, state, url).spawner
    if spawner.progress_ready_hook is None:
        return event
    found = await maybe_future(spawner.progress_ready_hook(spawner, event))
    return found if isinstance(found, dict) else event


async def after_stop(world: World, server: ServerFacts) -> None:
    await maybe_future(world.ended(server).run_post_stop_hook())


async def delete_forever(world: World, server: ServerFacts, state: State) -> None:
    await maybe_future(world.prepared(server, state).delete_forever())
    world.forget(server)


def _options(found: Any) -> dict[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise TypeError("the form's options are not a dict")
    return found
