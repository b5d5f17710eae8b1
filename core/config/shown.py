"""The configuration in force, as it may be shown: what differs from the defaults, without secrets."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from core.config.masking import describe
from core.config.reader import to_settings
from core.config.section import Given
from core.config.trait_names import Names, section_of
from core.settings import PluginSettings, Settings


def differing(settings: Settings, names: Names) -> dict[str, dict[str, Any]]:
    """By class and name, as JSON has it."""
    found: dict[str, dict[str, Any]] = {}
    usual = replace(
        to_settings(Given(names))[0],
        spawner=type(settings.spawner)(),
        authenticator=type(settings.authenticator)(),
    )
    by_default = _by_name(usual)
    for (section, name), value in _by_name(settings).items():
        if (section, name) not in by_default or value != by_default[section, name]:
            found.setdefault(section, {})[name] = value
    return found


def _by_name(settings: Settings) -> dict[tuple[str, str], Any]:
    """Every option by class and name, those of plug-ins that are set too."""
    found: dict[tuple[str, str], Any] = {}
    for part, values in describe(settings).items():
        owner = getattr(settings, part)
        for name, value in values.items():
            if isinstance(getattr(owner, name), PluginSettings):
                found |= {_parted(trait): item for trait, item in value.items()}
            else:
                found[section_of(owner, name), name] = value
    return found


def _parted(trait: str) -> tuple[str, str]:
    section, _, name = trait.partition(".")
    return section, name


def as_text(settings: Settings, names: Names) -> str:
    """One option a line, as a config file would have it."""
    return "\n".join(
        f"c.{section}.{name} = {value!r}"
        for section, values in differing(settings, names).items()
        for name, value in values.items()
    )
