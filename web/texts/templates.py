"""Texts in templates: `{% trans %}` and `gettext()`, moments and numbers, in the language that is spoken meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import Environment

from web.texts import translate
from web.texts.catalogues import catalogue

EXTENSION = "jinja2.ext.i18n"
POLICIES: Mapping[str, Any] = MappingProxyType({"ext.i18n.trimmed": True})


def give_texts(environment: Environment) -> None:
    """`_` is not among them: templates of administrators have variables of that name."""
    environment.add_extension(EXTENSION)
    environment.policies.update(POLICIES)
    environment.globals.update(
        gettext=translate.gettext,
        ngettext=translate.ngettext,
        told=translate.told,
        moment_text=translate.moment,
    )


def texts_for_elsewhere() -> dict[str, Any]:
    """Variables for a template that is shown where no language is spoken, as in the thread of a plug-in."""
    translations = catalogue(translate.spoken()).translations
    return {"gettext": translations.gettext, "ngettext": translations.ngettext}
