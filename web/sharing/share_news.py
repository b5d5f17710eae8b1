"""What one is told of shares on the hub's pages, until one has put it away: in any browser."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from core.actors.hub_entities import Users
from core.events.log.tables import Tables
from core.events.record import By
from core.events.user import user_stream
from core.user import SeeNews
from projections import users
from projections.servers import servers
from projections.sharing import share_news
from projections.sharing.share_news import Change, News
from web.history.names import NameBook


class ShareNews(Struct, frozen=True):
    """`server`: its name, `""` for the default one. `group`: through which one may use it, or could, if so.

    `is_gone`: the server is no longer there.
    """

    position: int
    at: datetime
    change: Change
    owner: str
    server: str
    group: str
    is_gone: bool


class ShareTelling:
    """`names`: what things were called."""

    def __init__(self, db: Tables, entities: Users, names: NameBook) -> None:
        self._db = db
        self._entities = entities
        self._names = names

    def unseen(self, user_id: str) -> list[ShareNews]:
        """The latest first."""
        found = share_news.unseen(self._db, user_id, datetime.now(UTC))
        return [self._told(one) for one in found]

    async def see(self, user_id: str, upto: int, *, by: By) -> None:
        """All up to this position of the log is told no more."""
        await self._entities.ask(user_id, SeeNews(upto), by=by)

    def _told(self, news: News) -> ShareNews:
        at = news.position
        owner, server = users.by_id(self._db, news.owner), servers.by_id(self._db, news.server)
        return ShareNews(
            at,
            datetime.fromisoformat(news.at),
            news.change,
            owner.name if owner else self._names.at(user_stream(news.owner), at),
            server.name if server else self._names.at(f"server/{news.server}", at),
            self._names.at(news.grantee, at) if news.grantee.startswith("group/") else "",
            is_gone=server is None,
        )
