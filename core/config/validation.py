"""Validates one value of a config file, and makes it into the type its setting wants.

As strict as JupyterHub's traits (True is no number, a str is no list), with the liberties people rely on: one
word for a command, a list for a set, whole numbers for seconds. A refusal is one line: where the value comes
from, its name, the value unless it is secret, and what is allowed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from core.config.masking import HIDDEN, is_secret, kind_of, show
from core.config.prepare import PREPARE
from core.settings import ConfigError

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


def convert(trait: Trait, value: Any, to: Any, prepare: Callable[[Any], Any] | None = None) -> Any:
    """The value as the type `to`. Raises ConfigError. `prepare`: in place of what PREPARE has for the trait."""
    convert_as = partial(_convert, trait, to=to, prepare=prepare)
    if not isinstance(value, Word):
        return convert_as(value, strict=True)
    try:
        return convert_as(ast.literal_eval(value), strict=True)
    except ConfigError as error:
        try:
            return convert_as(str(value), strict=False)  # "1" is a file's name as well
        except ConfigError:
            raise error from None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return convert_as(str(value), strict=False)


def convert_struct(trait: Trait, value: Any, to: type[S], at: str = "") -> S:
    """A dict as the struct `to`, saying which fields there are where it has one of its own."""
    if not isinstance(value, Mapping):
        raise trait.refuse(value, f"expected a dict, got {kind_of(value)}", at)
    unknown = [key for key in value if key not in to.__struct_fields__]
    if unknown:
        allowed = ", ".join(to.__struct_fields__)
        raise ConfigError(f"{trait}{at}: unknown field {unknown[0]!r}; the fields are {allowed}")
    result: S = _convert(trait, dict(value), to, strict=True, at=at)
    return result


def _convert(
    trait: Trait,
    value: Any,
    to: Any,
    *,
    strict: bool,
    at: str = "",
    prepare: Callable[[Any], Any] | None = None,
) -> Any:
    prepare = prepare or PREPARE.get(trait.name)
    try:
        prepared = prepare(value) if prepare is not None and not at else value
        return msgspec.convert(prepared, to, strict=strict)
    except msgspec.ValidationError as error:
        message, path = _split(str(error))
        if path.startswith(("[...]", "key")) and isinstance(prepared, dict):
            return _blame_an_item(trait, prepared, to, at, _in_python_words(message))
        culprit = _follow(prepared, path)
        raise trait.refuse(culprit, _in_python_words(_of_classes(message, culprit)), at + path) from None
    except ValueError as error:
        raise trait.refuse(value, str(error), at) from None


def _of_classes(message: str, culprit: Any) -> str:
    """msgspec calls a class by its metaclass."""
    return message.replace(f"`{type(culprit).__name__}`", "a class") if isinstance(culprit, type) else message


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
