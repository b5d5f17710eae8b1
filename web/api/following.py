"""From any position to the head of the log and on, as it grows: as pages, or as server-sent events.

Who asks is asked for anew before anything is shown: rights that have changed count from the next event on, and with
the credentials the stream ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

import trio
from quart import Request

from core.errors import ForbiddenError
from core.events import codec
from projections.sharing import share_news, share_ways
from web.history.catching_up import LogReader, Piece
from web.history.feed import Happening
from web.history.model import Event, Notice
from web.history.viewer import Viewer
from web.history.wanted import Wanted, is_about
from web.hub.hub import Hub
from web.request.answers import encode
from web.request.credentials import recognise
from web.request.event_stream import KEEP_ALIVE_INTERVAL
from web.rights.identity import Identity

SCANNED = 10  # pieces of the log that are read for one page

TOO_SLOW = "You have fallen behind: go on from here."
SHARES = "What is shared with you has changed."
ENDED = "Your credentials are no longer valid."


class Page(NamedTuple):
    """`reached`: where to go on. `is_last`: there is nothing more now."""

    items: list[Event]
    reached: int
    is_last: bool


class Following:
    """`asking`: the request, whose credentials count for as long as it lasts. `most_named`: see Viewer."""

    def __init__(self, the_hub: Hub, asking: Request, wanted: Wanted, most_named: int | None = None) -> None:
        self._most_named = most_named
        self._hub = the_hub
        self._asking = asking
        self._wanted = wanted

    async def stream(self, position: int) -> AsyncIterator[bytes]:
        """Every event behind a position that the caller may see, then each as it is recorded.

        Where nothing is shown for a while, a comment keeps the connection alive, and an id without an event says how
        far the log was read: who comes back resumes there.
        """
        feed, store, is_live = self._hub.feed, self._hub.store, False
        with feed.followed(), closing(LogReader(store, self._wanted)) as reader:
            yield b": events after %d\n\n" % position
            due = trio.current_time() + KEEP_ALIVE_INTERVAL
            while True:
                happenings = feed.after(position)
                if happenings is not None:
                    is_live = True
                    piece = Piece(happenings, happenings[-1].record.position if happenings else position)
                elif is_live:
                    feed.lost += 1
                    yield _notice(b"resume", position, TOO_SLOW)
                    return
                else:
                    async with feed.catching_up:
                        piece = await reader.after(position)
                is_due = trio.current_time() >= due
                lines = self._lines(piece, position) if piece.happenings or is_due else b""
                if lines is None:
                    yield _notice(b"ended", position, ENDED)
                    return
                position = piece.reached
                del piece, happenings  # a reader who waits holds nothing of what it was told
                if lines or is_due:
                    due = trio.current_time() + KEEP_ALIVE_INTERVAL
                    yield lines or b": keep-alive\nid: %d\n\n" % position
                elif position == store.head:
                    with trio.move_on_at(due):
                        await store.wait_any()
                        await feed.wait_for_more()

    async def page(self, position: int, limit: int, *, newest_first: bool = False) -> Page:
        """The next events behind a position, at most `limit`: fewer where much is not for the caller."""
        items: list[Event] = []
        with closing(LogReader(self._hub.store, self._wanted)) as reader:
            for _ in range(SCANNED):
                piece = await (reader.before(position) if newest_first else reader.after(position))
                viewer = self._viewer()
                if viewer is None:
                    raise ForbiddenError(ENDED)
                items += self._shown(viewer, piece.happenings)
                position = piece.reached
                if len(items) > limit:
                    return Page(items[:limit], items[limit - 1].position, is_last=False)
                is_last = position <= 1 if newest_first else position >= self._hub.store.head
                if is_last or len(items) == limit:
                    return Page(items, position, is_last)
        return Page(items, position, is_last=False)

    def _lines(self, piece: Piece, after: int) -> bytes | None:
        """What the caller may see of it, which begins behind `after`; None if they are nobody any more."""
        identity = recognise(self._hub, self._asking)
        if identity is None:
            return None
        lines = b"".join(map(_line, self._shown(self._view(identity), piece.happenings)))
        return lines + self._news(identity, piece, after)

    def _news(self, identity: Identity, piece: Piece, after: int) -> bytes:
        """What is given or ends through a group is no event of each member's: who follows their own is told of it."""
        if self._wanted.things != (identity.principal,):
            return b""
        if not any(isinstance(one.record.event, share_ways.EVENTS) for one in piece.happenings):
            return b""
        is_new = share_news.is_any_after(self._hub.store.db, identity.id, after)
        return _notice(b"shares", piece.reached, SHARES) if is_new else b""

    def _viewer(self) -> Viewer | None:
        """The caller as of now; None if they are nobody any more."""
        identity = recognise(self._hub, self._asking)
        return None if identity is None else self._view(identity)

    def _view(self, identity: Identity) -> Viewer:
        memberships = self._hub.rights.memberships
        return Viewer(identity, self._hub.feed.names, memberships, self._most_named)

    def _shown(self, viewer: Viewer, happenings: Iterable[Happening]) -> Iterator[Event]:
        things = self._wanted.found(self._hub.store.db)
        for record, about in happenings:
            if is_about(things, about) and self._wanted.has_type(codec.tag_of(record.event)):
                event = viewer.event(record, about)
                if event is not None:
                    yield event


def _line(event: Event) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (event.position, encode(event))


def _notice(kind: bytes, position: int, message: str) -> bytes:
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (position, kind, encode(Notice(position, message)))
