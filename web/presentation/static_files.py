"""Style sheets, scripts and pictures: read once, kept in memory, and cached by browsers for as long as they like.

A URL with the version in it never has another content. Where a script imports another of ours, the version goes with
it, so that a page never mixes the scripts of two releases, nor of two languages: scripts come in each, and the version
ends in it.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from msgspec import Struct

from web.presentation.script_texts import in_language
from web.texts.catalogues import path_of
from web.texts.languages import ENGLISH, LANGUAGES

OURS = Path(__file__).parent / "static"

VERSION_DIGITS = 20  # it stands in every address
LARGEST = 8 * 2**20  # bytes: an administrator's directory may hold all sorts of things

_IMPORT = re.compile(rb"""((?:from|import)\s*\(?\s*["']\./[\w./-]+\.js)(["'])""")
_COMMENT_LINE = re.compile(rb"^[ \t]*//[^\n]*\n", re.MULTILINE)
_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_INDENTATION = re.compile(rb"^[ \t\n]+", re.MULTILINE)
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
        found = dict(_ours())
        for directory in directories:
            found |= _read_all(directory)
        whole = hashlib.sha512()
        for name, content in sorted(found.items()):
            whole.update(f"{name}\0{len(content)}\0".encode() + content)
        for language in LANGUAGES.keys() - {ENGLISH}:
            whole.update(path_of(language).read_bytes())
        self.version = whole.hexdigest()[:VERSION_DIGITS]
        self._found = found
        self._files = {(name, ENGLISH): self._file(name, ENGLISH) for name in found}

    def get(self, path: str, language: str = ENGLISH) -> StaticFile | None:
        """`language`: which only scripts come in. The first who wants one in it has it made."""
        if language == ENGLISH or path not in self._found or not is_script(path):
            return self._files.get((path, ENGLISH))
        if (path, language) not in self._files:
            self._files[path, language] = self._file(path, language)
        return self._files[path, language]

    def version_in(self, language: str) -> str:
        return self.version if language == ENGLISH else f"{self.version}.{language}"

    def _file(self, name: str, language: str) -> StaticFile:
        return _served(name, self._found[name], language, self.version_in(language))


@lru_cache(maxsize=1024)
def _served(name: str, content: bytes, language: str, version: str) -> StaticFile:
    kind = type_of(name)
    if is_script(name):
        content = in_language(content, language)
        content = _IMPORT.sub(rb"\1?v=%b\2" % version.encode(), content)
    packed = _packed(content) if kind.startswith(_COMPRESSIBLE) else b""
    return StaticFile(content, kind, tag_of(content), packed)


@cache
def _ours() -> dict[str, bytes]:
    """They are as they were installed for as long as the program runs."""
    return {name: _lean(name, content) for name, content in _read_all(OURS).items()}


def _lean(name: str, content: bytes) -> bytes:
    """Our own scripts and style sheets without what is for those who read them here: comments and indentation."""
    if name.startswith("js/"):
        return _INDENTATION.sub(b"", _COMMENT_LINE.sub(b"", content))
    return _INDENTATION.sub(b"", _COMMENT.sub(b"", content)) if name.startswith("css/") else content


def is_script(path: str) -> bool:
    return type_of(path) == "text/javascript"


def language_of(version: str) -> str:
    """The one that a version in a URL ends in; English for one that there is not."""
    language = version.rpartition(".")[2]
    return language if language in LANGUAGES else ENGLISH


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
