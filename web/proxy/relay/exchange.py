"""One request to the server behind us, and its reply back."""

from functools import partial

import trio

from web.http1.body import BadBodyError, Body, ChunkedBody, LengthBody
from web.http1.request import BadRequestError, Request
from web.proxy.parts import Parts
from web.proxy.relay.reply import BadReplyError, Reply, open_body
from web.proxy.relay.rewrite import interim_head, reply_head, request_head, switching_head
from web.proxy.relay.upload import Upload
from web.proxy.relay.upstreams import UnreachableError, Upstream
from web.proxy.relay.visit import Visit
from web.proxy.routes import Route

MOST_INTERIM = 100  # replies of 1xx before the one that counts: each costs us more than whoever sends it


class BrokenOffError(OSError):
    """The server left in the middle of a reply. So must we: anything else would be taken for its rest."""


class Exchange:
    """`run` tells whether the client's connection can take another request.

    It raises UnreachableError, BadReplyError or BadRequestError while nothing has been answered, and
    OSError once that is too late.
    """

    def __init__(self, parts: Parts, connection: Visit, request: Request, route: Route) -> None:
        self._parts = parts
        self._connection = connection
        self._request = request
        self._route = route
        self._upstream: Upstream | None = None  # while it is ours to close
        self._upload: Upload | None = None
        self._is_answered = False

    async def run(self) -> bool:
        request, connection = self._request, self._connection
        message = request_head(request, self._route.target, connection.visitor)
        try:
            if not request.has_body:
                return await self._send_whole(message)
            body = _open_request_body(request)
            message += _feed(body, connection.take_buffer())
            if not body.done:
                return await self._send_in_parts(message, body)
            connection.buffer = body.excess
            return await self._send_whole(message) and not body.overrun
        finally:
            if self._upstream is not None:
                self._upstream.close()

    async def _send_whole(self, message: bytes) -> bool:
        """Once more on a new connection, if a kept one had been closed meanwhile."""
        upstream = await self._connect()
        try:
            await _send(upstream, message)
            reply, data = await self._final_reply(upstream)
        except UnreachableError:
            if not (upstream.is_reused and self._request.is_safe_to_repeat):
                raise
            upstream.close()
            upstream = await self._connect(fresh=True)
            await _send(upstream, message)
            reply, data = await self._final_reply(upstream)
        return await self._pass_on(upstream, reply, data)

    async def _send_in_parts(self, message: bytes, body: Body) -> bool:
        upstream = await self._connect()
        note = partial(self._parts.activity.note, self._route.spec)
        upload = self._upload = Upload(self._connection, upstream, message, body, note)
        keep = False
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(upload.run, nursery.cancel_scope)
            try:
                keep = await self._pass_on(upstream, *await self._final_reply(upstream))
            except (OSError, UnreachableError, BadReplyError) as error:
                failure = error
            nursery.cancel_scope.cancel()
        if upload.failure and self._is_answered:
            raise BrokenOffError(str(upload.failure))  # a refusal now would look like part of the reply
        failure = upload.failure or failure
        if failure:
            raise failure
        return keep and upload.is_complete and not upload.is_overrun

    async def _connect(self, *, fresh: bool = False) -> Upstream:
        """Of our route's generation. Raises UnreachableError, also where that has ended meanwhile."""
        route, upstreams = self._route, self._parts.upstreams
        self._upstream = upstream = await upstreams.connect(route.target, route.generation, fresh=fresh)
        if not self._parts.routes.is_current(route):
            raise UnreachableError("the route has ended")
        return upstream

    async def _final_reply(self, upstream: Upstream) -> tuple[Reply, bytes]:
        data = b""
        for _ in range(MOST_INTERIM):
            try:
                reply, data = await upstream.read_reply(data)
            except OSError as error:
                raise UnreachableError(str(error)) from error
            if reply.status >= 200 or reply.status == 101:
                return reply, data
            if not self._request.is_http10:
                await self._connection.stream.send(interim_head(reply))
        raise BadReplyError("no reply is at the end of its interim ones")

    async def _pass_on(self, upstream: Upstream, reply: Reply, data: bytes) -> bool:
        if reply.status == 101:
            return await self._switch(upstream, reply, data)
        request = self._request
        body = open_body(reply, request.method, chunked_out=not request.is_http10)
        is_sent = (
            self._upload is None or self._upload.is_complete
        )  # else it ends here, and the client is told
        keep = (
            request.keep_alive
            and is_sent
            and not self._parts.is_draining
            and not _ends_by_closing(request, body)
        )
        head = reply_head(reply, request, keep_alive=keep)
        if body is None or body.done:
            overrun = bool(data)
            await self._begin(head)
        else:
            data = data or upstream.receive_now() or b""  # some servers send head and body apart
            await self._begin(head + _feed_reply(body, data))
            if not body.done:
                await self._stream(upstream, body, counts=reply.status < 300)
            overrun = body.overrun or bool(body.excess)
        if reply.status < 300:
            self._parts.activity.note(self._route.spec)
        if reply.keep_alive and not overrun and (self._upload is None or self._upload.is_complete):
            self._keep(upstream)
        return keep

    def _keep(self, upstream: Upstream) -> None:
        """For the next request, unless the route has ended during this one."""
        if self._parts.routes.is_current(self._route):
            self._parts.upstreams.release(upstream)
            self._upstream = None

    async def _begin(self, wire: bytes) -> None:
        self._is_answered = True
        await self._connection.stream.send(wire)

    async def _stream(self, upstream: Upstream, body: Body, *, counts: bool) -> None:
        """The rest of a reply, as it comes. `counts`: whether the route is in use by this."""
        if isinstance(body, LengthBody):
            return await self._stream_length(upstream, body, counts=counts)
        client = self._connection.stream
        while not body.done:
            data = await upstream.receive()
            try:
                wire = body.feed(data) if data else body.end()
            except BadBodyError as error:
                raise BrokenOffError(str(error)) from error
            if counts:
                self._parts.activity.note(self._route.spec)
            if wire:
                await client.send(wire)
                self._connection.made_progress()
        return None

    async def _stream_length(self, upstream: Upstream, body: LengthBody, *, counts: bool) -> None:
        """Through one buffer for all; what a slow client does not take is copied, and no more is read."""
        scratch, client = self._parts.scratch, self._connection.stream
        receive_into = upstream.sock.recv_into
        remaining = body.remaining
        while remaining:
            try:
                count = receive_into(scratch, min(remaining, len(scratch)))
            except BlockingIOError:
                await upstream.readable()
                continue
            if not count:
                raise BrokenOffError("the reply is shorter than its length")
            remaining -= count
            if counts:
                self._parts.activity.note(self._route.spec)
            sent = client.send_now(scratch[:count])
            if sent < count:
                await client.send(bytes(scratch[sent:count]))
            self._connection.made_progress()
            await upstream.give_way()
        body.remaining, body.done = 0, True

    async def _switch(self, upstream: Upstream, reply: Reply, data: bytes) -> bool:
        if not self._request.upgrade or not reply.upgrade:
            raise BadReplyError("an upgrade nobody asked for")
        connection = self._connection
        await connection.stream.send(switching_head(reply) + data)
        self._parts.activity.note(self._route.spec)
        self._upstream = None
        connection.hand_over(upstream, self._route.spec)
        return False


def _open_request_body(request: Request) -> Body:
    return ChunkedBody() if request.chunked else LengthBody(request.length or 0)


def _feed(body: Body, data: bytes) -> bytes:
    try:
        return body.feed(data)
    except BadBodyError as error:
        raise BadRequestError(400, str(error)) from error


def _feed_reply(body: Body, data: bytes) -> bytes:
    try:
        return body.feed(data) if data else b""
    except BadBodyError as error:
        raise BadReplyError(str(error)) from error


def _ends_by_closing(request: Request, body: Body | None) -> bool:
    """HTTP/1.0 knows no other end of a body without a length."""
    return request.is_http10 and body is not None and not isinstance(body, LengthBody)


async def _send(upstream: Upstream, message: bytes) -> None:
    try:
        await upstream.send(message)
    except OSError as error:
        raise UnreachableError(str(error)) from error
