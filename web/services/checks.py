"""Whether services with a URL answer: asked at the start and every `service_check_interval`. Nobody waits for it."""

from __future__ import annotations

import logging

import trio

from core.errors import SpawnError
from core.machine.readiness import get, parse_url, wait_server_up
from projections.services import ServiceRow
from web.rights.service_book import ServiceBook

logger = logging.getLogger("callboard.services")

AT_ONCE = 10
TIMEOUT = 30.0  # seconds, for services that do not say


class ServiceChecks:
    def __init__(self, book: ServiceBook) -> None:
        self._book = book
        self._places = trio.CapacityLimiter(AT_ONCE)
        self._is_first = True

    async def check_all(self) -> None:
        first, self._is_first = self._is_first, False
        rows = self._book.all()
        for gone in self._book.answers.keys() - {row.name for row in rows}:
            del self._book.answers[gone]
        async with trio.open_nursery() as nursery:
            for row in rows:
                if url := row.defined().url:
                    nursery.start_soon(self._check, row, url, first)

    async def _check(self, row: ServiceRow, url: str, first: bool) -> None:
        """At first it may be starting, and has its whole timeout to answer."""
        settings = self._book.settings(row)
        timeout = settings.timeout if settings else TIMEOUT
        async with self._places:
            try:
                with trio.fail_after(timeout):
                    if first:
                        await wait_server_up(url)
                    else:
                        await get(parse_url(url))
            except (SpawnError, ConnectionError, trio.TooSlowError) as error:
                why = str(error) or f"no answer within {timeout:g} s"
                self._tell_of_a_change(row.name, url, why)
                self._book.answers[row.name] = False
            else:
                self._tell_of_a_change(row.name, url, "")
                self._book.answers[row.name] = True

    def _tell_of_a_change(self, name: str, url: str, why: str) -> None:
        """`why` it does not answer; empty if it does, which is no news of one that was never asked."""
        answered = self._book.answers.get(name)
        if why and answered is not False:
            logger.warning("service %s does not answer at %s: %s", name, url, why)
        elif not why and answered is False:
            logger.warning("service %s answers at %s again", name, url)
