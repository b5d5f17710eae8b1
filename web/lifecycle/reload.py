"""The configuration read anew while the hub runs: what can change does, what cannot is named.

Running servers and connected users notice nothing. A file that cannot be used changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

import trio
from msgspec import Struct
from msgspec.structs import asdict, replace

from core.config.desired import DesiredState, desired_state
from core.config.notes import Note, table
from core.config.trait_names import section_of
from core.plugins.admission import Admission
from core.settings import (
    AuthenticatorSettings,
    ConfigError,
    PluginAuthenticatorSettings,
    PluginSettings,
    PluginSpawnerSettings,
    ServiceSettings,
    Settings,
    SpawnerProfile,
    SpawnerSettings,
)
from web.authenticators import make_authenticator
from web.hub.hub import Ending, Hub
from web.lifecycle.configured import configure_routes, configure_services
from web.lifecycle.reconcile import reconcile
from web.monitoring.logs import set_up_logging, undo_logging_config
from web.presentation.presentation import Presentation
from web.request.log_context import request_named
from web.site.headers import AnswerHeaders
from web.starts.limits import configure as configure_limits

logger = logging.getLogger("callboard.config")

Load = Callable[[], tuple[Settings, list[Note]]]

_CHANGEABLE = {
    "hub": """
        active_server_limit activity_resolution admin_access allow_named_servers api_page_default_limit
        api_page_max_limit api_tokens authenticate_prometheus cleanup_proxy cleanup_servers
        concurrent_spawn_limit custom_scopes data_files_path default_server_name default_url
        extra_log_file extra_log_handlers extra_user_scopes implicit_spawn_seconds load_groups
        load_roles log_datefmt log_format log_level logging_config logo_file named_server_limit_per_user
        redirect_to_server service_tokens services shutdown_on_logout spawn_throttle_retry_range
        template_paths template_vars token_expires_in_max_seconds tornado_settings
        trust_user_provided_tokens trusted_downstream_ips use_legacy_stopped_server_status_code
        user_redirect_hook
        """,
    "proxy": "extra_routes",
    "spawner": """
        apply_user_options args auth_state_hook cmd cpu_guarantee cpu_limit debug default_url
        disable_user_config env_keep environment group_overrides http_timeout mem_guarantee mem_limit
        notebook_dir oauth_client_allowed_scopes options_form options_from_form poll_interval poll_jitter port
        post_stop_hook pre_spawn_hook progress_ready_hook server_token_scopes start_timeout
        """,
    "authenticator": "admin_users allow_all allow_existing_users allowed_users auto_login blocked_users",
    "callboard": """
        allow_any_server_name reconcile_dry_run reconcile_interval spawn_queue_limit spawn_queue_timeout
        spawner_profiles stray_grace
        """,
    "start_api": "default_user_options server_limit",
}
PROFILES = "spawner_profiles"
CHANGEABLE = {part: frozenset(names.split()) for part, names in _CHANGEABLE.items()}
"""What is looked up when it is needed, or can be handed on. All else is settled when a hub starts."""


class Reloaded(Struct, frozen=True):
    """The names of the options that have changed and act now, and of those that wait for a restart."""

    changed: list[str]
    waiting: list[str]
    notes: list[Note]

    def __str__(self) -> str:
        lines = [f"changed: {', '.join(self.changed) or 'nothing'}"]
        if self.waiting:
            lines.append(f"only with a restart of the hub: {', '.join(self.waiting)}")
        return "\n".join([*lines, *([table(self.notes)] if self.notes else [])])


class Reloader:
    """`load`: reads the configuration as it is now. One reload at a time."""

    def __init__(self, hub: Hub, load: Load, secret: bytes) -> None:
        self._hub = hub
        self._load = load
        self._secret = secret
        self._turn = trio.Lock()

    async def reload(self) -> Reloaded:
        """Raises ConfigError or another HubError for a configuration that cannot be used: nothing has changed."""
        async with self._turn:
            given, notes = await trio.to_thread.run_sync(self._load)
            given = await self._hub.plugins.as_configured(given)
            settings, waiting = merged(self._hub.settings, given)
            wanted = desired_state(settings)
            changed = list(differences(self._hub.settings, settings))
            await self._apply(settings, wanted)
            return Reloaded(changed, waiting, notes)

    async def _apply(self, settings: Settings, wanted: DesiredState) -> None:
        """From here on only the log can fail, and then the same reload again does the rest."""
        hub, presentation = self._hub, Presentation(settings.hub)
        _set_up_logging(hub.settings, settings)
        before, hub.settings = hub.settings, settings
        hub.headers = AnswerHeaders(settings.hub)
        hub.presentation = presentation
        if _ending(before) != _ending(settings):
            hub.ending = _ending(settings)
        hub.logins.admission = Admission(settings.authenticator, hub.user_names)
        if hub.plugins.authenticator is not None:
            await hub.plugins.configure(settings)
        elif before.authenticator.admin_users != settings.authenticator.admin_users:
            hub.logins.authenticator = make_authenticator(settings, hub.user_names, self._secret)
        configure_limits(hub.limits, settings)
        hub.turns.call()  # there may be more room now
        hub.activity.resolution = settings.hub.activity_resolution
        hub.launch.settings = hub.launch.views.settings = settings
        hub.runtime.configure(settings)
        if _polling(before) != _polling(settings):
            hub.servers.poll_anew()
        hub.sessions.configure(settings)
        hub.services.configured = {service.name: service for service in settings.hub.services}
        hub.roles = wanted.roles
        hub.rights.configure(wanted.rights)
        await configure_services(hub, self._secret)
        await configure_routes(hub)
        await reconcile(hub, wanted)


def merged(present: Settings, given: Settings) -> tuple[Settings, list[str]]:
    """The settings with what can change now, and the names of what cannot."""
    parts, waiting = {}, []
    for part in Settings.__struct_fields__:
        old, new = getattr(present, part), getattr(given, part)
        changes = {}
        waiting += _of_plugin(old, new)
        for name in _names(old):
            if not hasattr(new, name):  # of a spawner that is another one now, which waits itself
                continue
            value = getattr(new, name)
            if (part, name) == ("hub", "services"):
                value, held = _services(old.services, value)
                waiting += [f"the managed service {service}" for service in held]
            if name == PROFILES:
                value = _profiles(present, given)
                if value is not given.callboard.spawner_profiles:
                    waiting.append(_full(old, name))
            if name in CHANGEABLE.get(part, ()) or name in getattr(old, "changeable", ()):
                changes[name] = value  # functions too: what they look up may be another
            elif not _is_same(getattr(old, name), value):
                waiting.append(_full(old, name))
        parts[part] = replace(old, **changes)
    return Settings(**parts), waiting


def _profiles(present: Settings, given: Settings) -> dict[str, SpawnerProfile]:
    """Those of now, unless one of them is for a spawner that the hub does not have: that is begun with the hub."""
    running = {present.hub.spawner_class}
    running |= {profile.spawner for profile in present.callboard.spawner_profiles.values()}
    wanted = given.callboard.spawner_profiles
    has_all = all(profile.spawner in running for profile in wanted.values())
    return wanted if has_all else present.callboard.spawner_profiles


def differences(old: Settings, new: Settings) -> Iterator[str]:
    for part in Settings.__struct_fields__:
        before, after = getattr(old, part), getattr(new, part)
        yield from _of_plugin(before, after)
        for name in _names(before):
            if not _is_same(getattr(before, name), getattr(after, name)):
                yield _full(before, name)


def _names(part: Struct) -> list[str]:
    """Of its settings; those of a plug-in are looked at by `_of_plugin`."""
    return [name for name in part.__struct_fields__ if not isinstance(getattr(part, name), PluginSettings)]


def _of_plugin(old: Struct, new: Struct) -> list[str]:
    """The traits of the plug-in of this part that differ, and the class itself where its program does."""
    before, after = _plugin(old), _plugin(new)
    if before is None or after is None or before.kind is None or after.kind is None:
        return []
    names = sorted(filter(_waits, before.traits.keys() | after.traits.keys()))
    changed = [f"c.{name}" for name in names if not _is_same(before.traits.get(name), after.traits.get(name))]
    return changed if _is_same(before.kind, after.kind) else [f"the class {after.kind.__name__}", *changed]


def _waits(trait: str) -> bool:
    """Whether it is the class's own, by its full name: what is common to all ways to log in is looked at besides."""
    return trait.rpartition(".")[2] not in AuthenticatorSettings.__struct_fields__


def _plugin(part: Struct) -> PluginSettings | None:
    match part:
        case PluginSpawnerSettings() | PluginAuthenticatorSettings():
            return part.plugin
        case _:
            return None


def _services(
    old: list[ServiceSettings], new: list[ServiceSettings]
) -> tuple[list[ServiceSettings], list[str]]:
    """Those with a process stay as they are, for that is begun and ended with the hub; others change."""
    before: Mapping[str, ServiceSettings] = {service.name: service for service in old}
    after = {service.name: service for service in new}
    held = [
        name
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
        and any(found is not None and found.command for found in (before.get(name), after.get(name)))
    ]
    kept = [before[name] for name in held if name in before]
    return [*kept, *(service for service in new if service.name not in held)], held


def _is_same(old: Any, new: Any) -> bool:
    """Functions and handlers are made anew whenever a file is read: those that look alike are the same."""
    match old:
        case FunctionType():
            return isinstance(new, FunctionType) and _parts_of(old) == _parts_of(new)
        case type():
            return isinstance(new, type) and (old is new or _members_of(old) == _members_of(new))
        case logging.Handler():
            return type(old) is type(new) and vars(old).get("baseFilename") == vars(new).get("baseFilename")
        case SpawnerSettings() | SpawnerProfile() | PluginSettings():
            return type(old) is type(new) and _is_same(asdict(old), asdict(new))
        case list() | tuple():
            return type(old) is type(new) and len(old) == len(new) and all(map(_is_same, old, new))
        case dict():
            return (
                isinstance(new, dict)
                and old.keys() == new.keys()
                and all(_is_same(value, new[key]) for key, value in old.items())
            )
        case _:
            return bool(old == new)


def _parts_of(function: FunctionType) -> tuple[Any, ...]:
    return function.__code__, function.__defaults__, function.__kwdefaults__


CONTAINERS = (list, tuple, dict, set)  # the names with `_` are what traitlets keeps of a class


def _members_of(kind: type) -> tuple[Any, ...]:
    """Of a class that a file makes anew whenever it is read: its name and what its functions do."""
    functions = {
        name: _parts_of(member) for name, member in vars(kind).items() if isinstance(member, FunctionType)
    }
    plain = {
        name: member
        for name, member in vars(kind).items()
        if isinstance(member, str | int | float)
        or (isinstance(member, CONTAINERS) and not name.startswith("_"))
    }
    return kind.__qualname__, [base.__name__ for base in kind.__mro__], functions, plain


def _full(part: Struct, name: str) -> str:
    return f"c.{section_of(part, name)}.{name}"


def _ending(settings: Settings) -> Ending:
    return Ending(settings.hub.cleanup_servers, settings.hub.cleanup_proxy)


def _polling(settings: Settings) -> tuple[float, float]:
    return settings.spawner.poll_interval, settings.spawner.poll_jitter


def _set_up_logging(before: Settings, after: Settings) -> None:
    """Raises ConfigError, and then lines go where they went."""
    if _is_same(_log(before), _log(after)):
        return
    undo_logging_config(before.hub)
    try:
        set_up_logging(after.hub, after.callboard.log_style, request_named)
    except ConfigError:
        undo_logging_config(after.hub)
        set_up_logging(before.hub, before.callboard.log_style, request_named)
        raise


def _log(settings: Settings) -> tuple[Any, ...]:
    hub = settings.hub
    names = (hub.log_level, hub.log_format, hub.log_datefmt, hub.extra_log_file)
    return *names, hub.logging_config, hub.extra_log_handlers
