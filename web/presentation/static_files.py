"""Style sheets, scripts and pictures: read once, kept in memory, and cached by browsers for as long as they like.

A URL with the version in it never has another content. Where a script imports another of ours, the version goes with
it, so that a page never mixes the scripts of two releases.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

OURS = Path(__file__).parent / "static"

LARGEST = 8 * 2**20  # bytes: an administrator's directory may hold all sorts of things

_IMPORT = re.compile(rb"""((?:from|import)\s*\(?\s*["']\./[\w./-]+\.js)(["'])""")
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
_COMPRESSIBLE = ("text/", "image/svg", "application/json")


class StaticFile(Struct, frozen=True):
    """`packed`: the same with gzip, empty where that gains nothing."""

    content: bytes
    content_type: str
    tag: str
    packed: bytes = b""


class StaticFiles:
    def __init__(self, directories: Iterable[Path] = ()) -> None:
        """`directories`: what is in these comes before ours, by the same path."""
        found: dict[str, bytes] = {}
        for directory in (OURS, *directories):
            found |= _read_all(directory)
        whole = hashlib.sha512()
        for name, content in sorted(found.items()):
            whole.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = whole.hexdigest()
        self._files = {name: self._file(name, content) for name, content in found.items()}

    def get(self, path: str) -> StaticFile | None:
        return self._files.get(path)

    def _file(self, name: str, content: bytes) -> StaticFile:
        kind = type_of(name)
        if kind == "text/javascript":
            content = _IMPORT.sub(rb"\1?v=%b\2" % self.version.encode(), content)
        return StaticFile(
            content, kind, tag_of(content), _packed(content) if kind.startswith(_COMPRESSIBLE) else b""
        )


@lru_cache(maxsize=256)
def _packed(content: bytes) -> bytes:
    packed = gzip.compress(content, mtime=0)
    return packed if len(packed) < len(content) * 0.9 else b""


def type_of(name: str) -> str:
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def tag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _read_all(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.stat().st_size <= LARGEST
    }
