"""Asking an engine: the calls of its API that are made here, and what no answer, a 5xx and a 4xx mean.

Paths name no version, so that each engine speaks its own newest one. Source: the Docker Engine API, 1.41 to 1.52.
"""

from __future__ import annotations

import json
import math
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
import trio

from core.errors import UnreachableError
from core.settings import ConfigError
from spawners.docker.engine.exchange import Body, exchange
from spawners.docker.engine.found import Container, Image, Summary
from spawners.docker.engine.place import Place

T = TypeVar("T")
Params = Mapping[str, str]

ASKING = 10.0  # seconds for an answer to a question
MAKING = 20.0  # ... to what makes a container
WORKING = 60.0  # ... to what starts or removes one
NOT_FOUND, CONFLICT = 404, 409
_TRIES = 3  # of what an engine is asked to make, before its trouble is why that was not made
_TRY_AGAIN = 1.0  # seconds
_NOT_LET_IN = (401, 403)
_ALIVE = ["created", "restarting", "running", "paused"]


class EngineRefusal(Exception):
    """A 4xx: the engine was asked, and will not. `message`: its own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class EngineTrouble(UnreachableError):
    """A 5xx, or a word that the hub may not ask. It says nothing about what was asked after. `message`: its own."""

    def __init__(self, message: str) -> None:
        super().__init__(f"the container engine is in trouble: {message}")
        self.message = message


class Engine:
    """Every method raises UnreachableError where the engine cannot be asked, and EngineRefusal where it will not."""

    def __init__(self, place: Place) -> None:
        """Raises ConfigError for certificates that cannot be read."""
        self.place = place
        self._tls = _tls(place) if place.tls else None

    # --- containers ---

    async def container(self, name: str) -> Container | None:
        """None where there is none of this name."""
        try:
            answer = await self._call("GET", f"/containers/{name}/json")
        except EngineRefusal as refusal:
            if refusal.status == NOT_FOUND:
                return None
            raise
        return _decoded(answer, Container)

    async def containers(self, *labels: str, ended: bool = False) -> list[Summary]:
        """All that carry these labels and have not ended; or that have."""
        status = ["exited", "dead"] if ended else _ALIVE
        return await self._listed({"label": labels, "status": status})

    async def containers_alive(self, ids: Collection[str]) -> list[Summary]:
        """Those of these that have not ended."""
        return await self._listed({"id": list(ids), "status": _ALIVE})

    async def _listed(self, filters: Mapping[str, Sequence[str]]) -> list[Summary]:
        params = {"all": "1", "filters": json.dumps(filters)}
        return _decoded(await self._call("GET", "/containers/json", params), list[Summary])

    async def create(self, name: str, body: Mapping[str, Any]) -> None:
        await self._call("POST", "/containers/create", {"name": name}, body=body, timeout=MAKING)

    async def start(self, name: str) -> None:
        """It is fine if it runs already."""
        await self._call("POST", f"/containers/{name}/start", timeout=WORKING)

    async def stop(self, name: str, grace: float) -> None:
        """End it as it wants to be ended, and kill it after the `grace` that it was made with."""
        await self._call("POST", f"/containers/{name}/stop", timeout=grace + ASKING)

    async def unpause(self, name: str) -> None:
        await self._call("POST", f"/containers/{name}/unpause")

    async def remove(self, name: str) -> None:
        """With its unnamed volumes, running or not. It is fine if it is gone, or going."""
        try:
            await self._call("DELETE", f"/containers/{name}", {"force": "1", "v": "1"}, timeout=WORKING)
        except EngineRefusal as refusal:
            if refusal.status not in (NOT_FOUND, CONFLICT):
                raise

    @asynccontextmanager
    async def output(self, name: str, *, follow: bool, **params: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """What it has written, as the engine frames it; with `follow` until it ends."""
        asked = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": str(int(follow)), **params}
        silence = math.inf if follow else ASKING
        async with self._stream("GET", f"/containers/{name}/logs", asked, silence) as body:
            yield body

    # --- images ---

    async def image(self, name: str) -> Image | None:
        """None where the engine does not have it."""
        try:
            return _decoded(await self._call("GET", f"/images/{name}/json"), Image)
        except EngineRefusal as refusal:
            if refusal.status == NOT_FOUND:
                return None
            raise

    @asynccontextmanager
    async def pull(
        self, name: str, tag: str, credentials: str = ""
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """How it gets on: an object for each step. It is given up when the caller leaves."""
        headers = {"X-Registry-Auth": credentials} if credentials else {}
        async with (
            self._stream("POST", "/images/create", {"fromImage": name, "tag": tag}, headers=headers) as body,
            aclosing(_objects(body)) as found,
        ):
            yield found

    # --- volumes ---

    async def volumes(self, *labels: str) -> list[str]:
        """The names of those that carry all these labels."""
        params = {"filters": json.dumps({"label": labels})}
        found = _decoded(await self._call("GET", "/volumes", params), dict[str, Any])
        return sorted(volume["Name"] for volume in found.get("Volumes") or ())

    async def remove_volume(self, name: str) -> None:
        """It is fine if it is gone. Refused (409) while a container uses it."""
        try:
            await self._call("DELETE", f"/volumes/{name}", timeout=WORKING)
        except EngineRefusal as refusal:
            if refusal.status != NOT_FOUND:
                raise

    # --- events ---

    @asynccontextmanager
    async def events(self, label: str, actions: list[str]) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """What happens to containers with this label, from now on."""
        filters = {"type": ["container"], "label": [label], "event": actions}
        async with (
            self._stream("GET", "/events", {"filters": json.dumps(filters)}) as body,
            aclosing(_objects(body)) as found,
        ):
            yield found

    # --- HTTP ---

    async def _call(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        timeout: float = ASKING,
    ) -> bytes:
        content = b"" if body is None else msgspec.json.encode(body)
        async with exchange(self.place, self._tls) as asked:
            with asked.asking(timeout):
                await asked.ask(method, _target(path, params), content)
                answer = await Body(asked, timeout).whole()
            _check(asked.status, answer)
            return answer

    @asynccontextmanager
    async def _stream(
        self,
        method: str,
        path: str,
        params: Params,
        silence: float = math.inf,
        headers: Params | None = None,
    ) -> AsyncIterator[Body]:
        """An answer that comes bit by bit. `silence`: the longest, in seconds."""
        async with exchange(self.place, self._tls) as asked:
            with asked.asking(silence):
                await asked.ask(method, _target(path, params), headers=headers)
            body = Body(asked, silence)
            if asked.status >= 400:
                _check(asked.status, await body.whole())
            yield body


async def failure_of(call: Callable[[], Awaitable[None]]) -> EngineRefusal | EngineTrouble | None:
    """None if it was done. What the engine cannot do now is tried again, a few times."""
    failure: EngineTrouble | None = None
    for _ in range(_TRIES):
        if failure is not None:
            await trio.sleep(_TRY_AGAIN)
        try:
            await call()
        except EngineRefusal as refusal:
            return refusal
        except EngineTrouble as trouble:
            failure = trouble
        else:
            return None
    return failure


def _tls(place: Place) -> ssl.SSLContext:
    """Raises ConfigError for certificates that cannot be read."""
    try:
        authority = f"{place.certificates}/ca.pem" if place.verify and place.certificates else None
        context = ssl.create_default_context(cafile=authority)
        if place.certificates:
            context.load_cert_chain(f"{place.certificates}/cert.pem", f"{place.certificates}/key.pem")
    except OSError as error:
        why = error.strerror or error
        told = f"The certificates for the container engine, in {place.certificates}, cannot be read: {why}"
        raise ConfigError(told) from None
    if not place.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _target(path: str, params: Params | None) -> str:
    return f"{path}?{urlencode(params)}" if params else path


def _check(status: int, answer: bytes) -> None:
    """Raises EngineTrouble or EngineRefusal."""
    if status < 400:
        return
    try:
        message = str(msgspec.json.decode(answer)["message"]).strip()
    except (msgspec.DecodeError, TypeError, KeyError):
        message = f"status {status}"
    if status >= 500 or status in _NOT_LET_IN:
        raise EngineTrouble(message)
    raise EngineRefusal(status, message)


def _decoded(content: bytes, to: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=to)
    except msgspec.DecodeError as error:
        raise EngineTrouble(f"its answer makes no sense ({error})") from error


async def _objects(body: Body) -> AsyncGenerator[dict[str, Any], None]:
    """One for each line that is one."""
    rest = b""
    async for piece in body:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            with suppress(msgspec.DecodeError):
                yield msgspec.json.decode(line, type=dict[str, Any])
