"""Which of several spawners a start is meant for, by its options. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import SpawnError
from core.settings import Settings, SpawnerProfile, SpawnerSettings

PROFILE = "profile"
"""The option of a start that names its profile, where the configuration has some."""


def profile_named(user_options: Mapping[str, Any]) -> str:
    """`""` for none."""
    name = user_options.get(PROFILE)
    return name if isinstance(name, str) else ""


def profile_of(settings: Settings, user_options: Mapping[str, Any]) -> SpawnerProfile | None:
    """None where the options name none, or none that there is."""
    return settings.callboard.spawner_profiles.get(profile_named(user_options))


def engine_of(settings: Settings, user_options: Mapping[str, Any]) -> str:
    """The name of the spawner that starts it."""
    profile = profile_of(settings, user_options)
    return settings.hub.spawner_class if profile is None else profile.spawner


def settings_of(settings: Settings, user_options: Mapping[str, Any]) -> SpawnerSettings:
    """Of a start with these options: those of its profile, else of the spawner of the hub."""
    profile = profile_of(settings, user_options)
    return settings.spawner if profile is None else profile.settings


def with_options(settings: Settings, user_options: Mapping[str, Any]) -> SpawnerSettings:
    """The same, as its options leave them. Raises SpawnError (400) for options that are not allowed."""
    chosen = settings_of(settings, user_options)
    if not settings.callboard.spawner_profiles:
        return chosen.with_options(user_options)
    if PROFILE in user_options and profile_of(settings, user_options) is None:
        raise SpawnError(f"There is no spawner profile {user_options[PROFILE]!r} any more.", status=400)
    return chosen.with_options({name: value for name, value in user_options.items() if name != PROFILE})


def every_spawner(settings: Settings) -> Iterator[SpawnerSettings]:
    """The settings of all that a start may be meant for."""
    yield settings.spawner
    for profile in settings.callboard.spawner_profiles.values():
        yield profile.settings
