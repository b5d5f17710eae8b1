"""One connection from outside: each request is relayed to where its route leads, or answered here where none does."""

import logging
from functools import partial

from web.http1.connection import Connection
from web.http1.request import Request
from web.http1.stream import Stream
from web.proxy import answers
from web.proxy.parts import Parts
from web.proxy.relay.exchange import Exchange
from web.proxy.relay.reply import BadReplyError
from web.proxy.relay.rewrite import Visitor
from web.proxy.relay.upstreams import UnreachableError, Upstream
from web.proxy.routes import Route, lacks_final_slash

log = logging.getLogger("callboard.proxy")

_HEALTH = b"/_chp_healthz"
_READY = b"/_callboard_ready"


class RelayedConnection(Connection):
    """`answer`: what all are told here; None: by their routes."""

    def __init__(
        self, parts: Parts, stream: Stream, visitor: Visitor, answer: answers.Answer | None = None
    ) -> None:
        super().__init__(parts, stream)
        self.visitor = visitor
        self._parts = parts
        self._same_answer = answer

    def hand_over(self, upstream: Upstream, spec: str) -> None:
        """The two sockets talk to each other from now on."""
        self.detach()
        self._parts.tunnels.join(self.stream, upstream, spec, self.take_buffer())

    async def answer(self, request: Request) -> bool:
        if self._same_answer is not None:
            return await self._reply(request, self._same_answer)
        if request.path == _HEALTH:
            return await self._reply(request, answers.healthy)
        if request.path == _READY:
            return await self._reply(
                request, answers.healthy if self._parts.has_routes else answers.not_ready
            )
        route = self._parts.routes.find(request.host or b"", request.path)
        if route is None:
            return await self._explain(request, 404, answers.not_found)
        if (
            self._parts.adds_slash
            and request.method in (b"GET", b"HEAD")
            and lacks_final_slash(route, request.path)
        ):
            return await self._reply(request, answers.slash_redirect)
        return await self._relay(request, route)

    async def _relay(self, request: Request, route: Route) -> bool:
        try:
            keep = await Exchange(self._parts, self, request, route).run()
        except UnreachableError as error:
            log.debug("%s: %s", route.spec, error)
            if route.is_hub:
                return await self._reply(request, self._parts.away.answer)
            return await self._explain(request, 503, self._parts.away.server_answer)
        except BadReplyError as error:
            log.warning("%s: %s", route.spec, error)
            return await self._explain(request, 502, answers.bad_reply)
        if not keep and request.has_body and not self.is_detached:
            await self.linger()
        return keep

    async def _explain(self, request: Request, status: int, otherwise: answers.Answer) -> bool:
        """With the hub's page for it, where there is one."""
        pages = self._parts.error_pages
        page = await pages.page(status, request) if pages is not None else None
        answer = otherwise if page is None else partial(answers.told, status, *page)
        return await self._reply(request, answer)

    async def _reply(self, request: Request, answer: answers.Answer) -> bool:
        closes = request.has_body or not request.keep_alive
        await self.stream.send(answer(request, closes=closes))
        if request.has_body:
            await self.linger()
        return not closes
