"""Asks a question in a process of its own: so many at once, and each only for so long."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

import msgspec
import trio

from core.errors import ThrottledError, UnavailableError

WAITING = 500  # questions; the login gate lets no one place ask more than a few of them
KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "KRB5_CONFIG", "KRB5CCNAME", "TZ")

logger = logging.getLogger("callboard.login")


class HelperProcess:
    def __init__(self, command: Sequence[str], *, at_once: int, seconds: float) -> None:
        self._command = list(command)
        self._room = trio.CapacityLimiter(at_once)
        self._seconds = seconds

    async def ask(self, question: str, **details: Any) -> dict[str, Any]:
        """The answer. Raises UnavailableError where there is none in time, ThrottledError where too many ask."""
        if self._room.statistics().tasks_waiting >= WAITING:
            raise ThrottledError("Too many people log in at once. Please wait a moment.", 10)
        async with self._room:
            with trio.move_on_after(self._seconds):
                return await self._run(msgspec.json.encode({"question": question, **details}), question)
        logger.warning("%s: no answer within %g seconds", question, self._seconds)
        raise UnavailableError("This system does not answer at the moment. Please try again later.")

    async def _run(self, sent: bytes, question: str) -> dict[str, Any]:
        done = await trio.run_process(
            self._command,
            stdin=sent,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            deliver_cancel=_kill_family,
            start_new_session=True,
            cwd="/",
            env={name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ},
        )
        try:
            return msgspec.json.decode(done.stdout, type=dict[str, Any])
        except msgspec.DecodeError:
            last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:200]
            logger.error("%s: the helper process ended with %d: %s", question, done.returncode, last)  # noqa: TRY400
            raise UnavailableError(
                "This system cannot say who you are. Please tell its administrators."
            ) from None


async def _kill_family(process: subprocess.Popen[bytes] | trio.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
