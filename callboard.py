"""Where the command begins: `callboard`, or `python -m callboard`.

The packages have short names. Where another distribution has put one of the same name in the way, nothing of ours could
be relied on to say so, so this module imports none of them before it has looked.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("core", "projections", "spawners", "web")
HERE = Path(__file__).resolve().parent


def main() -> None:
    if in_the_way := foreign():
        sys.exit(f"callboard: {in_the_way} Install Callboard into an environment of its own.")
    from web.cli import main as command

    command()


def foreign() -> str:
    """A sentence about the packages that are not our own; empty where all are."""
    return " ".join(
        f"The package {name!r} is {f'taken from {place}, not from {HERE}' if place else 'missing'}."
        for name in PACKAGES
        if (place := _place(name)) != HERE
    )


def _place(name: str) -> Path | None:
    """The folder that the package lies in. None where there is none."""
    spec = find_spec(name)
    return Path(spec.origin).resolve().parent.parent if spec and spec.origin else None


if __name__ == "__main__":
    main()
