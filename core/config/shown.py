"""The configuration in force, as it may be shown: what differs from the defaults, without secrets."""

from __future__ import annotations

from typing import Any

from traitlets.config.loader import Config

from core.config.masking import describe
from core.config.reader import to_settings
from core.config.section import Given
from core.config.trait_names import SECTION_OF
from core.settings import Settings


def differing(settings: Settings) -> dict[str, dict[str, Any]]:
    """By class and name, as JSON has it."""
    found = {}
    shown, usual = describe(settings), describe(to_settings(Given(Config(), {}))[0])
    for part, values in shown.items():
        changed = {name: value for name, value in values.items() if value != usual[part][name]}
        if changed:
            found[SECTION_OF[type(getattr(settings, part))]] = changed
    return found


def as_text(settings: Settings) -> str:
    """One option a line, as a config file would have it."""
    return "\n".join(
        f"c.{section}.{name} = {value!r}"
        for section, values in differing(settings).items()
        for name, value in values.items()
    )
