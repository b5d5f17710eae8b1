"""Ending the hub by itself, so that its supervisor (systemd, say) starts it afresh. Servers and proxy go on."""

from __future__ import annotations

import logging

from web.hub.hub import Hub

LOG_LOST = 4  # exit status: the log is no longer where it should be

logger = logging.getLogger("callboard")


class GivenUpError(Exception):
    """The hub has ended by itself. One line that says why. `status`: its exit status."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


def give_up(hub: Hub, why: str, status: int = 1) -> None:
    """Have the hub end, and nothing with it."""
    hub.ending.servers = hub.ending.proxy = False
    hub.ending.trouble, hub.ending.status = why, status
    logger.critical("the hub gives up: %s", why)
    hub.closing.set()


def give_up_log(hub: Hub, lost: str) -> None:
    why = f"{lost} while the hub ran on {hub.store.path}: put back what it held, or restore a backup."
    give_up(hub, why, LOG_LOST)


def give_up_starts(hub: Hub, failed: int) -> None:
    give_up(hub, f"{failed} starts have failed one after another (consecutive_failure_limit).")
