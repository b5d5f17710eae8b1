"""The configuration in force, as it may be shown: what differs from the defaults, without secrets."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from core.config.masking import describe
from core.config.reader import to_settings
from core.config.section import Given
from core.config.trait_names import Names, section_of
from core.settings import Settings


def differing(settings: Settings, names: Names) -> dict[str, dict[str, Any]]:
    """By class and name, as JSON has it."""
    found: dict[str, dict[str, Any]] = {}
    usual = replace(to_settings(Given(names))[0], spawner=type(settings.spawner)())
    shown, by_default = describe(settings), describe(usual)
    for part, values in shown.items():
        for name, value in values.items():
            if value != by_default[part][name]:
                found.setdefault(section_of(getattr(settings, part), name), {})[name] = value
    return found


def as_text(settings: Settings, names: Names) -> str:
    """One option a line, as a config file would have it."""
    return "\n".join(
        f"c.{section}.{name} = {value!r}"
        for section, values in differing(settings, names).items()
        for name, value in values.items()
    )
