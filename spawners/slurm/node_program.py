"""What a job runs on its node: it picks a port, becomes the server, and tells the hub once the server listens.

    python3 -I -c TEXT COMMAND [ARGUMENT...]

Its text is in the job's script, so any Python from 3.6 on must do, with the standard library alone. What it is told is
in the environment: see `script.py`.
"""

import errno
import json
import os
import random
import socket
import sys
import time
import urllib.error
import urllib.request

STRIDE = 7919  # a prime
LOWEST, HIGHEST = 16384, 32767  # below the ports that the kernel gives to outgoing connections
CERTAIN = 2  # looks in a row: one that is just ending cannot be looked into
LISTENS = "0A"  # the state of a socket in /proc/net/tcp
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
SHORTEST, LONGEST = 0.1, 10.0  # seconds between tries
ANSWER_TIMEOUT = 20.0


def pick(ip: str, ports: str, job: int) -> int:
    """A port on which nobody listens. `ports`: `FIRST-LAST` to choose from; empty: any.

    `job`: its number. Jobs that begin at the same moment look at different ports first.
    """
    first, _, last = ports.partition("-")
    among = list(range(int(first or LOWEST), int(last or HIGHEST) + 1))
    usual = among.pop(job * STRIDE % len(among))
    random.shuffle(among)
    for port in [usual, *among]:
        with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((ip, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise
            return port
    raise SystemExit("callboard: all ports that a server may have are taken on this node")


def listeners(port: int, uid: int) -> "set[str]":
    """The sockets, as links to them read, at which processes of this user listen on this port."""
    found = set()
    for table in TABLES:
        try:
            with open(table) as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == LISTENS and int(row[1].rpartition(":")[2], 16) == port and int(row[7]) == uid:
                found.add("socket:[" + row[9] + "]")
    return found


def family(server: int) -> "list[int]":
    """The server, its descendants, and what shares its session."""
    parents, found = {}, []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/" + name + "/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(name)] = int(fields[1])
        if int(fields[3]) == server:
            found.append(int(name))
    for pid in parents:
        ancestor = pid
        while ancestor in parents and ancestor != server:
            ancestor = parents[ancestor]
        if ancestor == server:
            found.append(pid)
    return found


def has_open(pid: int, sockets: "set[str]") -> bool:
    """Raises OSError where nobody may look."""
    folder = "/proc/" + str(pid) + "/fd/"
    for name in os.listdir(folder):
        try:
            if os.readlink(folder + name) in sockets:
                return True
        except OSError:
            continue
    return False


def listens(server: int, port: int) -> bool:
    """Whether the server listens on this port: not another one, not even of the same user.

    One that nobody may look into is believed to do so where one of its user does.
    """
    sockets = listeners(port, os.getuid())
    if not sockets:
        return False
    for pid in family(server):
        try:
            if has_open(pid, sockets):
                return True
        except PermissionError:
            if pid == server:
                return True
        except OSError:
            continue  # it is about to end
    return False


def is_alive(pid: int) -> bool:
    """One that has ended and that nobody has waited for yet does not count."""
    try:
        with open("/proc/" + str(pid) + "/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def report(url: str, token: str, port: int) -> bool:
    """Tell the hub the port. True once there is no more to be said; False where it has to be said again."""
    body = json.dumps({"port": port}).encode()
    headers = {"Authorization": "token " + token, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 -- the hub's own address
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        direct.open(request, timeout=ANSWER_TIMEOUT).close()
    except urllib.error.HTTPError as error:
        if 400 <= error.code < 500 and error.code != 429:
            print("callboard: the hub does not want this server:", error.code, flush=True)
            return True
        return False
    except (OSError, ValueError):
        return False
    return True


def tell(server: int, port: int, url: str, token: str) -> None:
    """Until the hub has been told, or the server has ended."""
    pause, in_a_row = SHORTEST, 0
    while is_alive(server) and in_a_row < CERTAIN:
        in_a_row = in_a_row + 1 if listens(server, port) else 0
        time.sleep(SHORTEST)
    while is_alive(server) and not report(url, token, port):
        time.sleep(pause)
        pause = min(2 * pause, LONGEST)


def apart(server: int, port: int, url: str, token: str) -> None:
    """In a process that is no child of the server's: a server waits for no children but its own."""
    if os.fork() == 0:
        if os.fork() == 0:
            tell(server, port, url, token)
        os._exit(0)
    os.wait()


def main() -> None:
    ip = os.environ.pop("CALLBOARD_LISTEN_IP")
    port = pick(ip, os.environ.pop("CALLBOARD_PORTS"), int(os.environ.get("SLURM_JOB_ID", "0")))
    host = "[" + ip + "]" if ":" in ip else ip
    prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
    os.environ["JUPYTERHUB_SERVICE_URL"] = "http://" + host + ":" + str(port) + prefix
    apart(os.getpid(), port, os.environ.pop("CALLBOARD_REPORT_TO"), os.environ["JUPYTERHUB_API_TOKEN"])
    try:
        os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 -- what the administrator configured
    except OSError as error:
        print("callboard: the server's command cannot be run:", sys.argv[1], error, flush=True)
        sys.exit(127)


if __name__ == "__main__":
    main()
