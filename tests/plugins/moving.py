"""A real JupyterHub and a hub of ours, with the same spawner or another for the same engine: in, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.integration.hub import RealHub, wait_for
from tests.moving.other_hub import OtherHub
from tests.plugins.environments import environment
from tests.plugins.life import wait_ready


class Movers(Struct):
    other: OtherHub
    ours: RealHub

    def start_there(self, *users: str) -> None:
        """Servers of these, with the other hub, which then ends and leaves them."""
        self.other.start()
        for user in users:
            self.other.have(f"/users/{user}")
            assert self.other.api("POST", f"/users/{user}/server").status_code in (201, 202)
        for user in users:
            wait_for(lambda user=user: self.server_there(user)["ready"], 90)  # type: ignore[misc]
        self.other.stop()

    def server_there(self, user: str) -> dict[str, Any]:
        model: dict[str, Any] = self.other.ask("GET", f"/users/{user}")["servers"].get("", {"ready": False})
        return model

    def move_in(self, *users: str) -> None:
        """Servers of these come, and are ready in ours then."""
        for option in (["--dry-run"], []):
            moved = self.ours.run_another("import", "-f", "hub_config.py", *option, str(self.other.database))
            assert moved.returncode == 0, moved.stderr
            assert f"running servers {len(users):>9} {0:>8}" in moved.stdout, moved.stdout
        self.ours.start()
        for user in users:
            wait_ready(self.ours, user)

    def move_back(self) -> str:
        """What the command said."""
        assert self.ours.terminate() == 0
        target = self.ours.directory / "back.sqlite"
        moved = self.ours.run_another("export", "-f", "hub_config.py", "--jupyterhub", str(target))
        assert moved.returncode == 0, moved.stderr
        self.other.database.unlink()
        target.rename(self.other.database)
        self.other.start()
        return moved.stdout

    def stop_there(self, user: str) -> None:
        assert self.other.api("DELETE", f"/users/{user}/server").status_code in (202, 204)
        wait_for(lambda: not self.other.ask("GET", f"/users/{user}")["servers"], 60)


@contextmanager
def movers(
    directory: Path,
    *,
    there: str,
    here: str,
    variables: dict[str, str],
    both: str,
    only_there: str = "",
    only_here: str = "",
) -> Iterator[Movers]:
    """`there`, `here`: the classes of spawners. `both`, `only_there`, `only_here`: lines of the configurations."""
    programs = environment("spawners")
    outlive = "c.JupyterHub.cleanup_servers = False\n"
    other = OtherHub(
        directory / "other",
        programs=programs,
        environment=variables,
        config=f'{both}{only_there}\nc.JupyterHub.spawner_class = "{there}"\n',
    )
    ours = RealHub(
        directory / "ours",
        programs=programs,
        environment=variables,
        config=f'{outlive}{both}{only_here}\nc.JupyterHub.spawner_class = "{here}"\n',
    )
    try:
        yield Movers(other, ours)
    finally:
        ours.close()
        other.close()
