"""The secret behind cookies and derived tokens: made once, kept in a file that only the hub reads.

Format and names are JupyterHub's, so that a hub that moves here keeps its cookies valid.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from core.settings import ConfigError

SECRET_BYTES = 32
ENVIRONMENT = "JPY_COOKIE_SECRET"

_FILE_CONTENT = re.compile(r"[0-9a-fA-F]{64}")


def load_or_make_secret(path: Path, given: str) -> bytes:
    """32 bytes: from the configuration (`given`, hex), else the environment, else the file, else made there.

    Raises ConfigError for a secret that is malformed or that others may read.
    """
    if given:
        return _from_hex(given, "c.JupyterHub.cookie_secret")
    if os.environ.get(ENVIRONMENT):
        return _from_hex(os.environ[ENVIRONMENT], ENVIRONMENT)
    path = path.expanduser()
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise _out_of_reach(path, error) from error


def check_secret(path: Path) -> None:
    """What a hub would say of a file that is there. Raises ConfigError."""
    try:
        _read(path)
    except OSError as error:
        raise _out_of_reach(path, error) from error


def _out_of_reach(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path}: the secret file is out of reach: {error.strerror}")


def derive(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose, such as `"proxy"`, which tell nothing about the secret or other purposes."""
    return hmac.digest(secret, f"callboard {purpose}".encode(), "sha256")


def _from_hex(text: str, name: str) -> bytes:
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        raise ConfigError(f"{name}: expected hexadecimal digits") from None
    if len(secret) < SECRET_BYTES:
        raise ConfigError(f"{name}: expected {2 * SECRET_BYTES} hexadecimal digits, got {2 * len(secret)}")
    return secret if len(secret) == SECRET_BYTES else sha256(secret).digest()


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise ConfigError(f"{path}: others may use this secret (mode {mode:o}): chmod 600 {path}")
        text = file.read(200).decode("ascii", "replace").strip()
    if not _FILE_CONTENT.fullmatch(text):
        raise ConfigError(f"{path}: expected {2 * SECRET_BYTES} hexadecimal digits (openssl rand -hex 32)")
    return bytes.fromhex(text)


def _make(path: Path) -> None:
    """All of the file or nothing of it appears, also after a power cut; of two makers the first one wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
