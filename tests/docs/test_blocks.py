"""Each block of the documentation says what it is, and configurations load: all that needs no machine."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import jinja2
import pytest

from spawners.configuration import load_settings
from tests.docs.blocks import ALL, PAGES, Block, name_of
from tests.docs.console import commands
from tests.plugins.environments import NAMES

JINJA = jinja2.Environment(extensions=["jinja2.ext.i18n"])
LANGUAGES = {"console", "python", "toml", "json", "jinja", "text"}
CONFIGURATIONS = [
    block
    for block in ALL
    if block.language in ("python", "toml") and block.note("program") is None and block.note("with") is None
]


@pytest.mark.parametrize("block", [block for block in ALL if block.text], ids=str)
def test_a_block_says_what_it_is(block: Block) -> None:
    """Nothing is indented: what is shown so, no test would look at."""
    assert block.language in LANGUAGES or block.language.startswith("{"), "name its language"
    if block.language == "console":
        assert list(commands(block.text))
        assert block.note("not run") != "", "say why it is not run"
        assert (block.note("exit") or "0").isdecimal()
    if (environment := block.note("with")) is not None:
        assert environment in NAMES
    {"python": ast.parse, "toml": tomllib.loads, "json": json.loads, "jinja": JINJA.parse}.get(
        block.language, str
    )(block.text)


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
def test_a_configuration_is_one(block: Block, tmp_path: Path) -> None:
    """Every line of it acts: the loader has nothing to remark on."""
    file = tmp_path / f"hub.{'py' if block.language == 'python' else 'toml'}"
    file.write_text(block.text)
    _, notes = load_settings([file], [])
    assert [str(note) for note in notes] == []


def test_there_are_some() -> None:
    assert len(CONFIGURATIONS) >= 20


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_say_where_they_lead(page: Path) -> None:
    """Not as files are called: on the site there are none. README.md is read where they lie."""
    named = re.findall(r"\[[\w./-]+\.md\]\(", page.read_text())
    assert named == [] or page.name == "README.md"
