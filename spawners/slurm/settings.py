"""The settings of servers that are jobs of Slurm, and what the options of one start may do to them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self

from msgspec import Meta, field
from msgspec.structs import replace

from core.errors import SpawnError
from core.plugins.hooks import trio_hook
from core.settings import Count, Ignore, Port, Prepare, Seconds, SpawnerSettings
from spawners.slurm import quantities
from spawners.slurm.form import Amount, form_of
from spawners.slurm.template import check_template

_HELP = {
    "Slurm": {
        "job_name": "What the names of jobs begin with: another for each hub that uses the cluster.",
        "submit_as": "`user`: a job belongs to the system's user of that name; `hub`: to the hub's own account.",
        "req_partition": "The partition of a job. In this and others `{username}` and `{servername}` are filled in.",
        "req_account": "The account that is charged.",
        "req_qos": "The quality of service.",
        "req_reservation": "The reservation that a job runs in.",
        "req_runtime": "How long a job may run: `90` (minutes), `8:00:00` or `2-12`; as the partition says by default.",
        "req_memory": "Memory of a job, such as `4G`; `mem_limit` by default.",
        "req_nprocs": "CPUs of a job; `cpu_limit`, rounded up, by default.",
        "req_ngpus": "GPUs of a job.",
        "req_gres": "Other generic resources, such as `license:1`.",
        "req_options": "More options of sbatch, as on its command line: `--constraint=intel --exclusive`.",
        "req_prologue": "Lines of bash before the server begins: `module load python`.",
        "req_epilogue": "Lines of bash after it has ended.",
        "req_srun": "What starts the server within the job, such as `srun`; nothing by default.",
        "req_homedir": "Where a server begins, and its HOME; the account's home by default.",
        "batch_script": "A template of the whole job script, where the one that there is does not do.",
        "output_file": "Where a job writes, with `{homedir}`, `{username}`, `{spawn_id}`; read as that user.",
        "port_range": "The first and the last port that servers are given on their nodes.",
        "node_python": "What picks the port on the node: any Python from 3.6 on.",
    },
    "What a start may ask for": {
        "partitions": "Partitions that people may choose from; none: there is only `req_partition`.",
        "max_runtime": "The longest time that may be asked for with `runtime`; empty: nobody may ask.",
        "max_memory": "The same for `memory` ...",
        "max_nprocs": "... for `cpus` ...",
        "max_ngpus": "... and for `gpus`.",
    },
    "Asking Slurm": {
        "query_interval": "Seconds between two questions to the controller, however many servers there are.",
        "watch_interval": "Seconds after which it is asked anew although nobody waits.",
        "command_timeout": "Seconds that a command of Slurm may take.",
    },
}

Interval = Annotated[float, Meta(ge=0.01, le=50)]  # the hub is to be heard of its engine once a minute


def _checked(check: Callable[[str], Any]) -> Prepare:
    def prepare(value: Any, _: Ignore) -> Any:
        if isinstance(value, str) and value:
            check(value)
        return value

    return prepare


def _number(value: Any, _: Ignore) -> Any:
    """Of a text too, as batchspawner has it; an empty one is none."""
    if isinstance(value, str):
        return int(value) if value.strip().isdecimal() else 0 if not value.strip() else value
    return value


def _options(text: str) -> None:
    """Raises ValueError for what would make more than one job of a start."""
    if any(word.partition("=")[0] in ("-a", "--array") for word in shlex.split(text)):
        raise ValueError("an array is more than one job")


_PREPARE: dict[str, Prepare] = {
    "req_runtime": _checked(quantities.seconds),
    "max_runtime": _checked(quantities.seconds),
    "req_memory": _checked(quantities.megabytes),
    "max_memory": _checked(quantities.megabytes),
    "req_options": _checked(_options),
    "req_srun": _checked(shlex.split),
    "batch_script": _checked(check_template),
    "req_nprocs": _number,
    "req_ngpus": _number,
}


_LOOKED_UP_FOR_EACH_START = """
    submit_as req_partition req_account req_qos req_reservation req_runtime req_memory req_nprocs req_ngpus req_gres
    req_options req_prologue req_epilogue req_srun req_homedir batch_script output_file node_python port_range
    partitions max_runtime max_memory max_nprocs max_ngpus
    """


class SlurmSettings(SpawnerSettings, frozen=True):
    """`c.SlurmSpawner`. The names, where they can mean the same, are those of batchspawner 1.3."""

    section: ClassVar[str] = "SlurmSpawner"
    help: ClassVar[Mapping[str, Mapping[str, str]]] = _HELP
    prepare: ClassVar[Mapping[str, Prepare]] = MappingProxyType(_PREPARE)
    changeable: ClassVar[frozenset[str]] = frozenset(_LOOKED_UP_FOR_EACH_START.split())

    ip: str = "0.0.0.0"  # noqa: S104 -- a server on another machine than its proxy
    start_timeout: Seconds = 300
    job_name: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.]{1,40}\Z")] = "callboard"
    submit_as: Literal["user", "hub"] = "user"
    req_partition: str = ""
    req_account: str = ""
    req_qos: str = ""
    req_reservation: str = ""
    req_runtime: str = ""
    req_memory: str = ""
    req_nprocs: Count = 0
    req_ngpus: Count = 0
    req_gres: str = ""
    req_options: str = ""
    req_prologue: str = ""
    req_epilogue: str = ""
    req_srun: str = ""
    req_homedir: str = ""
    batch_script: str = ""
    output_file: str = "{homedir}/.callboard-{spawn_id}.log"
    node_python: str = "python3"
    port_range: tuple[Port, Port] | None = None
    partitions: list[str] = field(default_factory=list)
    max_runtime: str = ""
    max_memory: str = ""
    max_nprocs: Count = 0
    max_ngpus: Count = 0
    query_interval: Interval = 1.0
    watch_interval: Interval = 10.0
    command_timeout: Annotated[Seconds, Meta(gt=0)] = 30

    @property
    def stop_timeout(self) -> Seconds:
        """Slurm's own escalation (its KillWait is 30 seconds as a rule), and its epilogue."""
        return 120

    @property
    def memory(self) -> int | None:
        """In megabytes; None: what the partition gives."""
        if self.req_memory:
            return quantities.megabytes(self.req_memory)
        return None if self.mem_limit is None else math.ceil(self.mem_limit / 2**20)

    @property
    def cpus(self) -> int:
        """0: what the partition gives."""
        return self.req_nprocs or math.ceil(self.cpu_limit or 0)

    @property
    def form(self) -> Any:
        """With what is free now in each partition, as far as that is known: Slurm is not asked for it."""
        has_choices = len(self.offered) > 1 or self.amounts
        return self.options_form or (partial(_form, self) if has_choices else "")

    @property
    def offered(self) -> list[str]:
        """The partitions to choose from, the usual one first."""
        return list(dict.fromkeys([self.req_partition, *self.partitions]))

    @property
    def amounts(self) -> list[Amount]:
        """What else may be chosen."""
        every = [
            Amount("runtime", "Time", self.req_runtime, self.max_runtime),
            Amount("memory", "Memory", self.req_memory, self.max_memory),
            Amount("cpus", "CPUs", str(self.req_nprocs or ""), str(self.max_nprocs or "")),
            Amount("gpus", "GPUs", str(self.req_ngpus or ""), str(self.max_ngpus or "")),
        ]
        return [amount for amount in every if amount.most]

    def with_options(self, user_options: Mapping[str, Any]) -> Self:
        """`partition`, `runtime`, `memory`, `cpus` and `gpus` within their bounds; all others mean nothing here."""
        changes: dict[str, Any] = {}
        for name, choose in _CHOICES.items():
            if (value := _single(user_options.get(name))) not in (None, ""):
                changes |= choose(self, value)
        return replace(self, **changes) if changes else self


@trio_hook
async def _form(settings: SlurmSettings, spawner: Any) -> str:
    """For the view of a spawner, which knows what is free."""
    return form_of(settings.offered, settings.amounts, spawner.free_now())


def _single(value: Any) -> Any:
    """Of a form's field, which is a list, its one value."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _refused(message: str) -> SpawnError:
    return SpawnError(message, status=400)


def _partition(settings: SlurmSettings, value: Any) -> dict[str, Any]:
    if value not in (settings.req_partition, *settings.partitions):
        raise _refused(f"There is no partition {value!r} to choose.")
    return {"req_partition": value}


def _runtime(settings: SlurmSettings, value: Any) -> dict[str, Any]:
    most = quantities.seconds(settings.max_runtime) if settings.max_runtime else 0
    asked = _amount(value, quantities.seconds, "runtime")
    _within("runtime", asked, most, settings.max_runtime)
    return {"req_runtime": quantities.clock(asked)}


def _memory(settings: SlurmSettings, value: Any) -> dict[str, Any]:
    most = quantities.megabytes(settings.max_memory) if settings.max_memory else 0
    asked = _amount(value, quantities.megabytes, "memory")
    _within("memory", asked, most, settings.max_memory)
    return {"req_memory": f"{asked}M"}


def _cpus(settings: SlurmSettings, value: Any) -> dict[str, Any]:
    asked = _amount(value, _count, "cpus")
    _within("cpus", asked, settings.max_nprocs, str(settings.max_nprocs))
    return {"req_nprocs": asked}


def _gpus(settings: SlurmSettings, value: Any) -> dict[str, Any]:
    asked = _amount(value, _count, "gpus")
    if asked:
        _within("gpus", asked, settings.max_ngpus, str(settings.max_ngpus))
    return {"req_ngpus": asked}


_CHOICES: dict[str, Callable[[SlurmSettings, Any], dict[str, Any]]] = {
    "partition": _partition,
    "runtime": _runtime,
    "memory": _memory,
    "cpus": _cpus,
    "gpus": _gpus,
}
OPTIONS = frozenset(_CHOICES)


def _amount(value: Any, read: Callable[[str], int], name: str) -> int:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            return read(str(value))
        except ValueError as error:
            raise _refused(f"The option {name} is invalid: {error}.") from error
    raise _refused(f"The option {name} is invalid.")


def _within(name: str, asked: int, most: int, told: str) -> None:
    if not most:
        raise _refused(f"The option {name} cannot be chosen here.")
    if not 0 < asked <= most:
        raise _refused(f"The option {name} is out of bounds: it may be {told} at most.")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise ValueError("expected a number")
    return int(text)
