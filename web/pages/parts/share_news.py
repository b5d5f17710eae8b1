"""What is new of shares, for whoever looks at a page: on every page, until they have put it away."""

from __future__ import annotations

from msgspec import Struct

from core.naming.names import server_prefix
from web.request.context import asked, hub
from web.rights.identity import Identity
from web.sharing.share_news import ShareNews


class ToldNews(Struct, frozen=True):
    """`url`: where the server is; `""` where one may not use it any more."""

    news: ShareNews
    url: str


def news_of(identity: Identity | None) -> list[ToldNews]:
    """The latest first."""
    if identity is None or identity.kind != "user":
        return []
    return [ToldNews(one, _url(one)) for one in hub().acts.share_news.unseen(identity.id)]


def _url(news: ShareNews) -> str:
    if news.change != "given" or news.is_gone:
        return ""
    return hub().hosts.url(server_prefix(hub().base_url, news.owner, news.server))


def this_page() -> str:
    """To come back to."""
    query = asked().query_string.decode("latin-1")
    return f"{asked().path}?{query}" if query else asked().path
