"""The documentation as a site: its links lead somewhere, each page is in it, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT

pytestmark = pytest.mark.slow

_ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["'](?:https?:)?//"""
    r"""|<link\b(?=[^>]*\brel=["'](?:stylesheet|preload|icon))[^>]*\bhref=["'](?:https?:)?//"""
    r"""|url\(["']?(?:https?:)?//|@import"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make docs` makes it."""
    made = tmp_path_factory.mktemp("site")
    (recipe,) = re.findall(
        r"^\t\$\(BIN\)/sphinx-build (.*) -d \S+ docs \S+$", (ROOT / "Makefile").read_text(), re.M
    )
    command = [
        sys.executable,
        "-m",
        "sphinx",
        *recipe.split(),
        "-d",
        f"{made}/doctrees",
        str(DOCS),
        f"{made}/html",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "-W" in command
    assert done.returncode == 0, done.stderr
    return made / "html"


def test_each_page_is_in_it(site: Path) -> None:
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}
    assert pages == {str(page.relative_to(site).with_suffix("")) for page in site.rglob("*.html")} - {
        "genindex",
        "search",
    }


def test_it_fetches_nothing_from_elsewhere(site: Path) -> None:
    """No font, script, style or picture: it is read without a network."""
    files = [file for kind in ("*.html", "*.css") for file in site.rglob(kind)]
    assert {file.name: found for file in files if (found := _ELSEWHERE.findall(file.read_text()))} == {}


def test_a_link_that_leads_nowhere_is_no_site(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text((DOCS / "conf.py").read_text())
    (tmp_path / "index.md").write_text("# A page\n\n[Nowhere](#nowhere), [nothing](nothing.md).\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-q",
            "-n",
            "-W",
            "--keep-going",
            str(tmp_path),
            str(tmp_path / "html"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "nothing.md" in done.stderr
