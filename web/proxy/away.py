"""What visitors are told while the hub or a server is away: the hub's own pages, as it sent them, kept on disk."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
from msgspec import Struct

from core.machine.private_file import write_private_file
from web.http1.request import Request
from web.proxy import answers
from web.texts.languages import preferred

log = logging.getLogger("callboard.proxy")


class Page(Struct, frozen=True):
    """`policy`: its Content-Security-Policy, which lets its own style and script through and nothing else.

    `others`: the same page in other languages than English. `server`: that for a server which does not answer.
    """

    html: str
    policy: str
    others: dict[str, Page] = {}
    server: Page | None = None


class AwayPage:
    """`path`: where the page is kept, "" for nowhere."""

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._page = self._read()

    def learn(self, data: bytes) -> None:
        """What the hub has sent. Raises msgspec.MsgspecError."""
        page = msgspec.json.decode(data, type=Page)
        if page == self._page:
            return
        self._page = page
        try:
            self._keep(page)
        except OSError as error:
            log.warning("the page for when the hub is away is not kept: %s", error)

    def answer(self, request: Request, *, closes: bool) -> bytes:
        """The page for people, JSON for programs, a line of text for all else."""
        if self._page is not None and answers.is_for_people(request):
            page = _in_language(self._page, request)
            return answers.hub_away_page(request, page.html.encode(), page.policy, closes=closes)
        return answers.hub_away(request, closes=closes)

    def server_answer(self, request: Request, *, closes: bool) -> bytes:
        """Of a server that does not answer; the hub may well be there."""
        server = self._page.server if self._page is not None else None
        if server is not None and answers.is_for_people(request):
            page = _in_language(server, request)
            return answers.server_away_page(request, page.html.encode(), page.policy, closes=closes)
        return answers.server_away(request, closes=closes)

    def _read(self) -> Page | None:
        if self._path is None:
            return None
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Page)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("the page for when the hub is away cannot be read: %s", error)
            return None

    def _keep(self, page: Page) -> None:
        if self._path is not None:
            write_private_file(self._path, msgspec.json.encode(page))


def _in_language(page: Page, request: Request) -> Page:
    """As the browser wants it, where there is one."""
    return page.others.get(preferred(request.header(b"accept-language").decode("latin-1")), page)
