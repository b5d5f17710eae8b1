"""The hub's configuration, read with what every spawner there is declares of its own."""

from __future__ import annotations

from functools import partial

from core.config import file, reference, shown
from core.config.checking import report
from core.config.trait_names import Names
from spawners import KINDS

NAMES = Names(KINDS)

classes_named = partial(file.classes_named, names=NAMES)
checked = partial(report.checked, names=NAMES)
load_settings = partial(file.load_settings, names=NAMES)
config_file = partial(reference.config_file, NAMES)
differing = partial(shown.differing, names=NAMES)
as_text = partial(shown.as_text, names=NAMES)

if __name__ == "__main__":
    print(reference.markdown(NAMES), end="")
