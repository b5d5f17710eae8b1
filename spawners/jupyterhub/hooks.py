"""The hooks and forms that a class has itself, as the hub calls them."""

from __future__ import annotations

from typing import Any

from core.plugins.plugin_hub import FormData, PluginHub, ServerFacts
from core.plugins.spawner import Kept
from spawners.jupyterhub import forms
from spawners.jupyterhub.engine import Engine
from spawners.jupyterhub.records import Records

HOOK = 60.0  # seconds at most; those who ask have deadlines of their own


class OwnHooks:
    _hub: PluginHub
    _records: Records
    _engine: Engine

    async def options_form(self, server: ServerFacts) -> str:
        what = f"options_form of {_called(server)}"
        return await self._engine.call(
            forms.options_form, server, self._between(server), within=HOOK, what=what
        )

    async def options_from_form(self, server: ServerFacts, data: FormData) -> dict[str, Any]:
        what = f"options_from_form of {_called(server)}"
        return await self._engine.call(
            forms.options_from_form, server, self._between(server), data, within=HOOK, what=what
        )

    async def options_from_query(self, server: ServerFacts, data: FormData) -> dict[str, Any]:
        what = f"options_from_query of {_called(server)}"
        return await self._engine.call(
            forms.options_from_query, server, self._between(server), data, within=HOOK, what=what
        )

    async def scopes(self, server: ServerFacts, trait: str) -> list[str]:
        what = f"{trait} of {_called(server)}"
        return await self._engine.call(
            forms.scopes, server, self._between(server), trait, within=HOOK, what=what
        )

    async def ready_event(self, server: ServerFacts, event: dict[str, Any]) -> dict[str, Any]:
        record = self._records.of(server.spawn_id)
        if record is None:
            return event
        what = f"progress_ready_hook of {_called(server)}"
        return await self._engine.call(
            forms.ready_event, server, record.state, record.url, event, within=HOOK, what=what
        )

    async def after_stop(self, server: ServerFacts) -> None:
        what = f"post_stop_hook of {_called(server)}"
        await self._engine.call(forms.after_stop, server, within=HOOK, what=what)

    async def delete_forever(self, kept: Kept) -> None:
        """Of one server: a class knows nothing of users as a whole."""
        if not kept.server_id:
            return
        person = self._hub.person(kept.user_id, kept.user)
        server = ServerFacts(server_id=kept.server_id, person=person, name=kept.server, prefix="")
        what = f"delete_forever of {_called(server)}"
        await self._engine.ask(forms.delete_forever, server, self._between(server), within=HOOK, what=what)
        await self._records.keep_between(kept.server_id, {})

    def _between(self, server: ServerFacts) -> dict[str, Any]:
        return self._records.between(server.server_id)


def _called(server: ServerFacts) -> str:
    return f"{server.person.name}/{server.name}"
