"""What all pages are made with: templates, static files, the logo, and the variables an administrator adds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from core.settings import HubSettings
from web.presentation.static_files import StaticFile, StaticFiles, tag_of, type_of
from web.presentation.templates_found import directories_of, environment, source_of
from web.presentation.wants import Wants, WantsOfTemplates
from web.texts.translate import spoken

logger = logging.getLogger("callboard.pages")

OUR_LOGO = "images/mark.svg"


class Presentation:
    """Built once: what is changed on the disk is seen by the next hub, or after a reload."""

    def __init__(self, settings: HubSettings) -> None:
        data = Path(settings.data_files_path) if settings.data_files_path else None
        self.static = StaticFiles([data / "static"] if data else [])
        directories = directories_of(settings)
        for directory in directories:
            if not Path(directory).is_dir() and directory in settings.template_paths:
                logger.warning("c.JupyterHub.template_paths: there is no directory %s", directory)
        self.templates = environment(directories)
        self._wants = WantsOfTemplates(self.templates, partial(source_of, directories))
        self._has_own_templates = bool(directories)
        self._names = frozenset(self.templates.list_templates(extensions=["html"]))
        self.variables: Mapping[str, Any] = settings.template_vars
        own = _logo(settings.logo_file)
        self.logo = own or self.static.get(OUR_LOGO)
        self.has_own_logo = own is not None
        self._prefix = f"{settings.base_url}hub/"

    def static_url(self, path: str, *, include_version: bool = True) -> str:
        """Of a static file. Without its version browsers ask for it anew each time."""
        url = f"{self._prefix}static/{path.lstrip('/')}"
        if not include_version:
            return url
        return f"{url}?v={self.script_version if path.endswith('.js') else self.static.version}"

    @property
    def script_version(self) -> str:
        """Of the scripts that go with a page in the language that is spoken now."""
        return self.static.version_in(spoken())

    def wants_of(self, template: str) -> Wants:
        """What this page is to have for what an administrator has written into it."""
        return self._wants.of(template) if self._has_own_templates else Wants()

    def has_template(self, name: str) -> bool:
        return name in self._names

    @property
    def logo_url(self) -> str:
        tag = self.logo.tag.strip('"') if self.logo else ""
        return f"{self._prefix}logo?v={tag}"


def _logo(path: str) -> StaticFile | None:
    """None also where it cannot be read: that is no reason not to start."""
    if not path:
        return None
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        logger.warning("c.JupyterHub.logo_file = %r: %s; pages show the usual one", path, why)
        return None
    return StaticFile(content, type_of(path), tag_of(content))
