"""The document as a page for people: every endpoint, by what it is about, with the scopes that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
HEAD = """# All endpoints

<!-- made from openapi.json by `make openapi` -->

[The OpenAPI document](openapi.json) has bodies and answers too.
[The REST API](rest-api.md) says how to use them. Paths are below `/hub/api`. Where several scopes are named, any one of
them will do; `-` is open to everybody.
"""


def as_page(document: Mapping[str, Any]) -> str:
    """Markdown. Tags are in the document's order, and so are the operations of each."""
    return "\n".join([HEAD, *(_about(tag, document["paths"]) for tag in document["tags"])])


def _about(tag: Mapping[str, str], paths: Mapping[str, Any]) -> str:
    rows = "\n".join(_rows(tag["name"], paths))
    return f"## {tag['name']}\n\n{tag['description']}\n\n| | scopes | |\n|---|---|---|\n{rows}\n"


def _rows(tag: str, paths: Mapping[str, Any]) -> Iterator[str]:
    for path, operations in paths.items():
        for method in METHODS:
            if (operation := operations.get(method)) and operation["tags"] == [tag]:
                yield f"| `{method.upper()} {path}` | {_needed(operation)} | {operation['summary']} |"


def _needed(operation: Mapping[str, Any]) -> str:
    """`any token`: the endpoint itself looks at what the caller may see or do."""
    ways = operation["security"]
    scopes = [f"`{scope}`" for way in ways for scope in way.get("token", ())]
    return ", ".join(scopes) or ("any token" if ways else "-")
