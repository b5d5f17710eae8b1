"""Images made without a registry: this machine's Python and what it links to, busybox as a shell, a server."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

PAGE_SERVER = Path(__file__).parents[1] / "integration/page_server.py"
COMMANDS = ("sh", "cat", "env", "false", "id", "ls", "mkdir", "sleep", "wget")
LEFT_OUT = re.compile(
    r"/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|pydoc_data)(/|$)"
    r"|/config-[^/]*(/|$)|\.a$|\.opt-[12]\.pyc$"
)


WITH_PIP = re.compile(LEFT_OUT.pattern.replace("ensurepip|", ""))
PIP_CONF = "[global]\nno-index = true\nfind-links = /wheels\ndisable-pip-version-check = true\n"
SINGLEUSER = "#!/bin/sh\nexec python3 -S -E /srv/page_server.py\n"


def python_image() -> bytes:
    """A file system as a tar archive. `python3 /srv/page_server.py` is the server that tests with hubs use.

    `jupyterhub-singleuser` is that server, too.
    """
    return _archive([*_python(), *_shell(), (PAGE_SERVER, "/srv/page_server.py")])


def base_image(wheels: Path) -> bytes:
    """What Dockerfiles begin with: Python with pip, whose index are these wheels, and libraries that they take."""
    packages = [(path, f"/wheels/{path.name}") for path in wheels.glob("*.whl")]
    installed = _tree(Path(sysconfig.get_path("platlib")), LEFT_OUT)
    libraries = _libraries(path for path, _ in installed if path.suffix == ".so")
    return _archive([*_python(WITH_PIP), *_shell(), *libraries, *packages])


def singleuser_image(environment: Path, packages: Path) -> bytes:
    """`python_image` with a virtual environment as it stands, at its path.

    `packages`: its site-packages, of which large ones that no server needs are left out.
    """
    unneeded = re.compile(
        r"/(playwright|mypy|schemathesis|jsonschema_rs|pip|ruff|babel/locale-data)(/|$)|__mypyc"
    )
    kept = [(path, name) for path, name in _tree(packages, LEFT_OUT) if not unneeded.search(name)]
    programs = _tree(environment / "bin", re.compile("/ruff$"))
    return _archive(
        [
            *_python(),
            *_shell(),
            *_libraries(path for path, _ in kept if path.suffix == ".so"),
            *programs,
            *kept,
            (environment / "pyvenv.cfg", str(environment / "pyvenv.cfg")),
            (PAGE_SERVER, "/srv/page_server.py"),
        ]
    )


Entry = tuple[Path, str]  # a file here, and its path in the image


def _python(left_out: re.Pattern[str] = LEFT_OUT) -> list[Entry]:
    interpreter = Path(sys.executable).resolve()
    standard = Path(sysconfig.get_path("stdlib"))
    files = list(_tree(standard, left_out))
    extensions = [path for path, _ in files if path.suffix == ".so"]
    return [
        (interpreter, str(interpreter)),
        *files,
        *_libraries([interpreter, *extensions]),
    ]


def _shell() -> list[Entry]:
    return [(Path("/bin/busybox").resolve(), "/bin/busybox")]


def _tree(root: Path, left_out: re.Pattern[str]) -> Iterator[Entry]:
    """`left_out`: of what is below `root`, with `/` before each name."""
    for directory, folders, names in os.walk(root):
        below = directory.removeprefix(str(root))
        folders[:] = [name for name in folders if not left_out.search(f"{below}/{name}")]
        for name in names:
            path = Path(directory, name)
            if path.exists() and not left_out.search(f"{below}/{name}"):
                yield path, str(path)


def _libraries(binaries: Iterable[Path]) -> Iterator[Entry]:
    """The shared libraries that these are linked to, the loader among them, at the paths where it seeks them."""
    said = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    found = re.findall(r"(/\S+\.so[.\d]*) \(0x", said)
    for name in sorted({os.path.normpath(path) for path in found}):  # some lead there by `..`
        yield Path(name), name


def _archive(entries: list[Entry]) -> bytes:
    made = io.BytesIO()
    interpreter = str(Path(sys.executable).resolve())
    with tarfile.open(fileobj=made, mode="w") as tar:
        written: set[str] = set()
        for path, name in entries:
            if name in written:
                continue
            written.add(name)
            if path.is_symlink() and str(path.resolve()) == interpreter:
                _link(
                    tar, name.lstrip("/"), interpreter
                )  # as those of an environment are, by a way of their own
            else:
                tar.add(path.resolve() if ".so" in name else path, name.lstrip("/"), recursive=False)
        for name in COMMANDS:
            _link(tar, f"bin/{name}", "busybox")
        for name in ("python", "python3"):
            _link(tar, f"usr/local/bin/{name}", interpreter)
        _file(tar, "usr/local/bin/jupyterhub-singleuser", SINGLEUSER, 0o755)
        _file(tar, "etc/pip.conf", PIP_CONF)
        _folder(tar, "tmp", 0o1777)
        _folder(tar, "home", 0o755)
        _file(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/home:/bin/sh\n")
    return made.getvalue()


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def _folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _file(tar: tarfile.TarFile, name: str, text: str, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), mode
    tar.addfile(entry, io.BytesIO(text.encode()))
