"""What a job has written: a file that its user owns, read with that user's rights and no others.

The user may have put anything in its place: it is read by another program, a bounded piece at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

import trio
from msgspec import Struct

from core.errors import SpawnError, UnreachableError
from spawners.account import system_account
from spawners.output_file import LAST_LINES, LINE_LENGTH
from spawners.slurm.attempt_record import Owner
from spawners.slurm.commands import run

_TAIL = 2**18  # bytes
_PIECE = 2**16
_TIMEOUT = 5.0  # seconds, as in front of a pipe that somebody has put there


class Output(Struct, frozen=True):
    """`prefix`: what takes on the rights of its user, before a command. Every method may raise UnreachableError."""

    prefix: Sequence[str]
    path: str

    async def last_lines(self) -> list[str]:
        """At most 100."""
        said = await self._run("tail", f"--bytes={_TAIL}", "--", self.path)
        lines = said.replace(b"\0", b"").decode("utf-8", "replace").split("\n")
        if len(said) >= _TAIL and len(lines) > 1:
            del lines[0]  # its beginning is cut off
        if not lines[-1]:
            del lines[-1]
        return [line.rstrip("\r")[:LINE_LENGTH] for line in lines[-LAST_LINES:]]

    async def piece(self, offset: int) -> bytes:
        """What stands there behind so many bytes; b"" if nothing does."""
        where = [f"if={self.path}", f"bs={_PIECE}", "count=1", f"skip={offset}"]
        return await self._run("dd", *where, "iflag=skip_bytes,nonblock", "status=none")

    async def remove(self) -> None:
        """It need not be there."""
        await self._run("rm", "--force", "--", self.path)

    async def _run(self, *words: str) -> bytes:
        return (await run([*self.prefix, *words], _TIMEOUT)).output


async def output_of(owner: Owner) -> Output:
    """Raises UnreachableError where its user cannot be acted for."""
    if not owner.as_user:
        return Output((), owner.output)
    try:
        account = await trio.to_thread.run_sync(system_account, owner.user)
    except SpawnError as error:
        raise UnreachableError(error.message) from error
    return Output(account.prefix, owner.output)
