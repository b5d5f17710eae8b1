"""The secrets that a database is worth little without: they are files and keys of the hub, and in no log."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from core.secrets.crypt import CryptKeeper, SealError
from core.secrets.secret_file import ENVIRONMENT
from web.moving.rows import MovingError, Row, raw

USUAL = "jupyterhub_cookie_secret"


def whose_secret(database: Path | None, ours: Path, given: str) -> list[str]:
    """What is to be said of the secret that signs cookies."""
    if given or os.environ.get(ENVIRONMENT) or ours.expanduser().exists():
        return []
    if _beside(database) is not None:
        return [f"The secret of cookies will be copied to {ours}."]
    return [
        f"The secret of cookies is not at {ours}: put JupyterHub's {USUAL} there before you move in, "
        "or everybody logs in anew."
    ]


def carry_secret(database: Path | None, ours: Path, given: str) -> list[str]:
    """Copy it from beside the database, unless there is one already; what is to be said of it."""
    notes = whose_secret(database, ours, given)
    theirs = _beside(database)
    if notes and theirs is not None:
        try:
            descriptor = os.open(
                ours.expanduser(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            with open(descriptor, "wb") as target, theirs.open("rb") as source:
                shutil.copyfileobj(source, target)
        except OSError as error:
            raise MovingError(
                f"The secret of cookies cannot be copied to {ours}: {error.strerror}."
            ) from error
        return [f"The secret of cookies is copied to {ours}."]
    return notes


def _beside(database: Path | None) -> Path | None:
    found = None if database is None else database.with_name(USUAL)
    return found if found is not None and found.is_file() else None


def unreadable(users: Iterable[Row], keeper: CryptKeeper) -> list[str]:
    """What is to be said where encrypted auth state comes that no key of this hub opens."""
    states = [sealed for user in users if (sealed := raw(user["encrypted_auth_state"])) is not None]
    closed = sum(1 for sealed in states if not _opens(keeper, sealed))
    if not closed:
        return []
    return [
        f"{closed} of {len(states)} auth states stay closed: set JUPYTERHUB_CRYPT_KEY or c.CryptKeeper.keys to "
        "JupyterHub's keys."
    ]


def _opens(keeper: CryptKeeper, sealed: bytes) -> bool:
    try:
        keeper.open(sealed)
    except SealError:
        return False
    return True
