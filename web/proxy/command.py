"""`callboard proxy`: what the command line and the environment say, as settings."""

import os
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import click

from core.machine.bind_port import port_of
from web.proxy.driven.options import TOKEN_VARIABLE as API_TOKEN_VARIABLE
from web.proxy.driven.options import api_options, take_api_options

TOKEN_VARIABLE = "CALLBOARD_PROXY_TOKEN"  # noqa: S105 - its name; arguments could be read by everybody


@click.command("proxy")
@click.option(
    "--bind-url",
    default="http://:8000",
    help="http://HOST:PORT or http+unix://%2Fpath; its path is the base URL.",
)
@click.option("--hub-url", default="http://127.0.0.1:8081", help="Where the hub listens, without a path.")
@click.option("--base-url", default="", help="Default: the path of --bind-url.")
@click.option(
    "--stream-url", default="", help="The hub's route stream. Default: HUB-URL BASE-URL hub/api/proxy/stream."
)
@click.option(
    "--ssl-key", default="", help="Serve https with this key; read anew when it changes and on SIGHUP."
)
@click.option("--ssl-cert", default="", help="The certificate to that key, with its chain.")
@click.option(
    "--redirect-port", default=0, help="Listen here for plain http as well, and send it on to https."
)
@click.option("--redirect-to", default=0, help="To this port. Default: the port of --bind-url.")
@click.option("--pid-file", default="", help="Say here, in JSON, which process this is.")
@click.option(
    "--away-page",
    default="",
    help="Keep the hub's page for when it is away here. Default: beside the pid file.",
)
@click.option("--activity-interval", default=300.0, help="Seconds between reports of activity.")
@click.option("--max-connections", default=0, help="Default: half of the limit on open files.")
@click.option(
    "--shutdown-grace", default=5.0, help="Seconds in which running requests may end after SIGTERM."
)
@click.option(
    "--name", default="", help="What the hub calls it. Default: this machine's name, and the address."
)
@click.option(
    "--log-level",
    default="info",
    type=click.Choice(["debug", "info", "warn", "error"]),
    help="What is logged at least.",
    show_default=True,
)
@api_options
def proxy(**options: Any) -> None:
    """Serve the public port and follow the hub's routes. The credential comes in CALLBOARD_PROXY_TOKEN.

    With --api a hub drives it instead, one of JupyterHub's say; the credential then comes in CONFIGPROXY_AUTH_TOKEN.
    """
    run = import_module("web.proxy.run")  # trio and the rest, which other commands need not wait for
    variable = API_TOKEN_VARIABLE if options["api"] else TOKEN_VARIABLE
    run.run(settings_from(options, os.environ.get(variable, "")))


def settings_from(options: dict[str, Any], token: str) -> Any:
    """The ProxySettings for this command line. Raises click.UsageError."""
    if not token:
        raise click.UsageError(f"{API_TOKEN_VARIABLE if options['api'] else TOKEN_VARIABLE} is not set")
    api = take_api_options(options)
    if bool(options["ssl_key"]) > bool(options["ssl_cert"]):
        raise click.UsageError("--ssl-key needs --ssl-cert")
    _check_redirect(options)
    settings = import_module("web.proxy.settings")
    limits = settings.Limits(
        connections=options.pop("max_connections"), shutdown_grace=options.pop("shutdown_grace")
    )
    bind_path = urlsplit(options["bind_url"]).path
    if options["pid_file"] and not options["away_page"]:
        options["away_page"] = f"{options['pid_file'].removesuffix('.pid')}-away.json"
    base_url = f"/{(options.pop('base_url') or bind_path).strip('/')}/".replace("//", "/")
    return settings.ProxySettings(
        token=token,
        base_url=base_url,
        limits=limits,
        api=settings.ApiSettings(**api) if api else None,
        **options,
    )


def _check_redirect(options: dict[str, Any]) -> None:
    if not options["redirect_port"]:
        return
    if not (options["ssl_cert"] or options["redirect_to"]):
        raise click.UsageError(
            "--redirect-port needs https: --ssl-cert, or --redirect-to where others serve it"
        )
    bind = urlsplit(options["bind_url"])
    if bind.scheme == "http+unix" or options["redirect_port"] == port_of(bind):
        raise click.UsageError("--redirect-port is another port than that of --bind-url")
