"""Typed access from a handler: the hub, who asks, and what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from quart import Request
from quart.globals import _cv_app, _cv_request

from core.errors import ForbiddenError, InvalidError
from core.events.log.tables import Tables
from core.events.record import By
from core.scopes import Scopes
from web.rights.identity import Identity
from web.site.bounds import check_json

if TYPE_CHECKING:
    from web.hub.hub import Hub
    from web.request.kept import Kept

Body = TypeVar("Body")


# Quart's `current_app`, `g` and `request` are proxies: each attribute that is read through one takes longer than what
# most handlers do with it. These are the objects behind them.


def hub() -> Hub:
    return cast("Hub", _cv_app.get().app.extensions["callboard"])


def extensions() -> dict[str, Any]:
    """What the application keeps for every request, by name."""
    return _cv_app.get().app.extensions


def kept() -> Kept:
    """What is kept while this request is answered."""
    return cast("Kept", _cv_app.get().g)


def asked() -> Request:
    """The request that is answered here."""
    return cast(Request, _cv_request.get().request_websocket)


def database() -> Tables:
    """What the event loop reads through."""
    return hub().store.db


def caller() -> Identity:
    """Who asks. Only on routes that let in nobody unknown."""
    identity = kept().identity
    if identity is None:
        raise ForbiddenError("Missing or invalid credentials.")
    return identity


def scopes() -> Scopes:
    return caller().scopes


def by() -> By:
    """The caller as the log records it."""
    identity = caller()
    kept().may_be_recorded = True
    return By(identity.principal, identity.token_id or identity.session_id or "", kept().request_id)


async def raw_body() -> Any:
    """The body as JSON, None if there is none. Its content type is not looked at. Raises InvalidError."""
    data = cast(bytes, await asked().get_data(as_text=False))
    if not data.strip():
        return None
    identity = kept().identity
    if identity is None or identity.kind != "proxy":  # it tells of every route at once
        check_json(data)
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise InvalidError("The JSON in the body is nested too deeply.") from None
    except UnicodeDecodeError:
        return _repaired(data)
    except msgspec.DecodeError as error:
        if "UTF-8" in str(error).upper():
            return _repaired(data)
        raise InvalidError(f"The body is not JSON: {error}.") from None


def _repaired(data: bytes) -> Any:
    """Bytes that are not UTF-8 are replaced rather than refused, as in JupyterHub."""
    try:
        return msgspec.json.decode(data.decode(errors="replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidError(f"The body is not JSON: {error}.") from None


async def body(kind: type[Body], *, required: bool = True) -> Body:
    """The body as `kind`. Raises InvalidError naming key and type where it does not fit.

    A body that is not required and not there is `kind()`.
    """
    value = await raw_body()
    if value is None:
        if required:
            raise InvalidError("A JSON body is required.")
        return kind()
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidError(f"The body does not fit: {error}.") from None
    except RecursionError:
        raise InvalidError("The JSON in the body is nested too deeply.") from None
