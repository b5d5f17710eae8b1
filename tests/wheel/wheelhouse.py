"""A folder of wheels: Callboard's, built from the tree, and what it asks for, made of what `make setup` has installed.

So pip installs as it would from an index, and resolves what the wheels say that they want, without one.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackagePath, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "projections", "spawners", "web")
SOURCES = (*PACKAGES, "callboard.py", "pyproject.toml", "README.md", "LICENSE")
NOT_PACKED = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}
_PYTHON = re.compile(rb"#!.*python.*")


def make_wheelhouse(folder: Path, *extras: str, beside: Sequence[str] = ()) -> Path:
    """All wheels that `pip install callboard[extras]` takes, and what is `beside` it. The path of Callboard's own."""
    folder.mkdir()
    wanted = _wanted("callboard", frozenset(extras)).union(*(_wanted(name, frozenset()) for name in beside))
    for name in sorted(wanted - {"callboard"}):
        _repack(distribution(name), folder)
    return build(folder)


def build(folder: Path) -> Path:
    """Callboard's wheel, of a copy: nothing is left in the tree, and nothing of an earlier build gets into it."""
    copy = folder / "source"
    copy.mkdir()
    for name in SOURCES:
        if (source := ROOT / name).is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    command = [*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(folder), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(copy)
    (wheel,) = folder.glob("callboard-*.whl")
    return wheel


def _wanted(name: str, extras: frozenset[str], seen: set[tuple[str, str]] | None = None) -> set[str]:
    """The names of all distributions that this one asks for here, itself among them."""
    seen = set() if seen is None else seen
    for extra in extras or {""}:
        if (name, extra) not in seen:
            seen.add((name, extra))
            for text in distribution(name).requires or []:
                need = Requirement(text)
                if need.marker is None or need.marker.evaluate({"extra": extra}):
                    _wanted(_normal(need.name), frozenset(need.extras) | {""}, seen)
    return {name for name, _ in seen}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# --- an installed distribution as a wheel again ---


def _repack(found: Distribution, folder: Path) -> None:
    info = next(file.parts[0] for file in found.files or [] if file.parts[0].endswith(".dist-info"))
    stem = info.removesuffix(".dist-info")
    tags = [
        line.split("-") for line in re.findall(r"^Tag: (.*)$", found.read_text("WHEEL") or "", re.MULTILINE)
    ]
    tag = "-".join(".".join(dict.fromkeys(part)) for part in zip(*tags, strict=True))
    record = io.StringIO()
    rows = csv.writer(record)
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as wheel:
        for file, name in _packed(found, stem):
            wheel.writestr(name, _content(file, name))
            rows.writerow((name, "", ""))
        rows.writerow((f"{info}/RECORD", "", ""))
        wheel.writestr(f"{info}/RECORD", record.getvalue())


def _packed(found: Distribution, stem: str) -> Iterator[tuple[PackagePath, str]]:
    """Each file that was in the wheel, and its name there. Scripts of entry points pip makes anew."""
    made = {entry.name for entry in found.entry_points}
    for file in found.files or []:
        if "__pycache__" in file.parts or file.name in NOT_PACKED:
            continue
        inside = PurePosixPath(*(part for part in file.parts if part != ".."))
        if ".." not in file.parts:
            yield file, str(file)
        elif inside.parts[0] != "bin":
            yield file, f"{stem}.data/data/{inside}"
        elif file.name not in made:
            yield file, f"{stem}.data/scripts/{file.name}"


def _content(file: PackagePath, name: str) -> bytes:
    content = Path(str(file.locate())).read_bytes()
    return _PYTHON.sub(b"#!python", content, count=1) if ".data/scripts/" in name else content
