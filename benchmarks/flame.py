"""Where the time of requests goes: a flame graph, as SVG.

python -m benchmarks.flame docs/where-time-goes.svg

A hub is looked at while it answers four kinds of requests, each for as long as the others. What is half as wide as the
picture takes half of the time; what stands on top of it is what it called.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.a_hub import Asker, a_hub
from benchmarks.requests import USERS

SECONDS = 3.0  # for each kind
WIDTH, HEIGHT, LETTER = 1200, 16, 6.2
LEAST = 0.004  # of the whole: narrower is left out


class Frame:
    def __init__(self) -> None:
        self.count = 0
        self.callees: dict[str, Frame] = {}

    def add(self, names: list[str], count: int) -> None:
        self.count += count
        if names:
            self.callees.setdefault(names[0], Frame()).add(names[1:], count)


def main(picture: str) -> None:
    with TemporaryDirectory() as folder:
        stacks = Path(folder, "stacks")
        with a_hub(sys.executable, "-m", "benchmarks.sampled_hub", str(stacks)) as hub:
            _ask(hub.port)
        root = folded(stacks.read_text().splitlines())
    Path(picture).write_text(drawn(root))


def _ask(port: int) -> None:
    admin = Asker(port)
    for number in range(USERS):
        admin.ask("POST", f"/hub/api/users/u{number}")
    own = Asker(port, json.loads(admin.ask("POST", "/hub/api/users/u1/tokens", b"{}"))["token"])
    for asker, path in ((admin, ""), (own, "user"), (admin, "users/u1"), (admin, "users?limit=50")):
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            asker.ask("GET", f"/hub/api/{path}")


def folded(lines: list[str]) -> Frame:
    """The stacks of connections as one tree; how the hub started is not in it."""
    root = Frame()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        names = stack.split(";")
        if "web.http1.connection.run" in names:
            root.add(names[names.index("web.http1.connection.run") :], int(count))
    return root


def drawn(root: Frame) -> str:
    boxes = list(_boxes(root, 0.0, 0, root.count))
    height = (max(depth for _, _, depth, _ in boxes) + 1) * HEIGHT
    parts = [_box(left, share, height - (depth + 1) * HEIGHT, name) for left, share, depth, name in boxes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-size="10" '
        f'font-family="monospace">\n{"".join(parts)}</svg>\n'
    )


def _boxes(frame: Frame, left: float, depth: int, total: int) -> Iterator[tuple[float, float, int, str]]:
    """Of what a frame has called, from left to right: where it begins, how wide it is, how deep, and its name."""
    for name, callee in sorted(frame.callees.items()):
        share = callee.count / total
        if share >= LEAST:
            yield left, share, depth, name
            yield from _boxes(callee, left, depth + 1, total)
        left += share


def _box(left: float, share: float, top: int, name: str) -> str:
    x, width = left * WIDTH, share * WIDTH
    shown = name.removeprefix("web.")[: max(0, int(width / LETTER) - 1)]
    hue = 10 + sum(name.encode()) % 45
    return (
        f'<g><title>{escape(name)} {share:.1%}</title><rect x="{x:.1f}" y="{top}" width="{width:.1f}" '
        f'height="{HEIGHT - 1}" fill="hsl({hue},80%,70%)"/>'
        f'<text x="{x + 2:.1f}" y="{top + 11}">{escape(shown)}</text></g>\n'
    )


if __name__ == "__main__":
    main(sys.argv[1])
