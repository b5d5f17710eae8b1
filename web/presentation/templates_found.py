"""The templates: an administrator's first, then ours, which theirs may extend as `templates/page.html`.

Everything a template shows is escaped unless it came as `Markup`: HTML of the configuration, of nobody else.
The scripts and styles that an administrator writes into a template of their own are let through by the page's
Content-Security-Policy: they get its nonce when the template is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateNotFound,
    Undefined,
)
from markupsafe import Markup

from core.settings import HubSettings
from web.texts.templates import give_texts

OURS = Path(__file__).parent / "templates"

_INDENTATION = re.compile(r"^[ \t]+(?=<)", re.MULTILINE)
_TAG = re.compile(r"<(script|style|link)(?=[\s>])(?![^>]*\bnonce=)", re.IGNORECASE)


class TrustedLoader(FileSystemLoader):
    """Templates whose own scripts, styles and links are meant to work."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, name, is_fresh = super().get_source(environment, template)
        return _TAG.sub(r'<\1 nonce="{{ csp_nonce }}"', source), name, is_fresh


class LeanLoader(FileSystemLoader):
    """Our own templates, without the indentation of their tags: it would go over the line with each page."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, name, is_fresh = super().get_source(environment, template)
        return _INDENTATION.sub("", source), name, is_fresh


def source_of(directories: Iterable[str], name: str) -> str | None:
    """Of a template of the administrator's; None if they have none of this name."""
    for directory in directories:
        try:
            return FileSystemLoader(directory).get_source(Environment(), name)[0]  # noqa: S701 -- it is not rendered
        except TemplateNotFound:
            continue
    return None


def with_nonce(html: str, nonce: str) -> Markup:
    """HTML of the configuration, with the nonce on its scripts and styles. It may be a form that needs them."""
    return Markup(_TAG.sub(rf'<\1 nonce="{nonce}"', html))  # noqa: S704 -- an administrator's own HTML


def directories_of(settings: HubSettings) -> list[str]:
    """Of the administrator's own templates; the first wins."""
    data = settings.data_files_path
    return [*settings.template_paths, *([str(Path(data) / "templates")] if data else [])]


def loaders(directories: Iterable[str]) -> list[BaseLoader]:
    """Where a template is looked for, the first that has it wins. `directories`: of the administrator."""
    ours = LeanLoader(OURS)
    return [*map(TrustedLoader, directories), ours, PrefixLoader({"templates": ours})]


def environment(directories: Collection[str], options: dict[str, Any] | None = None) -> Environment:
    """`directories`: of the administrator, the first wins. `options`: of Jinja, besides ours."""
    made = Environment(
        **(options or {}),
        loader=ChoiceLoader(loaders(directories)),
        autoescape=True,
        undefined=Undefined if directories else StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    give_texts(made)
    return made
