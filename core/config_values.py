"""One value of a config file, made into the type its setting wants.

As strict as JupyterHub's traits (True is no number, a str is no list), with the liberties people rely on: one
word for a command, a list for a set, whole numbers for seconds. A refusal is one line: where the value comes
from, its name, the value unless it is secret, and what is allowed.
"""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from core.config import ConfigError
from core.config_names import AUTHENTICATORS, SPAWNERS
from core.masking import HIDDEN, is_secret, show

S = TypeVar("S", bound=Struct)


class Trait(Struct, frozen=True):
    """A trait as somebody set it. `origin`: the file that did, or the command line."""

    origin: str
    section: str
    name: str

    def __str__(self) -> str:
        return f"{self.origin}: c.{self.section}.{self.name}"

    def refuse(self, value: Any, allowed: str, at: str = "") -> ConfigError:
        """The error to raise. `at`: which part of the trait's value it is about, such as `[0].name`."""
        inner = re.findall(r"\w+", at)
        hidden = is_secret(self.name) or any(is_secret(name) for name in inner)
        shown = HIDDEN if hidden else show(value, inner[-1] if inner else self.name)
        return ConfigError(f"{self}{at} = {shown}: {allowed}")


class Word(str):
    """A value from the command line: a Python literal if it reads as one, else the text itself."""

    __slots__ = ()


def convert(trait: Trait, value: Any, to: Any) -> Any:
    """The value as the type `to`. Raises ConfigError."""
    if not isinstance(value, Word):
        return _convert(trait, value, to, strict=True)
    try:
        return _convert(trait, ast.literal_eval(value), to, strict=True)
    except ConfigError as error:
        try:
            return _convert(trait, str(value), to, strict=False)  # "1" is a file's name as well
        except ConfigError:
            raise error from None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _convert(trait, str(value), to, strict=False)


def convert_struct(trait: Trait, value: Any, to: type[S], at: str = "") -> S:
    """A dict as the struct `to`, saying which fields there are where it has one of its own."""
    if not isinstance(value, Mapping):
        raise trait.refuse(value, f"expected a dict, got {type(value).__name__}", at)
    unknown = [key for key in value if key not in to.__struct_fields__]
    if unknown:
        allowed = ", ".join(to.__struct_fields__)
        raise ConfigError(f"{trait}{at}: unknown field {unknown[0]!r}; the fields are {allowed}")
    result: S = _convert(trait, dict(value), to, strict=True, at=at)
    return result


def _convert(trait: Trait, value: Any, to: Any, *, strict: bool, at: str = "") -> Any:
    try:
        prepared = PREPARE[trait.name](value) if trait.name in PREPARE and not at else value
        return msgspec.convert(prepared, to, strict=strict)
    except msgspec.ValidationError as error:
        message, path = _split(str(error))
        if path.startswith(("[...]", "key")) and isinstance(prepared, dict):
            return _blame_an_item(trait, prepared, to, at, _in_python_words(message))
        culprit = _follow(prepared, path)
        raise trait.refuse(culprit, _in_python_words(message), at + path) from None
    except ValueError as error:
        raise trait.refuse(value, str(error), at) from None


def _blame_an_item(trait: Trait, items: dict[Any, Any], to: Any, at: str, allowed: str) -> Any:
    for key, item in items.items():
        try:
            msgspec.convert({key: item}, to)
        except msgspec.ValidationError:
            part = "" if is_secret(trait.name) else f"[{key!r}]"
            raise trait.refuse(item, allowed, at + part) from None
    raise trait.refuse(items, allowed, at)


def _split(message: str) -> tuple[str, str]:
    """msgspec's "Expected `str`, got `int` - at `$[0].name`" as what is wrong, and `[0].name`."""
    text, _, place = message.partition(" - at ")
    if place.startswith("`key` in"):
        return text, "key"
    return text, place.strip("`").removeprefix("$")


def _follow(value: Any, path: str) -> Any:
    for index, name in re.findall(r"\[(\d+)\]|\.(\w+)", path):
        value = list(value)[int(index)] if index else value.get(name)
    return value


_WORDS = {"array": "list", "object": "dict", "null": "None", "float": "number", "bool": "True or False"}


def _in_python_words(message: str) -> str:
    expected, got, what = message.partition(", got ")
    expected = re.sub(r"array|object|null|float|bool", lambda match: _WORDS[match[0]], expected)
    what = re.sub(r"array|object|null", lambda match: _WORDS[match[0]], what)
    text = (expected + got + what).replace("`", "").replace(" | ", " or ")
    return text[0].lower() + text[1:]


def words(value: Any) -> Any:
    """A command of one word may be given as just that."""
    return [value] if isinstance(value, str) else value


def _hex(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _log_level(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        value = logging.getLevelName(value)
    if value not in ("NOTSET", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("expected DEBUG, INFO, WARN, ERROR, CRITICAL or their numbers 0, 10, ..., 50")
    return value


def _keys(value: Any) -> Any:
    """Raw keys as hex; one alone is a list of one."""
    given = [value] if isinstance(value, str | bytes) else value
    return [_hex(key) for key in given] if isinstance(given, list | tuple) else given


def _none_is_unset(value: Any) -> Any:
    return "" if value is None else value


def _class_name(names: dict[str, str]) -> Callable[[Any], str]:
    short = {name: short for short, name in reversed(names.items())}

    def canonical(value: Any) -> str:
        """The short name of a class that is given as such, or by its short or dotted name."""
        text = f"{value.__module__}.{value.__qualname__}" if isinstance(value, type) else str(value)
        if text.lower() in names:
            return short[names[text.lower()]]
        module, _, name = text.rpartition(".")
        if name in short and module.partition(".")[0] in ("", "jupyterhub", "spawners", "web"):
            return short[name]
        raise ValueError(f"the ones there are: {', '.join(sorted(set(short.values())))}")

    return canonical


def _function(value: Any) -> Any:
    if value is not None and not callable(value):
        raise ValueError("expected a function, or None")
    return value


def _options_to_traits(value: Any) -> Any:
    if isinstance(value, dict):
        if not all(isinstance(name, str) for pair in value.items() for name in pair):
            raise ValueError("expected a dict from the names of options to those of the spawner's settings")
        return dict(value)
    return _function(value)


def _form_reader(value: Any) -> Any:
    return value if value in ("passthrough", "simple") else _function(value)


def _log_handlers(value: Any) -> Any:
    found = value() if callable(value) else value
    if not isinstance(found, list) or not all(isinstance(handler, logging.Handler) for handler in found):
        raise ValueError("expected a list of logging handlers")
    return found


PREPARE: dict[str, Callable[[Any], Any]] = {
    "pre_spawn_hook": _function,
    "auth_state_hook": _function,
    "post_auth_hook": _function,
    "keys": _keys,
    "progress_ready_hook": _function,
    "apply_user_options": _options_to_traits,
    "options_from_form": _form_reader,
    "handlers": _log_handlers,
    "cmd": words,
    "shell_cmd": words,
    "cookie_secret": _hex,
    "log_level": _log_level,
    "hub_connect_url": _none_is_unset,
    "spawner_class": _class_name(SPAWNERS),
    "authenticator_class": _class_name(AUTHENTICATORS),
}
