"""The classes of JupyterHub's kind that a configuration chooses, and its settings for them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from core.config.plugins.classes import AUTHENTICATORS, SPAWNERS, Family, find_class
from core.config.plugins.lineage import lineage, traits_of
from core.config.plugins.traits import check, class_default, for_traitlets, relative
from core.config.section import Given, Section
from core.config.trait_names import AUTHENTICATORS as OWN_AUTHENTICATORS
from core.config.validation import Trait, convert
from core.settings import (
    AuthenticatorSettings,
    PluginAuthenticatorSettings,
    PluginSettings,
    PluginSpawnerSettings,
)

KEPT_TO = frozenset(
    {
        "consecutive_failure_limit",
        "hub_connect_url",
        "http_timeout",
        "oauth_client_allowed_scopes",
        "poll_interval",
        "poll_jitter",
        "server_token_scopes",
        "start_timeout",
    }
)
"""Of the traits of all spawners those that the hub itself keeps to; the class reads all of them."""


class Chosen(Struct, frozen=True):
    """`kind`: None where the configuration means one of ours. `related`: classes it sets traits of besides."""

    kind: type | None = None
    related: tuple[type, ...] = ()

    @property
    def classes(self) -> tuple[type, ...]:
        return (*self.related, self.kind) if self.kind is not None else ()


def chosen_spawner(given: Given) -> Chosen:
    """Raises ConfigError for what is none."""
    return _chosen(given, "spawner_class", SPAWNERS, given.names.spawners)


def chosen_authenticator(given: Given) -> Chosen:
    """Raises ConfigError for what is none."""
    return _chosen(given, "authenticator_class", AUTHENTICATORS, OWN_AUTHENTICATORS)


def _chosen(given: Given, name: str, family: Family, own: dict[str, str]) -> Chosen:
    value = given.config.get("JupyterHub", {}).get(name)
    if value is None:
        return Chosen()
    trait = Trait(given.origins["JupyterHub", name], "JupyterHub", name)
    found: list[type | str] = []
    convert(trait, value, str, lambda given: _note(found, find_class(given, family, own)))
    if isinstance(kind := found[-1], str):
        return Chosen()
    sections = given.config.keys() - {base.__name__ for base in lineage(kind)} - given.names.classes
    related = filter(None, (relative(family, section) for section in sorted(sections)))
    return Chosen(kind, tuple(related))


def _note(found: list[type | str], one: type | str) -> str:
    found.append(one)
    return ""


def plugin_settings(given: Given, chosen: Chosen) -> PluginSettings:
    """Raises ConfigError for a value that the class, or one it sets traits of besides, does not take."""
    traits: dict[str, Any] = {}
    for kind in chosen.classes:
        for section in (base.__name__ for base in lineage(kind)):
            values = given.config.get(section, {})
            for name in values.keys() & traits_of(kind):
                check(kind, name, values[name], Trait(given.origins[section, name], section, name))
                if name not in KEPT_TO:
                    traits[f"{section}.{name}"] = values[name]
    return PluginSettings(chosen.kind, for_traitlets(given.config), traits)


def plugin_spawner_settings(section: Section, kind: type, plugin: PluginSettings) -> PluginSpawnerSettings:
    """`section`: of the class. What the hub keeps to is as configured, else as the class has it."""
    usual = PluginSpawnerSettings(plugin=plugin)
    found = {
        field.name: section.read(
            field.name, field.type, class_default(kind, field.name, getattr(usual, field.name))
        )
        for field in fields(PluginSpawnerSettings)
        if field.name in KEPT_TO
    }
    return replace(usual, **found)


def plugin_authenticator_settings(
    common: AuthenticatorSettings, plugin: PluginSettings
) -> PluginAuthenticatorSettings:
    return PluginAuthenticatorSettings(
        plugin=plugin, **{name: getattr(common, name) for name in AuthenticatorSettings.__struct_fields__}
    )
