"""What templates and HTML of an administrator want of the page that they are on.

Those written for JupyterHub rely on jQuery and RequireJS, on `window.jhdata`, or have attributes `style=`. Pages of
ours need none of it, so it is there where it is wanted and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, meta

_LIBRARIES = re.compile(r"\$\s*\(|\$\.\w|\bjQuery\b|\brequire(?:js)?\s*[(.]|\bdefine\s*\(")
_SCRIPT = re.compile(r"<script(?=[\s>])", re.IGNORECASE)
_STYLE_ATTRIBUTE = re.compile(r"<[a-z][^<>]*\sstyle\s*=", re.IGNORECASE)


class Wants(NamedTuple):
    """`data`: the page's own, while it is being read. `style_attributes`: to be let through by its policy."""

    libraries: bool = False
    data: bool = False
    style_attributes: bool = False

    def __or__(self, other: Wants) -> Wants:
        return Wants(*(mine or its for mine, its in zip(self, other, strict=True)))


def wants_of(html: str) -> Wants:
    """Of HTML, or of the source of a template."""
    has_script = _SCRIPT.search(html) is not None
    return Wants(
        has_script and _LIBRARIES.search(html) is not None,
        has_script,
        _STYLE_ATTRIBUTE.search(html) is not None,
    )


class WantsOfTemplates:
    """Looked up once for each template: with all that it extends, includes and imports.

    `source_of`: of an administrator's template; None for a name that is ours alone.
    """

    def __init__(self, templates: Environment, source_of: Callable[[str], str | None]) -> None:
        self._templates = templates
        self._source_of = source_of
        self._known: dict[str, Wants] = {}

    def of(self, name: str) -> Wants:
        if name not in self._known:
            self._known[name] = self._look(name, set())
        return self._known[name]

    def _look(self, name: str, seen: set[str]) -> Wants:
        seen.add(name)
        source = self._source_of(name)
        found = Wants() if source is None else wants_of(source)
        for other in self._named_in(name):
            if other not in seen:
                found |= self._look(other, seen)
        return found

    def _named_in(self, name: str) -> list[str]:
        """The templates that one names; none where it cannot be read: rendering it says why."""
        assert self._templates.loader is not None
        try:
            source, _, _ = self._templates.loader.get_source(self._templates, name)
            names = meta.find_referenced_templates(self._templates.parse(source))
        except (TemplateNotFound, TemplateSyntaxError):
            return []
        return [other for other in names if other is not None]
