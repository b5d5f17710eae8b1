"""A server for tests with real hubs: it starts in a moment and says who answers. Runs under `python -S -E`.

What else it does is told by a file `behaviour.json` in its home:

slow        waits so many seconds before it listens
exit        ends with this status instead of listening
lingers     takes so many seconds to end when it is asked to
heir        leaves each connection to a process that outlives it and goes on answering there
deaf        on SIGUSR1 it stops listening, and lives on

`GET {prefix}ticks` is a reply that never ends: a number every 50 ms, from 0 on.
`GET {prefix}self` tells its environment, arguments, directory and user.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
from urllib.parse import urlsplit

try:
    with open("behaviour.json") as file:
        behaviour = json.load(file)
except FileNotFoundError:
    behaviour = {}


def end(number: int, frame: object) -> None:
    time.sleep(behaviour.get("lingers", 0))
    os._exit(0)


signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGTERM, end)
print(f"page server {os.getpid()} for {os.environ['JUPYTERHUB_SERVICE_PREFIX']}", flush=True)
time.sleep(behaviour.get("slow", 0))
if "exit" in behaviour:
    os._exit(behaviour["exit"])


def serve(connection: socket.socket) -> None:
    try:
        _serve(connection)
    except OSError:
        pass
    finally:
        connection.close()


def leave_to_heir(connection: socket.socket) -> None:
    """Who is in a session of its own and nobody's child survives a stop in good order."""
    child = os.fork()
    if child:
        connection.close()
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    listener.close()
    while _serve(connection, b"keep-alive"):
        pass
    os._exit(0)


def _serve(connection: socket.socket, afterwards: bytes = b"close") -> bool:
    """Whether there was a request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return False
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    path = head.split()[1].decode()
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65536)
    if path.endswith("/ticks"):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
        number = 0
        while True:
            connection.sendall(b"%d\n" % number)
            number += 1
            time.sleep(0.05)
    told = {
        "pid": os.getpid(),
        "spawn_id": os.environ.get("CALLBOARD_SPAWN_ID", ""),
        "prefix": os.environ["JUPYTERHUB_SERVICE_PREFIX"],
        "path": path,
        "received": len(body),
    }
    if path.endswith("/self"):
        told = {
            "environment": dict(os.environ),
            "arguments": sys.argv[1:],
            "directory": os.getcwd(),
            "user": os.getuid(),
        }
    answer = json.dumps(told).encode()
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-JupyterHub-Version: 6.1.1\r\n"
        b"Connection: %b\r\nContent-Length: %d\r\n\r\n%b" % (afterwards, len(answer), answer)
    )
    return True


parts = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((parts.hostname, parts.port))
listener.listen(64)


def go_deaf(number: int, frame: object) -> None:
    listener.close()
    time.sleep(1000)


if behaviour.get("deaf"):
    signal.signal(signal.SIGUSR1, go_deaf)
while True:
    accepted, _ = listener.accept()
    if behaviour.get("heir"):
        leave_to_heir(accepted)
        continue
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
