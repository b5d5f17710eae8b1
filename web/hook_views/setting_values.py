"""What hooks and options set, in the types that settings have."""

from __future__ import annotations

import logging
from functools import cache, partial
from typing import Any, get_type_hints

from msgspec import ValidationError, convert
from msgspec.structs import replace

from core.config.prepare import PREPARE
from core.errors import SpawnError
from core.settings import SpawnerSettings

logger = logging.getLogger("callboard.hooks")

_types = cache(partial(get_type_hints, include_extras=True))


def checked(settings: SpawnerSettings) -> SpawnerSettings:
    """All of them converted. Raises SpawnError (400)."""
    names = settings.__struct_fields__
    return replace(settings, **{name: converted(settings, name, getattr(settings, name)) for name in names})


def converted(settings: SpawnerSettings, name: str, value: Any) -> Any:
    """`"2G"` is a number of bytes, a word is a command. Raises SpawnError (400) for what cannot be this setting."""
    try:
        prepared = _prepared(settings, name, value)
        if name == "environment":
            return prepared
        return convert(prepared, _types(type(settings))[name], strict=False)
    except (ValueError, ValidationError) as error:
        raise SpawnError(f"The setting {name} of this start is invalid: {error}.", status=400) from error


def _prepared(settings: SpawnerSettings, name: str, value: Any) -> Any:
    if name in settings.prepare:
        return settings.prepare[name](value, _let_go)
    return PREPARE[name](value) if name in PREPARE else value


def _let_go(part: str, why: str) -> None:
    logger.debug("%s of a setting of this start does not act: %s", part, why)
