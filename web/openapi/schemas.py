"""JSON schemas of the types that routes declare; those of structs stand by themselves, under their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")  # what the name of a component may not hold


class Schemas:
    """`components`: by name, in alphabetical order."""

    def __init__(self, types: Iterable[Any]) -> None:
        unique = list(dict.fromkeys(types))
        found, components = msgspec.json.schema_components(unique, ref_template=f"{_PREFIX}{{name}}")
        self._of: dict[Any, Schema] = {
            kind: _shown(schema) for kind, schema in zip(unique, found, strict=True)
        }
        shown = {_name(name): _shown(schema) for name, schema in components.items()}
        self.components = {name: _plain(shown[name]) for name in sorted(shown)}

    def of(self, kind: Any) -> Schema:
        return self._of[kind]


def fields(kind: type[msgspec.Struct]) -> tuple[dict[str, Schema], frozenset[str]]:
    """The schemas of a flat struct's fields by name, and which of them are required."""
    _, components = msgspec.json.schema_components([kind])
    (schema,) = components.values()
    return schema["properties"], frozenset(schema.get("required", ()))


def _name(name: str) -> str:
    """`User` for `UserModel`."""
    return _UNFIT.sub("_", name).strip("_").removesuffix("Model")


def _plain(schema: Schema) -> Schema:
    """Without its title; the indentation of docstrings is not the same in all Pythons."""
    plain = {key: value for key, value in schema.items() if key != "title"}
    return plain | ({"description": cleandoc(plain["description"])} if "description" in plain else {})


def _shown(schema: Any) -> Any:
    """The same schema, with references to what components are called in the document."""
    match schema:
        case {"$ref": str(reference)}:
            return {**schema, "$ref": _PREFIX + _name(reference.removeprefix(_PREFIX))}
        case dict():
            return {key: _shown(value) for key, value in schema.items()}
        case list():
            return [_shown(value) for value in schema]
        case _:
            return schema
