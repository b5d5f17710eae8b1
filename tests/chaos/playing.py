"""A run, from its beginning to its history."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.chaos.clients import OWNER, Client, Registrar, SocketHolder, Starter, TokenHolder
from tests.chaos.finding import find, settle
from tests.chaos.harming import Harming
from tests.chaos.history import Found, History, Life, Notebook, Recorded
from tests.chaos.schedule import AWAY, Harm, Turn, turns
from tests.chaos.shim import Shim
from tests.integration.hub import RealHub

TICK_SERVER = Path(__file__).with_name("tick_server.py")
CONFIG = """
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
"""
CLIENTS: tuple[tuple[str, type[Client]], ...] = (
    ("ann", Registrar),
    ("ben", Registrar),
    ("cat", TokenHolder),
    ("dan", Starter),
    ("eve", Starter),
    ("fay", Starter),
    ("gus", SocketHolder),
    ("hal", SocketHolder),
)
STEP = 0.02  # seconds between looks at whether the hub lives
NOTICING = 15.0  # seconds in which a hub notices that its log has gone


class Keeper:
    """Starts the hub again whenever it has ended, as systemd would. Notes its lives."""

    def __init__(self, hub: RealHub, shim: Shim | None, clock: Callable[[], float]) -> None:
        self.lives: list[Life] = []
        self._hub = hub
        self._environment = shim.environment if shim else {}
        self._clock = clock
        self._began = 0.0

    def start(self) -> None:
        self._began = self._clock()
        self._hub.start(wait=False, environment=self._environment)

    def has_ended(self) -> bool:
        """Notes it once."""
        process = self._hub.process
        if process is None:
            return True
        if process.poll() is None:
            return False
        self._note(process.returncode)
        self._hub.process = None
        return True

    def _note(self, status: int) -> None:
        """One that was killed has not ended by itself."""
        self.lives.append(Life(self._began, self._clock(), None if status == -9 else status))

    def all_lives(self) -> tuple[Life, ...]:
        return (*self.lives, Life(self._began, self._clock()))


class Play:
    def __init__(self, directory: Path, seed: int, shim: Shim | None) -> None:
        self._epoch = time.monotonic()
        self.hub = RealHub(directory, config=CONFIG, cmd=["python3", "-S", "-E", str(TICK_SERVER)])
        self._notebook = Notebook()
        self._keeper = Keeper(self.hub, shim, self._clock)
        self._harming = Harming(self.hub, shim, self._clock)
        self._clients = [
            kind(self.hub, self._notebook, self._clock, name, f"{seed} {name}") for name, kind in CLIENTS
        ]

    def _clock(self) -> float:
        return time.monotonic() - self._epoch

    def run(self, harms: Sequence[Harm]) -> History:
        try:
            self._prepare()
            with self._at_work():
                self._harm(turns(harms))
                self._calm()
            return self._history(find(self.hub, self._notebook, self._clients))
        finally:
            self._harming.end_all()
            self.hub.close()

    def _prepare(self) -> None:
        self._keeper.start()
        settle(self.hub, self._keep)
        for name, kind in CLIENTS:
            if kind in (Starter, TokenHolder):
                self.hub.add_user(name)
        self.hub.add_user(OWNER)
        self.hub.begin(OWNER)
        self.hub.wait_ready(OWNER)

    @contextlib.contextmanager
    def _at_work(self) -> None:
        threads = [threading.Thread(target=client.run, name=client.name) for client in self._clients]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for client in self._clients:
                client.stop()
            for thread in threads:
                thread.join()

    # --- harm ---

    def _harm(self, todo: Sequence[Turn]) -> None:
        begin = self._clock()
        for turn in todo:
            while self._clock() < begin + turn.at:
                self._keep()
                time.sleep(STEP)
            if turn.harm.kind in AWAY:
                begin += self._have_noticed(turn)
            elif turn.is_end:
                self._harming.end(turn.harm)
            else:
                self._harming.begin(turn.harm)

    def _have_noticed(self, turn: Turn) -> float:
        """Nothing else is done meanwhile. How long it took the hub to notice."""
        if turn.is_end:
            return 0.0
        self._calm()
        begin = self._clock()
        self._harming.begin(turn.harm)
        while not self._keeper.has_ended() and self._clock() < begin + NOTICING:
            time.sleep(STEP)
        self._harming.end(turn.harm)
        return self._clock() - begin

    def _calm(self) -> None:
        self._harming.end_all()
        settle(self.hub, self._keep)

    def _keep(self) -> None:
        if self._keeper.has_ended() and self._clock() >= self._harming.downtime:
            self._keeper.start()

    def _history(self, found: Found) -> History:
        recorded = [Recorded(type, request) for type, request in requests_of(self.hub)]
        return History(
            tuple(self._notebook.acts),
            tuple(self._notebook.sockets),
            self._harming.all_done(),
            self._keeper.all_lives(),
            tuple(recorded),
            found,
        )


def requests_of(hub: RealHub) -> list[tuple[str, str]]:
    with hub.reading() as db:
        return db.execute("SELECT type, request FROM events WHERE request <> ''").fetchall()
