"""`callboard proxy --api`: the options of configurable-http-proxy that mean something here, as settings."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import click

TOKEN_VARIABLE = "CONFIGPROXY_AUTH_TOKEN"  # noqa: S105 -- its name
_OWN = {
    "ip": "",
    "port": 0,
    "socket": "",
    "api_ip": "127.0.0.1",
    "api_port": 0,
    "api_socket": "",
    "default_target": "",
    "error_target": "",
    "host_routing": False,
}
_PORT = 8000

_OPTIONS = (
    click.option(
        "--api", is_flag=True, help="Be driven over the REST API of configurable-http-proxy, by its options:"
    ),
    click.option("--ip", default=_OWN["ip"], help="The public address. Default: all there are."),
    click.option("--port", default=_OWN["port"], help="The public port. Default: 8000."),
    click.option("--socket", default=_OWN["socket"], help="A unix socket instead."),
    click.option("--api-ip", default=_OWN["api_ip"], help="Where the API listens.", show_default=True),
    click.option("--api-port", default=_OWN["api_port"], help="Default: the public port and one."),
    click.option("--api-socket", default=_OWN["api_socket"], help="A unix socket instead."),
    click.option(
        "--default-target", default=_OWN["default_target"], help="Where `/` leads from the beginning."
    ),
    click.option(
        "--error-target",
        default=_OWN["error_target"],
        help="Asked for pages for errors, as TARGET/404?url=PATH.",
    ),
    click.option("--host-routing", is_flag=True, help="The first segment of each route is a host."),
)


def api_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_api_options(options: dict[str, Any]) -> dict[str, Any] | None:
    """Takes them out, and gives those of `ApiSettings`; None without --api. Sets `bind_url`.

    Raises click.UsageError.
    """
    found = {name: options.pop(name) for name in _OWN}
    if not options.pop("api"):
        for name, usual in _OWN.items():
            if found[name] != usual:
                raise click.UsageError(f"--{name.replace('_', '-')} needs --api")
        return None
    port = found["port"] or _PORT
    options["bind_url"] = _url(found["ip"], port, found["socket"])
    return {
        "bind_url": _url(found["api_ip"], found["api_port"] or port + 1, found["api_socket"]),
        **{name: found[name] for name in ("default_target", "error_target", "host_routing")},
    }


def _url(ip: str, port: int, socket: str) -> str:
    if socket:
        return f"http+unix://{quote(socket, safe='')}"
    host = "" if ip == "*" else f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}"
