"""As whom a server runs: its home, its shell, its rights."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from core.errors import SpawnError

_DROP_RIGHTS = "setpriv"  # of util-linux
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GO_HOME = 'cd -- "$0" || cd /; unset OLDPWD; exec "$@"'


class Account(Struct, frozen=True):
    """`start_in`: the working directory the launcher changes to. `prefix`: what drops the rights, before the
    command. `owner`: user and group to write as, None if they are the hub's own.
    """

    user: str
    home: str
    shell: str
    start_in: str
    prefix: list[str] = []
    owner: tuple[int, int] | None = None

    def elsewhere(self, directory: str, umask: int | None) -> Account:
        """The same account, in another working directory and with another umask, if those are given."""
        place = f'cd -- "$0" || exit 126; {"" if umask is None else f"umask {umask:03o}; "}exec "$@"'
        if not directory and umask is None:
            return self
        return replace(self, prefix=[*self.prefix, "/bin/sh", "-c", place, directory or "."])


def hub_account(user: str, home_template: str) -> Account:
    """The hub's own rights, with a home of its own for each name; makes the home."""
    home = Path(home_template.format(username=user)).absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Account(user, str(home), _own_shell(), str(home))


def _own_shell() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_shell or "/bin/sh"
    except KeyError:
        return "/bin/sh"  # any number may run a container


def system_account(user: str) -> Account:
    """The system's user of that name. Raises SpawnError if there is none, or the hub may not act for it."""
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError) as error:
        raise SpawnError(f"This system has no user {user!r}.") from error
    shell = entry.pw_shell or "/bin/sh"
    if entry.pw_uid == os.geteuid():
        return Account(user, entry.pw_dir, shell, entry.pw_dir)
    if os.geteuid() != 0:
        raise SpawnError(f"The hub does not run as root and so cannot start a server as {user!r}.")
    setpriv = shutil.which(_DROP_RIGHTS, path=_SYSTEM_PATH)
    if setpriv is None:
        raise SpawnError("setpriv (of util-linux) is not installed: the hub cannot start servers for others.")
    groups = ",".join(map(str, os.getgrouplist(user, entry.pw_gid)))
    rights = [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", f"--groups={groups}"]
    # Only with its rights may a home on a network be entered.
    prefix = [setpriv, *rights, "--", "/bin/sh", "-c", _GO_HOME, entry.pw_dir]
    return Account(user, entry.pw_dir, shell, "/", prefix, (entry.pw_uid, entry.pw_gid))
