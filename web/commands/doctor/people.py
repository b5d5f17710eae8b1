"""Logging in: whether PAM can be asked, and whether anybody is let in."""

from __future__ import annotations

import grp
import os
from collections.abc import Iterator
from ctypes.util import find_library
from pathlib import Path

from core.config.logins.login_checks import login_warnings
from core.settings import PAMSettings, Settings
from web.commands.doctor.finding import Finding, ok, problem, warning

SERVICES = Path("/etc/pam.d")


def look_at_logins(settings: Settings) -> Iterator[Finding]:
    for text in login_warnings(settings):
        yield warning("logins", text)
    if settings.hub.authenticator_class in ("pam", "default"):
        yield from _pam(settings.pam)


def _pam(pam: PAMSettings) -> Iterator[Finding]:
    if not (SERVICES / pam.service).exists():
        yield problem(
            "logins", f"PAM has no service {pam.service!r} in {SERVICES}.", "Set c.PAMAuthenticator.service."
        )
        return
    if find_library("pam") is None:
        yield problem(
            "logins", "There is no libpam on this machine.", "Debian and Ubuntu: apt install libpam0g"
        )
        return
    if os.geteuid() == 0 or _is_in_shadow():
        yield ok("logins", f"PAM may be asked about every user (service {pam.service!r}).")
    else:
        yield warning(
            "logins",
            "As this user PAM can check nobody's password but this user's own.",
            "Run the hub as root, or as a member of the group shadow.",
        )


def _is_in_shadow() -> bool:
    try:
        return grp.getgrnam("shadow").gr_gid in os.getgroups()
    except KeyError:
        return False
