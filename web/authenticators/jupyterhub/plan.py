"""What the thread of plug-ins is to have in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from traitlets.config import Config

from web.authenticators.jupyterhub.asking import HubSide


class Plan(Struct, frozen=True):
    """`kind`: the class of the authenticator, `config`: as the configuration gives it.

    `extra_handlers`: of the configuration, as tornado takes them. `settings`: of tornado's application, besides those
    made in the thread. `loaders`: of the hub's templates. `database`: the path of the plug-ins' own.
    """

    kind: type[Any]
    config: Config
    hub: HubSide
    base_url: str
    database: str
    cookie_secret: bytes
    loaders: Sequence[Any] = ()
    extra_handlers: Sequence[Any] = ()
    settings: Mapping[str, Any] = {}
