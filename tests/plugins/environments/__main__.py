"""`python -m tests.plugins.environments NAME...` makes environments and prints where their programs are."""

from __future__ import annotations

import sys

from tests.plugins.environments import NAMES, environment

for name in sys.argv[1:] or NAMES:
    print(environment(name))
