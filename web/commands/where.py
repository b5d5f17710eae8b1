"""Which log a command is about: that of the configuration, or a file named on the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from web.commands.failure import Failure

if TYPE_CHECKING:
    from core.events.log.tables import Tables
    from core.settings import Settings


def tables_are_current(db: Tables) -> bool:
    """Whether they are as this program has them. If not, the next start of a hub makes them so."""
    import projections
    from projections.rebuild import up_to_date

    return len(up_to_date(db, projections.ALL)) == len(projections.ALL)


def need_current_tables(db: Tables) -> None:
    """Raises Failure."""
    if not tables_are_current(db):
        raise Failure(
            "The tables are those of another version: `callboard rebuild`, or a hub, makes them anew."
        )


class Where:
    def __init__(self, files: tuple[Path, ...], db: str) -> None:
        self._files = files
        self._db = db
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """Raises ConfigError."""
        from spawners.configuration import load_settings

        if self._settings is None:
            overrides = [f"--JupyterHub.db_url={self._db}"] if self._db else []
            self._settings, _ = load_settings(self._files, overrides)  # the hub says what was given in vain
        return self._settings

    @property
    def log(self) -> str:
        """The file. Raises ConfigError, Failure for a log in memory."""
        from core.settings import database_path

        given = self._db if "://" in self._db or not self._db else f"sqlite:///{self._db}"
        path = database_path(given or self.settings.hub.db_url)  # a file named here needs no configuration
        if path == ":memory:":
            raise Failure("This hub keeps its log in memory: there is no file.")
        return path


config_option = click.option(
    "-f",
    "--config",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A configuration in Python or TOML, or a folder of them; may be given several times. "
    "Without it jupyterhub_config.py and callboard.toml in this directory, if they are there.",
)


def about_a_log(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options `-f FILE` and `--db FILE`, which reach the command as its first argument, a Where."""

    @config_option
    @click.option("--db", default="", metavar="FILE", help="This log, whatever the configuration says.")
    @wraps(command)
    def located(*, files: tuple[Path, ...], db: str, **options: Any) -> Any:
        return command(Where(files, db), **options)

    return located
