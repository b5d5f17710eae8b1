"""Whether a server answers, and not somebody else on the port that it was given."""

from __future__ import annotations

import trio

from core.errors import SpawnError
from core.machine.process_identity import this_boot
from core.machine.readiness import Target, parse_url, wait_server_up
from core.plugins.spawner import ANOTHER_ANSWERS
from spawners.local.attempt_files import Alive, AttemptFiles
from spawners.local.port_owner import Owner, owner_after, owner_of

_LOOK_AGAIN = 0.1  # seconds
_CERTAIN = 2  # looks in a row: a server that opens its port anew in the middle of one looks like a stranger


async def wait_answer(files: AttemptFiles, url: str) -> None:
    """Return once the attempt itself answers. Raises SpawnError where another process does."""
    target, in_a_row = parse_url(url), 0
    while in_a_row < _CERTAIN:
        await wait_server_up(url)
        owner = await trio.to_thread.run_sync(_owner_now, files, target)
        if owner is Owner.SERVER:
            return
        in_a_row = in_a_row + 1 if owner is Owner.STRANGER else 0
        await trio.sleep(_LOOK_AGAIN)
    raise SpawnError(_taken(target.port), reason=ANOTHER_ANSWERS)


def _owner_now(files: AttemptFiles, target: Target) -> Owner:
    """In a thread."""
    stage = files.stage()
    return owner_of(target.host, target.port, stage.identity) if isinstance(stage, Alive) else Owner.NOBODY


def trouble_after_end(files: AttemptFiles) -> str:
    """A sentence for people if another process has the port of a server that has ended; else "".

    It blocks: call it in a thread.
    """
    identity, url = files.identity(), files.url()
    if identity is None or not url or identity.boot != this_boot():
        return ""
    target = parse_url(url)
    try:
        owner = owner_after(target.host, target.port, identity.session)
    except OSError:
        return ""  # that it has ended is certain all the same
    return _taken(target.port) if owner is Owner.STRANGER else ""


def _taken(port: int) -> str:
    return f"Another process listens on port {port}, which this server was given."
