"""Where the spawners under contract run their servers: a world outlives the hubs that come and go in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
import trio
from jupyterhub.spawner import SimpleLocalProcessSpawner
from msgspec.structs import replace
from traitlets.config import Config

from core.machine.readiness import wait_server_up
from core.naming.ids import new_id
from core.plugins.plugin_hub import Person, Site
from core.plugins.spawner import Attempt, Gone, Progress, Spawner
from core.settings import PluginSettings, PluginSpawnerSettings
from spawners.docker.engine.found import SPAWN_ID
from spawners.docker.settings import DockerSettings
from spawners.docker.spawner import DockerSpawner
from spawners.jupyterhub.adapter import PluginSpawner
from spawners.local.settings import LocalProcessSettings
from spawners.local.spawner import LocalProcessSpawner
from spawners.process_family import marked
from spawners.simulated import SimulatedBackend, SimulatedSettings, SimulatedSpawner
from spawners.slurm.settings import SlurmSettings
from spawners.slurm.spawner import SlurmSpawner
from tests.engines.docker import PYTHON_IMAGE, DockerEngine
from tests.engines.slurm import SlurmCluster
from tests.integration.port_listener import PortListener
from tests.integration.toy_spawner import Made, ToySettings, ToySpawner

TINY_SERVER = str(Path(__file__).with_name("tiny_server.py"))


def ignore(progress: Progress) -> None:
    pass


class SimulatedWorld:
    name = "simulated"
    counts_bytes = True  # the places in its output
    tells_any_hub = True  # how a server has ended, whichever asks first

    def __init__(self, directory: Path) -> None:
        self.backend = SimulatedBackend()

    def hub(self) -> Spawner:
        return SimulatedSpawner(SimulatedSettings(), self.backend)

    def attempt(self, **simulate: Any) -> Attempt:
        """`exit`, `signal` and `after`: how and when it ends by itself."""
        if "exit" in simulate or "signal" in simulate:
            simulate["die_after"] = simulate.pop("after", 0.2)
            simulate["exit_status"] = simulate.pop("exit", None) or -simulate.pop("signal", 0)
        ids = {"user_id": new_id("u"), "server_id": new_id("v")}
        return Attempt(new_id("s"), "alice", "", "/user/alice/", {"simulate": simulate}, {}, **ids)

    async def wait_up(self, url: str) -> None:
        await self.backend.wait_server_up(url)

    async def lose(self, spawn_id: str) -> bool:
        """Have the node go down that it runs on. False: this engine has none that it could lose sight of."""
        self.backend.lose(spawn_id)
        return True

    async def find(self, spawn_id: str) -> None:
        """Bring that node back, with all that runs there."""
        self.backend.lost.discard(spawn_id)

    async def kept(self) -> set[str] | None:
        """The ids of servers for which something is kept that outlives attempts. None: nothing ever is."""
        return {server_id for _, server_id in self.backend.volumes}

    async def close(self) -> None:
        pass


class LocalWorld:
    name = "local_process"
    counts_bytes = True
    tells_any_hub = True
    processes_each = 2  # the launcher and the server

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "attempts"
        self.spawn_ids: list[str] = []
        self.settings = LocalProcessSettings(
            cmd=[sys.executable, "-S", "-E", TINY_SERVER],
            interrupt_timeout=5,
            term_timeout=5,
            kill_timeout=5,
            home_dir_template=str(directory / "home" / "{username}"),
        )

    def hub(self) -> Spawner:
        return LocalProcessSpawner(self.state, self.settings, simple=True)

    def attempt(self, **behaviour: Any) -> Attempt:
        spawn_id = new_id("s")
        self.spawn_ids.append(spawn_id)
        if "exit" in behaviour or "signal" in behaviour:
            behaviour.setdefault("after", 0.2)
        environment = {"BEHAVIOUR": json.dumps(behaviour), "JUPYTERHUB_API_TOKEN": "t0p-s3cret"}
        ids = {"user_id": new_id("u"), "server_id": new_id("v")}
        return Attempt(spawn_id, "alice", "", "/user/alice/", {}, environment, **ids)

    async def wait_up(self, url: str) -> None:
        assert await wait_server_up(f"{url}/user/alice/api") == "6.1.1"

    async def lose(self, spawn_id: str) -> bool:
        return False

    async def find(self, spawn_id: str) -> None:
        raise AssertionError("nothing was lost")

    async def kept(self) -> set[str] | None:
        return None

    def processes(self, spawn_id: str) -> set[int]:
        return {one.pid for one in marked({spawn_id})[spawn_id]}

    async def close(self) -> None:
        """Nothing that a test has started may outlive it."""
        hub = self.hub()
        for spawn_id in self.spawn_ids:
            assert isinstance(await hub.stop(spawn_id), Gone)
            with trio.fail_after(5):
                while self.processes(spawn_id):  # launchers that nobody has waited for yet
                    await trio.sleep(0.01)


class ToyWorld(LocalWorld):
    name = "toy"
    counts_bytes = False
    processes_each = 1

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.engine: dict[str, Made] = {}
        self.toy = ToySettings(cmd=self.settings.cmd)

    def hub(self) -> Spawner:
        return ToySpawner(self.toy, self.directory, self.engine)

    def processes(self, spawn_id: str) -> set[int]:
        made = self.engine.get(spawn_id)
        return {made.process.pid} if made and made.process.poll() is None else set()


class DockerWorld(LocalWorld):
    """Containers of a real engine: each counts as one process."""

    name = "docker"
    counts_bytes = False
    processes_each = 1

    def __init__(self, directory: Path, engine: DockerEngine) -> None:
        super().__init__(directory)
        self.engine = engine
        self.docker = DockerSettings(
            docker_host=engine.host,
            image=PYTHON_IMAGE,
            cmd=["python3", "-S", "-E", "/srv/tiny_server.py"],
            read_only_volumes={TINY_SERVER: {"bind": "/srv/tiny_server.py", "mode": "ro"}},
            volumes={"kept-{server_id}": {"bind": "/kept", "mode": "rw"}},
            extra_host_config={"Init": True},  # else signals of its own do nothing to it
        )

    def hub(self) -> Spawner:
        return DockerSpawner(self.docker, self.state)

    async def kept(self) -> set[str] | None:
        return {name.removeprefix("kept-") for name in self.engine.volumes()}

    def processes(self, spawn_id: str) -> set[int]:
        found = self.engine.containers(**{SPAWN_ID: spawn_id})
        return {int(one["Id"][:12], 16) for one in found}

    async def close(self) -> None:
        await super().close()
        for spawn_id in self.spawn_ids:
            await self.hub().forget(spawn_id)
        for name in self.engine.volumes():
            assert self.engine.request("DELETE", f"/volumes/{name}").is_success


class SlurmWorld(LocalWorld):
    """In a real cluster. What a hub's API would be told of ports, a listener of the world's own is told."""

    name = "slurm"
    processes_each = 1

    def __init__(self, directory: Path, cluster: SlurmCluster) -> None:
        super().__init__(directory)
        self._variables = pytest.MonkeyPatch()
        for name, value in cluster.environment.items():
            self._variables.setenv(name, value)
        self.jobs = SlurmSettings(
            cmd=self.settings.cmd,
            node_python=sys.executable,
            submit_as="hub",
            req_memory="10M",
            output_file=str(directory / "{spawn_id}.log"),
            query_interval=0.1,
            watch_interval=0.1,
        )
        self.listener = PortListener(
            lambda spawn_id, port: trio.run(self.hub().port_reported, spawn_id, port)
        )

    def hub(self) -> Spawner:
        return SlurmSpawner(self.jobs, self.state)

    def attempt(self, **behaviour: Any) -> Attempt:
        """What ends by itself does so once it is up: until then nobody knows its port."""
        if "exit" in behaviour or "signal" in behaviour:
            behaviour |= {"up": True, "after": 3}
        attempt = super().attempt(**behaviour)
        own = {"JUPYTERHUB_API_TOKEN": attempt.spawn_id, "JUPYTERHUB_API_URL": self.listener.url}
        return replace(attempt, environment={**attempt.environment, **own})

    def processes(self, spawn_id: str) -> set[int]:
        """Without the one that tells the port."""
        return {
            pid
            for pid in super().processes(spawn_id)
            if b"-I" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        }

    async def close(self) -> None:
        await super().close()
        self.listener.close()
        self._variables.undo()


class Described(SimpleLocalProcessSpawner):  # type: ignore[misc]  # JupyterHub has no types
    """As configurations have them: what its servers do is an option."""

    launched: ClassVar[list[subprocess.Popen[bytes]]] = []

    async def start(self) -> tuple[str, int]:
        address: tuple[str, int] = await super().start()
        self.launched.append(self.proc)
        return address

    def get_env(self) -> dict[str, str]:
        return {**super().get_env(), "BEHAVIOUR": self.user_options["behaviour"]}


class MemoryStates:
    """Keeps what is kept of attempts for as long as the world lasts."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def of(self, key: str) -> dict[str, Any] | None:
        return msgspec.json.decode(self.kept[key]) if key in self.kept else None

    def keys(self) -> list[str]:
        return list(self.kept)

    async def keep(self, key: str, state: dict[str, Any] | None) -> None:
        await trio.lowlevel.checkpoint()
        if state is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = msgspec.json.encode(state)


class LonelyHub:
    """A hub to plug-ins of which nobody else takes notice."""

    def __init__(self) -> None:
        self.states = MemoryStates()

    def site(self) -> Site:
        return Site()

    def person(self, user_id: str, name: str) -> Person:
        return Person(user_id, name)


class PluginWorld(LocalWorld):
    """A class of JupyterHub's, behind the adapter. Each attempt is of a server of its own."""

    name = "plugin"
    tells_any_hub = False  # only a parent is told how its process ended
    processes_each = 1

    def __init__(self, directory: Path, kind: type = Described, **traits: Any) -> None:
        super().__init__(directory)
        self.plugin_hub = LonelyHub()
        self.hubs: list[PluginSpawner] = []
        config = Config()
        config.Spawner.cmd = self.settings.cmd
        config.SimpleLocalProcessSpawner.home_dir_template = self.settings.home_dir_template
        config.Spawner.update(traits)
        self.plugin = PluginSpawnerSettings(plugin=PluginSettings(kind, config))

    def hub(self) -> PluginSpawner:
        hub = PluginSpawner(self.plugin, self.directory)
        hub.attach(self.plugin_hub)
        self.hubs.append(hub)
        return hub

    def attempt(self, **behaviour: Any) -> Attempt:
        attempt = super().attempt(**behaviour)
        number = len(self.spawn_ids)
        return replace(
            attempt,
            user_id="u1",
            server=f"n{number}",
            server_id=f"server{number}",
            prefix=f"/user/alice/n{number}/",
            user_options={"behaviour": attempt.environment["BEHAVIOUR"]},
        )

    async def wait_up(self, url: str) -> None:
        assert await wait_server_up(f"{url}/user/alice/n1/api") == "6.1.1"

    async def close(self) -> None:
        await super().close()
        for hub in self.hubs:
            await hub.close()
        while Described.launched:
            await trio.to_thread.run_sync(
                Described.launched.pop().wait
            )  # this process is the parent of them all


World = SimulatedWorld | LocalWorld
