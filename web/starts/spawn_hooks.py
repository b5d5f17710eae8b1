"""The hooks around a start and a stop, in JupyterHub's order, on the view of one server."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio
from msgspec import convert
from msgspec.structs import replace

from core.config.prepare import check_overrides
from core.errors import HubError, InvalidError, SpawnError
from core.plugins.hook_errors import as_form_error, as_spawn_error, http_status, log_failure
from core.plugins.hooks import Hooks, running
from core.plugins.profiles import PROFILE
from core.plugins.spawner import Telling, UserOptions
from core.settings import SpawnerSettings
from web.hook_views.setting_values import checked
from web.hook_views.spawner import SpawnerView
from web.starts.narrated import Narrated

logger = logging.getLogger("callboard.hooks")

FormData = dict[str, list[Any]]


def change_starts(settings: SpawnerSettings) -> bool:
    """Whether anything of the configuration may change a start: else nobody needs to look at it."""
    return (
        settings.pre_spawn_hook is not None
        or settings.apply_user_options is not None
        or settings.auth_state_hook is not None
        or bool(settings.group_overrides)
        or look_back(settings)
        or callable(settings.form)
        or callable(settings.options_from_form)
        or any(map(callable, settings.environment.values()))
    )


def look_back(settings: SpawnerSettings) -> bool:
    """Whether a hook is called for a server that has been started, and may look for what the start has left."""
    return settings.post_stop_hook is not None or settings.progress_ready_hook is not None


class SpawnHooks:
    def __init__(
        self, hooks: Hooks, settings: Callable[[UserOptions], SpawnerSettings], timeout: float
    ) -> None:
        """`settings`: of a start with these options.

        `timeout`: seconds for each hook outside of a start, which has a deadline of its own.
        """
        self._hooks = hooks
        self._settings = settings
        self._timeout = timeout

    # --- a start ---

    async def prepare(self, view: SpawnerView, telling: Telling) -> SpawnerSettings:
        """The spawner's settings as hooks, groups and options leave them. Raises SpawnError.

        `telling`: where `pre_spawn_hook` says how it gets on.
        """
        settings = self._settings(view.user_options)
        await self._take_auth_state(view)
        if settings.group_overrides:
            await self._override_by_groups(view)
        if settings.apply_user_options is not None:
            await self._apply_options(view, settings.apply_user_options)
        if settings.pre_spawn_hook is not None:
            narrated = Narrated(self._hooks, view, telling, of=_whose(view))
            with running("pre_spawn_hook"):
                await _of_start("pre_spawn_hook", narrated.call(settings.pre_spawn_hook))
        changed = checked(view.changed_settings())
        return replace(changed, environment=await self._evaluated(view, changed.environment))

    async def _take_auth_state(self, view: SpawnerView) -> None:
        if self._settings(view.user_options).auth_state_hook is not None:
            state = await view.user.get_auth_state()
            await _of_start("auth_state_hook", self._call("auth_state_hook", view, state))

    async def _override_by_groups(self, view: SpawnerView) -> None:
        """By the keys' order; a dict is merged into what is there, None as an item removes it."""
        overrides = self._settings(view.user_options).group_overrides
        try:
            if callable(overrides):
                overrides = await self._run("group_overrides", overrides, view)
            check_overrides(overrides)
            groups = set(view.user.groups)
            for key in sorted(overrides):
                if groups & set(overrides[key]["groups"]):
                    for name, value in overrides[key]["spawner_override"].items():
                        await self._override(view, name, value)
        except Exception as error:
            raise _failed("group_overrides", error) from error

    async def _override(self, view: SpawnerView, name: str, value: Any) -> None:
        if not view.has_setting(name):
            logger.warning("group_overrides: spawners have no setting %r", name)
            return
        if callable(value):
            value = await self._run("group_overrides", value, view)
        present = getattr(view, name)
        if isinstance(value, dict) and isinstance(present, dict):
            merged = {**present, **value}
            value = {key: item for key, item in merged.items() if item is not None}
        setattr(view, name, value)

    async def _apply_options(self, view: SpawnerView, apply: Any) -> None:
        """A dict names the setting each option sets. Whatever goes wrong is the fault of the options: 400."""
        try:
            if isinstance(apply, dict):
                for option, value in view.user_options.items():
                    if option in apply:
                        view.set_trait(apply[option], value)
                    elif option != PROFILE:
                        logger.warning("apply_user_options names no setting for the option %r", option)
                checked(view.changed_settings())
            else:
                await self._call("apply_user_options", view, view.user_options)
        except Exception as error:
            refused = _failed("apply_user_options", error)
            if http_status(error) is None and not isinstance(error, HubError):
                refused = SpawnError("The options of this start are invalid.", status=400)
            raise refused from error

    async def _evaluated(self, view: SpawnerView, environment: dict[str, Any]) -> dict[str, str]:
        """With the functions among its values called; those that give None are left out."""
        result = {}
        for name, value in environment.items():
            if callable(value):
                what = f"c.Spawner.environment[{name!r}]"
                try:
                    value = await self._run(what, value, view)
                except Exception as error:
                    raise _failed(what, error) from error
            if value is not None:
                result[name] = str(value)
        return result

    async def scopes(self, name: str, view: SpawnerView) -> list[str]:
        """Of the function that this option has for its value. Raises SpawnError."""
        try:
            with trio.fail_after(self._timeout):
                return convert(await self._call(name, view), list[str])
        except Exception as error:
            raise _failed(name, error) from error

    # --- the form ---

    async def before_form(self, view: SpawnerView) -> None:
        """What a form is made of may be in the `auth_state`. Raises SpawnError."""
        with trio.move_on_after(self._timeout):
            await self._take_auth_state(view)
            return
        raise SpawnError("auth_state_hook did not end in time.", status=503)

    async def form(self, view: SpawnerView) -> str:
        """The HTML that people fill in before a start; "" where there is none. Raises SpawnError."""
        form = self._settings(view.user_options).form
        if not callable(form):
            return str(form or "")
        with trio.move_on_after(self._timeout):
            try:
                return str(await self._run("options_form", form, view) or "")
            except Exception as error:
                raise _failed("options_form", error) from error
        raise SpawnError("The form of this server could not be made in time.", status=503)

    async def options_from_form(self, view: SpawnerView, data: FormData) -> dict[str, Any]:
        """The options that a sent form stands for. Raises FormError, InvalidError, SpawnError."""
        reader = self._settings(view.user_options).options_from_form
        if reader in (None, "passthrough"):
            return dict(data)
        if reader == "simple":
            return simple_options(data)
        with trio.move_on_after(self._timeout):
            try:
                call = partial(reader, spawner=view) if _takes(reader, "spawner") else reader
                with running("options_from_form"):
                    options = await self._hooks.call(call, data, of=_whose(view))
            except Exception as error:
                log_failure(logger, "options_from_form", error)
                raise as_form_error(error) from error
            if options is None:
                return {}
            if not isinstance(options, dict):
                raise InvalidError("The form's options are not a dict.")
            return options
        raise SpawnError("The form could not be read in time.", status=503)

    # --- afterwards ---

    async def ready_event(self, view: SpawnerView, event: dict[str, Any]) -> dict[str, Any]:
        """The event that says that a server is ready, as `progress_ready_hook` leaves it."""
        with trio.move_on_after(self._timeout):
            try:
                changed = await self._call("progress_ready_hook", view, dict(event))
                return changed if isinstance(changed, dict) else event
            except Exception as error:
                log_failure(logger, "progress_ready_hook", error)
        return event

    async def after_stop(self, view: SpawnerView) -> None:
        """What fails here is logged, and hinders nothing."""
        with trio.move_on_after(self._timeout) as waiting:
            try:
                await self._call("post_stop_hook", view)
            except Exception as error:
                log_failure(logger, "post_stop_hook", error)
        if waiting.cancelled_caught:
            logger.warning("post_stop_hook did not end within %g seconds", self._timeout)

    async def _call(self, name: str, view: SpawnerView, *args: Any) -> Any:
        return await self._run(name, getattr(self._settings(view.user_options), name), view, *args)

    async def _run(self, name: str, function: Callable[..., Any], view: SpawnerView, *args: Any) -> Any:
        with running(name):
            return await self._hooks.call(function, view, *args, of=_whose(view))


async def _of_start(name: str, called: Awaitable[object]) -> None:
    try:
        await called
    except Exception as error:
        raise _failed(name, error) from error


def _failed(name: str, error: Exception) -> SpawnError:
    log_failure(logger, name, error)
    return as_spawn_error(error)


def simple_options(data: FormData) -> dict[str, Any]:
    """Single values without their lists, a checked box as True. Source: what JupyterHub's `simple` gives."""
    single = {name: values[0] for name, values in data.items() if len(values) == 1}
    return {**data, **single, **{name: True for name, value in single.items() if value == "on"}}


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except ValueError:  # of some built-in functions nobody knows
        return False


def _whose(view: SpawnerView) -> str:
    return f"{view.user.name}/{view.name}"
