"""`python -m tests.plugins.made_of FILE`: what a class of JupyterHub's kind makes of its traits, beside what was set.

In the environment of the plug-ins. The class is not begun, so that no engine need be there: it reads its configuration.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from spawners.configuration import load_settings


def made_of(file: Path) -> dict[str, tuple[str, str]]:
    """By trait in full: as it was said, and as the class has it."""
    settings, _ = load_settings([file], [])
    found: dict[str, tuple[str, str]] = {}
    for part in (settings.spawner, settings.authenticator):
        plugin: Any = getattr(part, "plugin", None)
        if plugin is None:
            continue
        blank = plugin.kind.__new__(plugin.kind)
        blank.user = SimpleNamespace(name="bob", id=1, admin=False)
        blank._load_config(plugin.config)
        for full, said in plugin.traits.items():
            found[full] = (_text(said), _text(getattr(blank, full.rpartition(".")[2])))
    return found


def _text(value: Any) -> str:
    """Lists and sets of the same things are the same: traits make of one what they want to have."""
    if isinstance(value, list | set | frozenset | tuple) and not any(isinstance(one, dict) for one in value):
        return repr(sorted(map(str, value)))
    return repr(value)


if __name__ == "__main__":
    print(json.dumps(made_of(Path(sys.argv[1]))))
