"""Whether everybody may run a program: it takes every folder on the way, and those of its interpreter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from web.commands.doctor.programs import closed_to_others


@pytest.fixture
def place() -> Iterator[Path]:
    """Open folders: a program in one, its interpreter in another, to which a link leads."""
    with TemporaryDirectory() as here:
        yield furnished(Path(here))


def furnished(here: Path) -> Path:
    for folder in (here, here / "bin", here / "python"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    (here / "python/python3").write_bytes(b"\x7fELF")
    (here / "bin/python").symlink_to(here / "python/python3")
    (here / "bin/serve").write_text(f"#!{here}/bin/python -I\nprint()\n")
    for file in ("python/python3", "bin/serve"):
        (here / file).chmod(0o755)
    return here


def test_where_all_is_open_nothing_is_found(place: Path) -> None:
    assert closed_to_others(str(place / "bin/serve")) is None
    assert closed_to_others(str(place / "bin/python")) is None


@pytest.mark.parametrize("closed", ["bin", "bin/serve", "python", "python/python3"])
def test_what_is_closed_on_the_way_is_named(place: Path, closed: str) -> None:
    (place / closed).chmod(0o750)
    assert closed_to_others(str(place / "bin/serve")) == place / closed


def test_an_interpreter_that_is_not_there_is_no_matter_of_rights(place: Path) -> None:
    (place / "bin/serve").write_text("#!/nowhere/python\n")
    assert closed_to_others(str(place / "bin/serve")) is None
