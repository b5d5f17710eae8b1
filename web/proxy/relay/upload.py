"""A request's body that had not arrived whole with its head."""

import logging
from collections.abc import Callable

import trio

from web.http1.body import BadBodyError, Body
from web.http1.request import BadRequestError
from web.http1.stream import Stream
from web.proxy.relay.visit import Visit

log = logging.getLogger("callboard.proxy")


class ClientGoneError(OSError):
    """The client left in the middle."""


class Upload:
    """Sends `message` (the head and what there is of the body), then the rest as it comes."""

    def __init__(
        self,
        connection: Visit,
        upstream: Stream,
        message: bytes,
        body: Body,
        note_activity: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._upstream = upstream
        self._message = message
        self._body = body
        self._note_activity = note_activity
        self.is_complete = False
        self.failure: BadRequestError | ClientGoneError | None = None

    @property
    def is_overrun(self) -> bool:
        return self._body.overrun

    async def run(self, exchange: trio.CancelScope) -> None:
        """Ends the exchange when the client fails it. A server that reads no more may still reply."""
        try:
            await self._send_on()
        except BadBodyError as error:
            self.failure = BadRequestError(400, str(error))
            exchange.cancel()
        except ClientGoneError as error:
            self.failure = error
            exchange.cancel()
        except OSError as error:
            log.debug("the server reads no more: %s", error)

    async def _send_on(self) -> None:
        wire = self._message
        while True:
            if wire:
                await self._upstream.send(wire)
            if self._body.done:
                break
            wire = self._body.feed(await self._receive())
        self._connection.buffer = self._body.excess
        self.is_complete = True

    async def _receive(self) -> bytes:
        try:
            data = await self._connection.stream.receive()
        except OSError as error:
            raise ClientGoneError(str(error)) from error
        if not data:
            raise ClientGoneError("the client left while sending")
        self._connection.made_progress()
        self._note_activity()
        return data
