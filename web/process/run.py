"""`callboard run`: settings to a running hub, and every way that can fail as one line and an exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import trio

from core.config.notes import table
from core.errors import HubError
from core.events.codec import UnknownEventError
from core.events.file.database import DatabaseError
from core.events.file.disk import unreadable
from core.reconcile.sorting_out import Answer
from core.settings import ConfigError, SpawnerSettings
from spawners.configuration import load_settings
from web.app.listen import BindError
from web.hub.giving_up import GivenUpError
from web.hub.hub import Hub
from web.lifecycle.hello import say_hello
from web.monitoring.logs import set_up_logging
from web.process.process import run
from web.proxies.free_address import ProxyError
from web.request.log_context import request_named
from web.site.addresses import public_address

EXPECTED = (
    ConfigError,
    DatabaseError,
    BindError,
    ProxyError,
    UnknownEventError,
    GivenUpError,
    HubError,
    ValueError,
)
"""What keeps a hub from starting or going on and is said in one line; everything else is a bug, with a traceback."""


def run_hub(files: Sequence[Path], overrides: Sequence[str], *, hello: bool, later: Answer = "") -> int:
    """The exit code: 0 after an orderly end, 1 for what keeps a hub from going on, 4 for a log that was lost."""
    try:
        settings, notes = load_settings(files, overrides)
        set_up_logging(settings.hub, settings.callboard.log_style, request_named)
        if notes:
            logging.getLogger("callboard.config").warning("%s", table(notes))
        trio.run(
            lambda: run(
                settings,
                on_ready=_ready(hello),
                load=partial(load_settings, list(files), list(overrides)),
                engine_settings=partial(_engine_settings, list(files), list(overrides)),
                later=later,
            )
        )
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        cause = _cause(error)
        if not isinstance(cause, EXPECTED):
            raise
        print(f"callboard: {cause}", file=sys.stderr)
        return cause.status if isinstance(cause, GivenUpError) else 1
    return 0


def _engine_settings(files: Sequence[Path], overrides: Sequence[str], name: str) -> SpawnerSettings | None:
    """What the configuration says of this spawner, as if it were the one in use. None where it cannot be."""
    try:
        return load_settings(files, [*overrides, f"--JupyterHub.spawner_class={name}"])[0].spawner
    except ConfigError as error:
        logging.getLogger("callboard.config").warning("%s", error)
        return None


def _cause(error: Exception) -> Exception:
    """What nurseries have wrapped, where it is one thing; a log that cannot be read is no bug."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return unreadable(error) or error


def _ready(hello: bool) -> Callable[[Hub], Awaitable[None]]:
    async def ready(hub: Hub) -> None:
        logging.getLogger("callboard").info("Callboard is running at %s", public_address(hub.settings.hub))
        if hello:
            await say_hello(hub)

    return ready
