"""Which hub a command asks: the one that runs on the log of the configuration, or another by its URL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import click

from web.commands.failure import Failure
from web.commands.where import Where, config_option

if TYPE_CHECKING:
    from web.client.plain import Hub

TOKEN_VARIABLE = "CALLBOARD_TOKEN"  # noqa: S105 - its name; arguments could be read by everybody
UNIX = "http+unix"
PUBLIC = "callboard.public"  # in click's context: where people come in


def asks_a_hub(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options `-f`, `--db`, `--url` and `--json`; the command gets a client, and `as_json`."""

    @config_option
    @click.option("--db", default="", metavar="FILE", help="The hub that runs on this log.")
    @click.option(
        "--url",
        default="",
        envvar="CALLBOARD_URL",
        metavar="URL",
        help=f"Another hub, such as https://hub.example; its token comes in {TOKEN_VARIABLE}.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @wraps(command)
    def asking(*, files: tuple[Path, ...], db: str, url: str, as_json: bool, **options: Any) -> Any:
        with hub_of(Where(files, db), url) as hub, _in_one_line():
            return command(hub, as_json=as_json, **options)

    return asking


@contextmanager
def hub_of(where: Where, url: str) -> Iterator[Hub]:
    """A client of it, with the rights of whoever asks. Raises Failure."""
    from web.client.plain import Hub

    api, token = _elsewhere(url) if url else _here(where)
    address = urlsplit(api)
    if address.scheme == UNIX:
        from httpx import HTTPTransport

        transport = HTTPTransport(uds=unquote(address.netloc))
        with Hub(f"http://localhost{address.path}", token, transport=transport) as hub:
            yield hub
        return
    with Hub(api, token) as hub:
        yield hub


def _here(where: Where) -> tuple[str, str]:
    from web.control.channel import NoHubError, RefusedError, ask_hub

    try:
        admitted = ask_hub(where.log, "operator")
    except NoHubError as error:
        raise Failure(f"{error} --url asks another hub.") from None
    except RefusedError as error:
        raise Failure(str(error)) from None
    click.get_current_context().meta[PUBLIC] = _reachable(admitted["public"])
    return admitted["url"], admitted["token"]


def _elsewhere(url: str) -> tuple[str, str]:
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise Failure(f"{TOKEN_VARIABLE} is not set: it is the token for {url}")
    base = url.rstrip("/")
    click.get_current_context().meta[PUBLIC] = _reachable(base)
    return base if base.endswith("/hub/api") else f"{base.removesuffix('/hub')}/hub/api", token


def public_origin() -> str:
    """Where people reach the hub that is asked, without a path; "" where nobody knows."""
    found: str = click.get_current_context().meta.get(PUBLIC, "")
    return found


def _reachable(url: str) -> str:
    """The origin of a URL; of one that is for all addresses, this machine's."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return ""
    host = parts.hostname if parts.hostname not in (None, "0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    shown = f"[{host}]" if ":" in str(host) else host
    return f"{parts.scheme}://{shown}{f':{parts.port}' if parts.port else ''}"


@contextmanager
def _in_one_line() -> Iterator[None]:
    """What the hub refuses, or that it cannot be reached, is no bug."""
    from web.client.errors import HubError, RefusedError

    try:
        yield
    except RefusedError as refused:
        raise Failure(refused.message) from None
    except (HubError, TimeoutError) as error:
        raise Failure(str(error) or type(error).__name__) from None
