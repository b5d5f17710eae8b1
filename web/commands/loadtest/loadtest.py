"""`callboard loadtest`: how a hub does when many people come, known beforehand."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from random import Random, SystemRandom
from typing import TYPE_CHECKING, TypeVar

import click

from web.commands.asking.which import TOKEN_VARIABLE
from web.commands.failure import Failure
from web.commands.loadtest.patterns import PATTERNS, Visit, visits
from web.commands.long_work import long_work

if TYPE_CHECKING:
    from web.commands.loadtest.hub import Hub
    from web.commands.loadtest.person import Habits
    from web.commands.loadtest.report import Report

T = TypeVar("T")

PASSWORD_VARIABLE = "CALLBOARD_LOADTEST_PASSWORD"  # noqa: S105 - its name


@click.command(short_help="Let simulated people use a hub, and print how long they wait.")
@click.argument("url")
@click.option(
    "--users", default=20, show_default=True, type=click.IntRange(1, 99_999), help="How many people."
)
@click.option(
    "--pattern",
    default="lecture",
    show_default=True,
    type=click.Choice(list(PATTERNS)),
    help="lecture: all come in the first tenth and leave together; steady: all the time; burst: all at once.",
)
@click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="From the first to the last.",
)
@click.option(
    "--traffic",
    default="kernel",
    show_default=True,
    type=click.Choice(["kernel", "http", "none"]),
    help="What they do with a server: run cells in a kernel, load its page, or nothing.",
)
@click.option(
    "--pause",
    default=2.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="Seconds between two of those.",
)
@click.option(
    "--start-timeout",
    default=300.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="Seconds to wait for a server.",
)
@click.option("--prefix", default="loadtest", show_default=True, help="Of the names of the people.")
@click.option("--seed", type=int, help="To have people come at the same moments as in another run.")
@click.option(
    "--remove", is_flag=True, help="Only remove the people whom an earlier test had to leave behind."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def loadtest(
    url: str,
    users: int,
    pattern: str,
    seconds: float,
    traffic: str,
    pause: float,
    start_timeout: float,
    prefix: str,
    seed: int | None,
    remove: bool,
    as_json: bool,
) -> None:
    """Let simulated people use the hub at URL, Callboard or JupyterHub, and print how long they had to wait.

    They are made for it, each starts a server, follows its start, works with it, stops it, and is removed at the end:
    also after Ctrl-C. If the hub is away then, they are removed later, with --remove. The token of an administrator
    comes in CALLBOARD_TOKEN. With a password in CALLBOARD_LOADTEST_PASSWORD, one that all people may log in with,
    they log in on the form, too, and open their servers as browsers do. It needs a real Jupyter server behind each
    start, unless --traffic says otherwise.

    Exit codes: 0 when all went as people hope, or the hub refused some of it; 1 when something broke, or somebody is
    left.

    \b
    callboard loadtest http://127.0.0.1:8000 --users 200 --pattern lecture
    callboard loadtest https://hub.example --users 50 --traffic none --json
    """
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise Failure(f"{TOKEN_VARIABLE} is not set: it is the token of an administrator of {url}")
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is not http://... or https://...", param_hint="URL")
    if remove:
        _remove(url, token, prefix, users)
        return
    from web.commands.loadtest.person import Habits

    seed = SystemRandom().randrange(2**32) if seed is None else seed
    planned = visits(pattern, users, seconds, Random(seed))  # noqa: S311
    habits = Habits(os.environ.get(PASSWORD_VARIABLE, ""), traffic, pause, start_timeout)
    report = _carried_out(url, token, prefix, pattern, planned, habits)
    _print(report, as_json)
    if report.left:
        raise Failure(f"{len(report.left)} people are left: {_how_to_remove(url, prefix, users)}")
    if report.failed:
        raise Failure(f"{report.failed} steps failed; the same again with --seed {seed}")


def _carried_out(
    url: str, token: str, prefix: str, pattern: str, planned: list[Visit], habits: Habits
) -> Report:
    async def visit(hub: Hub) -> Report:
        with long_work("people made, gone, removed", 3 * len(planned)) as on_progress:
            return await _watched(hub, prefix, pattern, planned, habits, on_progress)

    return _with_hub(url, token, visit)


def _remove(url: str, token: str, prefix: str, users: int) -> None:
    """Those who would have been made."""
    from web.commands.loadtest.crowd import names_of, remove

    async def gone(hub: Hub) -> list[str]:
        await _version(hub)
        with long_work("people removed", users) as on_progress:
            return await remove(hub, names_of(prefix, users), on_progress)

    if left := _with_hub(url, token, gone):
        raise Failure(f"{len(left)} people are left: {_how_to_remove(url, prefix, users)}")


def _how_to_remove(url: str, prefix: str, users: int) -> str:
    return f"once the hub is well, callboard loadtest {url} --prefix {prefix} --users {users} --remove"


def _with_hub(url: str, token: str, work: Callable[[Hub], Awaitable[T]]) -> T:
    """Raises Failure where the hub says no, or is not there."""
    import trio

    from web.client.errors import HubError
    from web.commands.loadtest.hub import hub_at

    async def run() -> T:
        async with hub_at(url, token) as hub:
            return await work(hub)

    try:
        return trio.run(run)
    except HubError as error:
        raise Failure(f"{url}: {error}") from None
    except BaseExceptionGroup as group:
        if group.split(KeyboardInterrupt)[1] is None:  # nothing else than that somebody has had enough
            raise click.Abort from None
        raise


async def _watched(
    hub: Hub,
    prefix: str,
    pattern: str,
    planned: list[Visit],
    habits: Habits,
    on_progress: Callable[[int], None],
) -> Report:
    import trio

    from web.commands.loadtest.crowd import Crowd
    from web.commands.loadtest.measured import Measured
    from web.commands.loadtest.own_words import said_between
    from web.commands.loadtest.report import Report

    version = await _version(hub)
    measured = Measured()
    before, begin = await _samples(hub), trio.current_time()
    crowd = Crowd(hub, measured, habits, prefix, on_progress)
    await crowd.visit(planned)
    seconds, after = trio.current_time() - begin, await _samples(hub)
    said = said_between(before, after) if before and after else None
    reasons = dict(measured.reasons.most_common())
    return Report(version, pattern, len(planned), seconds, measured.steps(), reasons, said, crowd.left)


async def _version(hub: Hub) -> str:
    """Also whether the hub is there, and the token good for anything."""
    import json

    answer = await hub.admin.request("GET", "/info")
    info = json.loads(answer.body)
    ours = info.get("callboard_version")
    return f"Callboard {ours}" if ours else f"JupyterHub {info['version']}"


async def _samples(hub: Hub) -> dict[str, float]:
    """Empty where the hub does not show them."""
    from web.commands.loadtest.measured import Failed
    from web.commands.loadtest.own_words import parse

    try:
        return dict(parse(await hub.metrics()))
    except Failed:
        return {}


def _print(report: Report, as_json: bool) -> None:
    from web.commands.asking.table import print_json
    from web.commands.loadtest.report import print_report

    print_json(report) if as_json else print_report(report)
