"""systemd-run and systemctl, as far as systemdspawner calls them, where no systemd runs: a service is a session.

Each service has a file in the directory SYSTEMD_STATE: the pid, and the arguments it was asked for with. What
properties mean (limits, private directories, dynamic users) is systemd's, and nothing of it is done here.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ["SYSTEMD_STATE"])


def run(arguments: list[str]) -> int:
    unit = arguments[arguments.index("--unit") + 1]
    directory = arguments[arguments.index("--working-directory") + 1]
    options = [one for one in arguments if one.startswith(("--property=", "--uid=", "--gid=", "--slice="))]
    command = arguments[max(arguments.index(one) for one in options) + 1 :]
    [file] = [one.partition("EnvironmentFile=")[2] for one in options if "EnvironmentFile=" in one]
    pairs = (line.split("=", 1) for line in Path(file).read_text().splitlines() if "=" in line)
    environment = {name: "".join(shlex.split(value)) for name, value in pairs}
    nowhere = subprocess.DEVNULL
    service = subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        start_new_session=True,
        stdin=nowhere,
        stdout=nowhere,
        stderr=nowhere,
    )
    service.returncode = 0  # nobody waits for it here
    (STATE / unit).write_text(json.dumps([service.pid, options]))
    return 0


def pid_of(unit: str) -> int | None:
    """Of a service that is active."""
    try:
        pid = int(json.loads((STATE / unit).read_text())[0])
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return None
    return None if state in "ZX" else pid


def control(arguments: list[str]) -> int:
    match arguments:
        case ["--version"]:
            print("systemd 252 (a fake)")
        case ["is-active", unit]:
            return 0 if pid_of(unit) else 3
        case ["is-failed", _]:
            return 1
        case ["stop", unit]:
            if pid := pid_of(unit):
                os.killpg(pid, signal.SIGKILL)
            (STATE / unit).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[2:]) if sys.argv[1] == "run" else control(sys.argv[2:]))
