"""The kind of spawner whose servers are jobs of Slurm: its name, and which traits of batchspawner's never act."""

from __future__ import annotations

from core.plugins.spawner_kind import SpawnerKind
from spawners.slurm.settings import SlurmSettings
from spawners.slurm.spawner import SlurmSpawner

_OWN_COMMANDS = "the hub knows Slurm's commands, and reads their JSON"
_ENVIRONMENT = "use env_keep and environment"

KIND = SpawnerKind(
    names=("callboard-slurm",),
    folder="slurm",
    settings=SlurmSettings,
    make=SlurmSpawner,
    reasons={
        "admin_environment": _ENVIRONMENT,
        "batch_cancel_cmd": _OWN_COMMANDS,
        "batch_query_cmd": _OWN_COMMANDS,
        "batch_submit_cmd": _OWN_COMMANDS,
        "batchspawner_singleuser_cmd": "a program in the job's own script picks the port",
        "exec_prefix": "submit_as says whose the jobs are; as root the hub becomes that user without sudo",
        "req_cluster": "the hub asks one cluster, that of its slurm.conf",
        "req_host": "the node's address is Slurm's NodeAddr",
        "req_keepvars": _ENVIRONMENT,
        "req_keepvars_extra": _ENVIRONMENT,
        "req_queue": "use req_partition",
        "req_username": "submit_as says whose the jobs are",
        "startup_poll_interval": "use query_interval",
        "state_exechost_exp": _OWN_COMMANDS,
        "state_exechost_re": _OWN_COMMANDS,
        "state_pending_re": _OWN_COMMANDS,
        "state_running_re": _OWN_COMMANDS,
        "state_unknown_re": _OWN_COMMANDS,
    },
)
