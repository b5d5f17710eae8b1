"""The helper process of PAM logins, with another PAM: names say what happens, and `right` is the password."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import web.authenticators

CHILD = Path(web.authenticators.__file__).with_name("pam_child.py")
PASSWORDS = {"right": None, "first": "123456"}  # and the second factor that goes with it


class PAMError(Exception):
    def __init__(self, errno: int) -> None:
        super().__init__(f"PAM error {errno}")
        self.errno = errno


def authenticate(name: str, secrets: Any, service: str, encoding: str, check: bool) -> None:
    assert (service, encoding, check) == ("hub", "utf8", False)
    if name == "hangs":
        subprocess.Popen(["sleep", "1000"])
        time.sleep(1000)
    if name == "dies":
        os._exit(3)
    if name == "talks":
        print("You have mail.", flush=True)
        subprocess.Popen(["sleep", "2"])
    if name == "away":
        raise PAMError(9)
    if secrets not in ("right", ("first", "123456")):
        raise PAMError(7)


def check_account(name: str, service: str, encoding: str) -> None:
    if name == "expired":
        raise PAMError(13)


def open_session(name: str, service: str, encoding: str) -> None:
    Path(os.environ["TZ"], f"{name}-session").write_text(service)


def close_session(name: str, service: str, encoding: str) -> None:
    raise PAMError(14)


fake: Any = ModuleType("pamela")
for member in (PAMError, authenticate, check_account, open_session, close_session):
    setattr(fake, member.__name__, member)
sys.modules["pamela"] = fake
runpy.run_path(str(CHILD), run_name="__main__")
