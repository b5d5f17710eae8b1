"""The tables as they were, for whoever asks of them what else would be asked of those that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from web.commands.long_work import long_work
from web.commands.past.moments import parse_position

if TYPE_CHECKING:
    from core.events.log.tables import Tables


@contextmanager
def tables_as_of(log: Tables, moment: str | None) -> Iterator[tuple[Tables, int]]:
    """Folded afresh from the log, in a database of their own in memory; and the position they are of.

    `moment`: a position or a time; None: now. Raises click.BadParameter.
    """
    import projections
    from core.events.file.reading import head_position
    from projections.rebuild import rebuilt

    position = head_position(log) if moment is None else parse_position(log, moment)
    with long_work("events", position) as on_progress:
        then = rebuilt(log, projections.ALL, position, on_progress)
    try:
        yield then, position
    finally:
        then.close()
