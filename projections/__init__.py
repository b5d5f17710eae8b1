"""What anyone reads: tables folded from the log, in the order in which an event reaches them."""

from __future__ import annotations

from typing import cast

from core.events.database import Projection
from projections import names, progress, routes, servers, share_codes, shares, tokens, users

ALL = cast(tuple[Projection, ...], (names, users, servers, tokens, shares, share_codes, progress, routes))
