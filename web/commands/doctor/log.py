"""Where the log lies, whether it can be written, and whether its last event is in the past."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from core.events.file.ballast import SIZE
from core.events.file.database import DatabaseError, open_to_look
from core.events.file.file_system import file_system
from core.events.file.reading import head_position, read_records
from core.secrets.secret_file import ENVIRONMENT, check_secret
from core.settings import ConfigError, Settings, database_path
from web.commands.doctor.finding import Finding, ok, problem, warning
from web.control.channel import is_answered

NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "fuse.glusterfs"})
LITTLE = 200 * 2**20  # bytes
NEEDED = 2 * SIZE  # the ballast, and as much for the log itself


def runs_already(settings: Settings) -> bool:
    try:
        return is_answered(database_path(settings.hub.db_url))
    except ConfigError:
        return False


def look_at_log(settings: Settings) -> Iterator[Finding]:
    path = database_path(settings.hub.db_url)
    if path == ":memory:":
        yield warning("log", "The log is kept in memory: the hub forgets everything when it ends.")
        return
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        yield problem("log", f"There is no folder {folder}.", f"mkdir -p {folder}")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield problem("log", f"{folder} cannot be written by this user.")
    yield from _disk(folder)
    yield from _content(path)


def _disk(folder: str) -> Iterator[Finding]:
    kind, free = file_system(folder), shutil.disk_usage(folder).free
    if kind in NETWORK:
        yield problem(
            "disk", f"{folder} is on {kind}: SQLite's log needs a local disk.", "Set c.JupyterHub.db_url."
        )
    if free < NEEDED:
        yield problem(
            "disk", f"There is no room left on the disk of {folder}: a hub needs {NEEDED // 2**20} MiB."
        )
    elif free < LITTLE:
        yield warning("disk", f"{free // 2**20} MiB are left on the disk of {folder}.")
    else:
        yield ok("disk", f"{free / 2**30:.1f} GiB are free in {folder} ({kind or 'of unknown kind'}).")


def _content(path: str) -> Iterator[Finding]:
    if not os.path.exists(path):
        yield ok("log", f"There is no log yet: the first start makes {path}.")
        return
    try:
        db = open_to_look(path)
    except DatabaseError as error:
        yield problem("log", str(error), "callboard verify says more.")
        return
    try:
        head = head_position(db)
        last = read_records(db, head - 1, 1) if head else []
    finally:
        db.close()
    yield ok("log", f"{path} has {head} events.")
    now = datetime.now(UTC)
    if last and last[-1].at > now:
        yield warning(
            "clock",
            f"The last event is of {last[-1].at:%Y-%m-%d %H:%M:%S} UTC, which is in the future.",
            CLOCK,
        )
    else:
        yield ok("clock", f"It is {now:%Y-%m-%d %H:%M:%S} UTC, after all that is recorded.")


CLOCK = "Set the machine's clock; chrony or systemd-timesyncd keeps it right."


def look_at_secret(settings: Settings) -> Iterator[Finding]:
    if settings.hub.cookie_secret or os.environ.get(ENVIRONMENT):
        yield ok("secret", "The cookie secret comes from the configuration or the environment.")
        return
    path = Path(settings.hub.cookie_secret_file).expanduser().absolute()
    if not path.exists():
        yield _no_secret(path, database_path(settings.hub.db_url))
        return
    try:
        check_secret(path)
    except ConfigError as error:
        yield problem("secret", f"{error}.")
        return
    yield ok("secret", f"{path} is its owner's alone.")


def _no_secret(path: Path, log: str) -> Finding:
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return problem(
            "secret", f"{path} cannot be made by this user.", "Set c.JupyterHub.cookie_secret_file."
        )
    if os.path.exists(log):
        return warning("secret", f"There is a log, but its secret file is gone: {path}.", LOST)
    return ok("secret", f"There is no secret file yet: the first start makes {path}.")


LOST = "With a new one people log in anew, and what is encrypted is lost: put it back from a backup, if there is one."
