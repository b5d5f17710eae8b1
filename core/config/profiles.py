"""`c.Callboard.spawner_profiles`: where a server may be started, chosen for each start.

Each is read as if it were the whole configuration's spawner: its class in place of `c.JupyterHub.spawner_class`, and
its settings on top of what the sections of that class say. So whatever may be said of a spawner may be said here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from traitlets.config.loader import Config

from core.config.notes import Note
from core.config.plugins.chosen import KEPT_TO, Chosen, chosen_spawner
from core.config.section import Given, Section
from core.config.trait_names import nearest
from core.config.validation import Trait, convert_struct
from core.settings import ConfigError, Count, SpawnerProfile, SpawnerSettings

NAME = "spawner_profiles"
MAIN = ("JupyterHub", "spawner_class")

AS_GIVEN = ("users", "groups", "roles", "scopes", "concurrent_spawn_limit", "active_server_limit")

_PROFILE_NAME = re.compile(r"[\w.-]{1,64}")

Read = Callable[[Given, Chosen, str, list[Note]], tuple[Section, SpawnerSettings]]
"""The section and the settings of a spawner: of which configuration, which class, called what, and where notes go."""


class ProfileGiven(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the dicts. `spawner`: as `c.JupyterHub.spawner_class`, which it is by default.

    `users`, `groups`, `roles`, `scopes`: who may choose it, by any of these; everybody where none of them is given.
    The limits are of starts and servers by this profile, within those of the hub.
    """

    spawner: Any = None
    title: str = ""
    description: str = ""
    settings: dict[str, Any] = {}
    users: list[str] | None = None
    groups: list[str] | None = None
    roles: list[str] | None = None
    scopes: list[str] | None = None
    concurrent_spawn_limit: Count = 0
    active_server_limit: Count = 0


def spawner_profiles(
    given: Given, callboard: Section, read: Read, notes: list[Note]
) -> dict[str, SpawnerProfile]:
    """By name, in the order in which they are offered. Raises ConfigError."""
    raw = callboard.raw(NAME)
    if raw is None:
        return {}
    trait = callboard.trait(NAME)
    if not isinstance(raw, dict):
        raise trait.refuse(raw, "expected a dict of profiles, each with a name")
    return {str(name): _profile(given, trait, name, item, read, notes) for name, item in raw.items()}


def _profile(
    given: Given, trait: Trait, name: Any, item: Any, read: Read, notes: list[Note]
) -> SpawnerProfile:
    at = f"[{name!r}]"
    if not isinstance(name, str) or not _PROFILE_NAME.fullmatch(name):
        raise trait.refuse(name, "the name of a profile is made of letters, digits, and . _ -", at)
    asked = convert_struct(trait, item, ProfileGiven, at)
    plain = _as_main(given, trait, at, asked)
    chosen = chosen_spawner(plain)
    plain = replace(plain, names=given.names.with_plugins(chosen.classes))
    engine = str(Section(plain, MAIN[0], []).read(MAIN[1], str, "localprocess"))
    section, base = read(plain, chosen, engine, [])
    _check_settings(plain, trait, at, section, asked, is_plugin=chosen.kind is not None)
    _, settings = read(_with_settings(plain, trait, at, section, asked), chosen, engine, notes)
    more = {kind: getattr(asked, kind) for kind in AS_GIVEN}
    return SpawnerProfile(name, asked.title or name, asked.description, engine, settings, base, **more)


def _as_main(given: Given, trait: Trait, at: str, asked: ProfileGiven) -> Given:
    """The configuration with the profile's class as its spawner."""
    if asked.spawner is None:
        return given
    config = Config(_own_sections(given.config))
    config[MAIN[0]][MAIN[1]] = asked.spawner
    return replace(given, config=config, origins={**given.origins, MAIN: f"{trait}{at}"})


def _with_settings(given: Given, trait: Trait, at: str, section: Section, asked: ProfileGiven) -> Given:
    config = Config(_own_sections(given.config))
    for key, value in asked.settings.items():
        config[section.name][key] = value
    origins = {(section.name, key): f"{trait}{at}.settings" for key in asked.settings}
    return replace(given, config=config, origins={**given.origins, **origins})


def _own_sections(config: Config) -> dict[str, Any]:
    """The sections anew, with the values that they have: these may be changed without changing others' too."""
    return {
        name: Config(dict(traits)) if isinstance(traits, Config) else traits
        for name, traits in config.items()
    }


def _check_settings(
    given: Given, trait: Trait, at: str, section: Section, asked: ProfileGiven, *, is_plugin: bool
) -> None:
    """Of a class of JupyterHub's kind there is one object for all servers: most of its traits are the same for all."""
    known = given.names.acting_traits(section.name)
    for key in asked.settings:
        if key not in known:
            near = nearest(key, known)
            hint = f"; did you mean {near}?" if near else ""
            raise ConfigError(f"{trait}{at}.settings: {section.name} has no option {key!r}{hint}")
        if is_plugin and key not in KEPT_TO:
            why = "cannot differ by profile: set it in a class of its own"
            raise ConfigError(f"{trait}{at}.settings: {key} of {section.name} {why}")
