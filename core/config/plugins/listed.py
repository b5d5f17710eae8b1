"""The traits of classes of JupyterHub's kind, as a configuration file that changes nothing lists them."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from core.config.plugins.classes import full_name
from core.config.plugins.lineage import lineage
from core.config.trait_names import KNOWN_OF_JUPYTERHUB

WIDTH = 108


def lines_of(kind: type) -> Iterator[str]:
    """Of the class, and of those that it is derived from and that JupyterHub has not."""
    for base in lineage(kind):
        own: dict[str, Any] = base.class_own_traits(config=True)  # type: ignore[attr-defined]
        if base.__name__ in KNOWN_OF_JUPYTERHUB or not own:
            continue
        yield from ("", "", f"# {'-' * 100}", f"# {base.__name__} ({full_name(base)}, by the adapter)")
        yield f"# {'-' * 100}"
        for name in sorted(own):
            yield from _lines(base.__name__, name, own[name])


def _lines(section: str, name: str, trait: Any) -> Iterator[str]:
    """Its help in paragraphs, and its default."""
    yield ""
    for paragraph in inspect.cleandoc(trait.help or "").split("\n\n"):
        yield from textwrap.wrap(paragraph, WIDTH, initial_indent="# ", subsequent_indent="# ")
    for line in f"c.{section}.{name} = {trait.default_value_repr()}".splitlines():
        yield f"# {line}"
