"""What a way to log in has to say about a start, and hears of an end."""

from __future__ import annotations

import logging

from core.plugins.authenticator import StartAuthenticator
from core.plugins.hook_errors import as_spawn_error, log_failure
from core.plugins.hooks import running
from web.hook_views.spawner import SpawnerView

logger = logging.getLogger("callboard.plugins")


async def before_start(authenticator: StartAuthenticator, view: SpawnerView) -> None:
    """Raises SpawnError."""
    try:
        with running("pre_spawn_start"):
            await authenticator.before_start(view.user.name, view)
    except Exception as error:
        log_failure(logger, "pre_spawn_start", error)
        raise as_spawn_error(error) from error


async def after_stop(authenticator: StartAuthenticator, view: SpawnerView) -> None:
    """What fails here is logged, and hinders nothing."""
    try:
        with running("post_spawn_stop"):
            await authenticator.after_stop(view.user.name, view)
    except Exception as error:
        log_failure(logger, "post_spawn_stop", error)
