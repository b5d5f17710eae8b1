"""The machine and the installation: what a hub needs of both."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from web.commands.doctor.finding import Finding, ok, problem, warning

OURS = ("core", "projections", "spawners", "web")
ROOT = Path(__file__).parents[3]


def look_at_machine() -> Iterator[Finding]:
    if sys.platform != "linux":
        yield problem("machine", f"This is {platform.system()}; a hub needs Linux.")
        return
    yield ok("machine", f"Linux {platform.release()}, Python {platform.python_version()}")
    if not hasattr(os, "pidfd_open"):
        yield problem(
            "machine", "This Python knows no pidfd_open.", "Use one that is built for Linux 5.3 or newer."
        )


def look_at_packages() -> Iterator[Finding]:
    """Our top-level names are short: another distribution in the same environment may have the same."""
    known = packages_distributions()
    for name in OURS:
        others = sorted({one for one in known.get(name, []) if one.lower() != "callboard"})
        spec = find_spec(name)
        place = Path(spec.origin).parent.parent if spec and spec.origin else None
        if others:
            yield problem(
                "packages", f"{', '.join(others)} installs a package {name!r}, as Callboard does.", APART
            )
        elif place != ROOT:
            yield problem(
                "packages", f"The package {name!r} is taken from {place}, not from Callboard.", APART
            )
    if not any(known.get(name, []) for name in OURS):
        yield warning("packages", f"Callboard runs from {ROOT}, without being installed.")


APART = "Install Callboard into an environment of its own."
