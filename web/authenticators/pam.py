"""Users of the system log in with the password they have there, as PAM sees it.

A hub that does not run as root can check only the password of its own account: that is how the system's
password module works.
"""

from __future__ import annotations

import logging
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from core.errors import ForbiddenError, InvalidError, UnavailableError
from core.naming.names import MAX_USER_NAME
from core.naming.user_names import UserNames
from core.plugins.authenticator import Credentials, Login
from core.settings import Settings
from web.authenticators.helper_process import HelperProcess

CHILD = (sys.executable, "-I", str(Path(__file__).with_name("pam_child.py")))
MAX_PASSWORD = 4096  # characters

logger = logging.getLogger("callboard.login")


class PAMAuthenticator:
    def __init__(self, settings: Settings, names: UserNames, command: Sequence[str] = CHILD) -> None:
        """`command`: of the helper process."""
        self._pam = settings.pam
        self._local = settings.local_users
        self._names = names
        self._admins = frozenset(map(names.normalize, settings.authenticator.admin_users))
        self._helper = HelperProcess(
            command, at_once=settings.pam.executor_threads, seconds=settings.pam.pam_timeout
        )
        self._looking_up = trio.CapacityLimiter(4)
        self._creating = trio.Lock()
        self.opens_sessions = settings.pam.open_sessions

    async def authenticate(self, credentials: Credentials) -> Login | None:
        name, password = credentials.get("username"), credentials.get("password")
        otp = credentials.get("otp")
        if not _is_usable(name, MAX_USER_NAME) or not _is_usable(password, MAX_PASSWORD):
            return None
        if otp is not None and not _is_usable(otp, MAX_PASSWORD):
            return None
        answer = await self._helper.ask(
            "log_in",
            name=name,
            password=password,
            otp=otp,
            service=self._pam.service,
            encoding=self._pam.encoding,
            check_account=self._pam.check_account,
            normalize=self._pam.pam_normalize_username,
        )
        match answer["outcome"]:
            case "known":
                return await self._login(answer["name"])
            case "wrong":
                return None
            case "forbidden":
                logger.warning("%r may not log in: %s", name, answer["reason"])
                raise ForbiddenError("This account may not be used at the moment.")
            case _:
                logger.error("PAM cannot say whether %r may log in: %s", name, answer["reason"])
                raise UnavailableError("This system cannot say who you are. Please tell its administrators.")

    async def _login(self, name: str) -> Login:
        """With what the groups of the system say, where they are asked. Who is in no admin group is none by them."""
        wanted = self._pam.admin_groups | self._local.allowed_groups
        if not wanted:
            return Login(name)
        stored = self._names.normalize(name)
        answer = await self._helper.ask("groups_of", name=stored, groups=sorted(wanted))
        member_of = set(answer["groups"])
        admin = None
        if self._pam.admin_groups and stored not in self._admins:
            admin = not member_of.isdisjoint(self._pam.admin_groups)
        return Login(name, admin=admin, allowed=not member_of.isdisjoint(self._local.allowed_groups))

    # --- users of the system ---

    async def check_new_user(self, name: str) -> None:
        if await self._is_of_system(name):
            return
        if not self._local.create_system_users:
            raise InvalidError(
                f"User {name} does not exist on this system, and c.LocalAuthenticator.create_system_users is off."
            )
        await self._add_system_user(name)

    async def check_user(self, name: str) -> None:
        """As for a new one: the account may have been removed since, and may be made again."""
        await self.check_new_user(name)

    async def _is_of_system(self, name: str) -> bool:
        """In a thread, for hundreds of users are made at once, and a process for each would take its time."""
        with trio.move_on_after(self._pam.pam_timeout):
            return await trio.to_thread.run_sync(
                _has_account, name, abandon_on_cancel=True, limiter=self._looking_up
            )
        raise UnavailableError("This system does not answer at the moment. Please try again later.")

    async def _add_system_user(self, name: str) -> None:
        """One at a time: the tools that do it lock each other out. It is waited for, come what may."""
        if name.startswith("-"):
            raise InvalidError(f"A user of this system cannot be called {name!r}.")
        uid = self._local.uids.get(name)
        words = [word.replace("USERNAME", name) for word in self._local.add_user_cmd]
        command = [*words, *([] if uid is None else ["--uid", str(uid)]), name]
        async with self._creating:
            logger.info("creating the user %s of this system", name)
            with trio.CancelScope(shield=True):
                done = await trio.run_process(
                    command, check=False, capture_stdout=True, stderr=subprocess.STDOUT
                )
        if done.returncode:
            said = done.stdout.decode(errors="replace").strip()[-500:]
            logger.error("the user %s of this system was not created: %s", name, said)
            raise InvalidError(f"User {name} could not be created on this system.")

    # --- sessions ---

    async def open_session(self, name: str) -> None:
        await self._session("open_session", name)

    async def close_session(self, name: str) -> None:
        await self._session("close_session", name)

    async def _session(self, question: str, name: str) -> None:
        """After the first failure no more are opened or closed. Source: JupyterHub 6.1.1."""
        if not self.opens_sessions:
            return
        try:
            await self._helper.ask(
                question, name=name, service=self._pam.service, encoding=self._pam.encoding
            )
        except UnavailableError:
            logger.warning("%s failed for %s: there are no PAM sessions from now on", question, name)
            self.opens_sessions = False


def _has_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except (KeyError, ValueError):  # a name with a null character is nobody's
        return False
    return True


def _is_usable(text: object, longest: int) -> bool:
    return isinstance(text, str) and 0 < len(text) <= longest and "\0" not in text
