"""A run, from its beginning to its history."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.chaos.clients import OWNER, Client, Grouper, Leaver, Registrar, SocketHolder, Starter, TokenHolder
from tests.chaos.final_state import NoRestError, find, settle
from tests.chaos.history import FinalState, History, HubProcess, Recorded, Recorder
from tests.chaos.nemesis import Nemesis
from tests.chaos.schedule import AWAY, Fault, Transition, transitions
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
    ("fay", Leaver),
    ("ian", Grouper),
    ("gus", SocketHolder),
    ("hal", SocketHolder),
)
STEP = 0.02  # seconds between looks at whether the hub lives
NOTICING = 15.0  # seconds in which a hub notices that its log has gone


class Keeper:
    """Starts the hub again whenever it has ended, as systemd would. Notes its processes."""

    def __init__(self, hub: RealHub, shim: Shim | None, clock: Callable[[], float]) -> None:
        self.hub_processes: list[HubProcess] = []
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
        self.hub_processes.append(HubProcess(self._began, self._clock(), None if status == -9 else status))

    def all_hub_processes(self) -> tuple[HubProcess, ...]:
        return (*self.hub_processes, HubProcess(self._began, self._clock()))


class Runner:
    def __init__(self, directory: Path, seed: int, shim: Shim | None) -> None:
        self._epoch = time.monotonic()
        self.hub = RealHub(directory, config=CONFIG, cmd=["python3", "-S", "-E", str(TICK_SERVER)])
        self._recorder = Recorder()
        self._keeper = Keeper(self.hub, shim, self._clock)
        self._nemesis = Nemesis(self.hub, shim, self._clock)
        self._clients = [
            kind(self.hub, self._recorder, self._clock, name, f"{seed} {name}") for name, kind in CLIENTS
        ]

    def _clock(self) -> float:
        return time.monotonic() - self._epoch

    def run(self, faults: Sequence[Fault]) -> History:
        try:
            self._prepare()
            with self._at_work():
                self._inject(transitions(faults))
                self._calm()
            return self._history(find(self.hub, self._recorder, self._clients))
        except NoRestError as error:
            return self._history(FinalState(unsettled=(str(error),)))
        finally:
            self._nemesis.end_all()
            self.hub.close()

    def _prepare(self) -> None:
        self._keeper.start()
        settle(self.hub, self._keep)
        for name, kind in CLIENTS:
            if kind in (Grouper, Starter, TokenHolder):
                self.hub.add_user(name)
        self.hub.add_user(OWNER)
        self.hub.begin(OWNER)
        self.hub.wait_ready(OWNER)

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
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

    # --- faults ---

    def _inject(self, todo: Sequence[Transition]) -> None:
        begin = self._clock()
        for transition in todo:
            while self._clock() < begin + transition.at:
                self._keep()
                time.sleep(STEP)
            if transition.fault.kind in AWAY:
                begin += self._have_noticed(transition)
            elif transition.is_end:
                self._nemesis.end(transition.fault)
            else:
                self._nemesis.begin(transition.fault)

    def _have_noticed(self, transition: Transition) -> float:
        """Nothing else is done meanwhile. How long it took the hub to notice."""
        if transition.is_end:
            return 0.0
        self._calm()
        begin = self._clock()
        self._nemesis.begin(transition.fault)
        while not self._keeper.has_ended() and self._clock() < begin + NOTICING:
            time.sleep(STEP)
        self._nemesis.end(transition.fault)
        return self._clock() - begin

    def _calm(self) -> None:
        self._nemesis.end_all()
        settle(self.hub, self._keep)

    def _keep(self) -> None:
        if self._keeper.has_ended() and self._clock() >= self._nemesis.downtime:
            self._keeper.start()

    def _history(self, final: FinalState) -> History:
        recorded = [Recorded(type, request) for type, request in requests_of(self.hub)]
        return History(
            tuple(self._recorder.operations),
            tuple(self._recorder.pages),
            tuple(self._recorder.sockets),
            self._nemesis.injected(),
            self._keeper.all_hub_processes(),
            tuple(recorded),
            final,
        )


def requests_of(hub: RealHub) -> list[tuple[str, str]]:
    with hub.reading() as db:
        return list(db.execute("SELECT type, request FROM events WHERE request <> ''"))
