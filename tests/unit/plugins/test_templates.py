"""What plug-ins do to the loaders of templates: one flat list of them, however often they wrap it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import ChoiceLoader, DictLoader, FileSystemLoader, PrefixLoader

from web.authenticators.jupyterhub import templates
from web.authenticators.jupyterhub.templates import environments


@pytest.fixture(autouse=True)
def nothing_brought_yet() -> Iterator[None]:
    before = list(templates._BROUGHT)
    templates._BROUGHT.clear()
    yield
    templates._BROUGHT[:] = before


OURS = DictLoader({"page.html": "ours {% block main %}{% endblock %}"})


def test_a_folder_that_is_added_at_every_request_is_added_once(tmp_path: Path):
    (tmp_path / "reset.html").write_text('{% extends "page.html" %}{% block main %}reset{% endblock %}')
    found = environments([OURS])
    env, at_once = found["jinja2_env"], found["jinja2_env_sync"]
    for _ in range(2000):
        env.loader = ChoiceLoader([env.loader, FileSystemLoader([str(tmp_path)])])  # as FirstUse does
    assert at_once.get_template("reset.html").render() == "ours reset"
    assert len(at_once.loader.loaders) == 2  # type: ignore[union-attr]


def test_what_one_has_brought_is_there_for_an_environment_made_later(tmp_path: Path):
    """NativeAuthenticator adds its folder once in the life of the process, whatever becomes of its thread."""
    (tmp_path / "signup.html").write_text("sign up")
    env = environments([OURS])["jinja2_env"]
    env.loader = ChoiceLoader([env.loader, FileSystemLoader([str(tmp_path)])])
    later = environments([OURS])["jinja2_env_sync"]
    assert later.get_template("signup.html").render() == "sign up"


def test_ours_come_first_and_can_be_extended_by_either_name(tmp_path: Path):
    (tmp_path / "page.html").write_text(
        '{% extends "templates/page.html" %}{% block main %}theirs{% endblock %}'
    )
    env = environments([OURS, PrefixLoader({"templates": OURS})])["jinja2_env_sync"]
    env.loader = ChoiceLoader([env.loader, FileSystemLoader([str(tmp_path)])])
    assert env.get_template("page.html").render() == "ours "
    assert env.get_template("templates/page.html").render() == "ours "
