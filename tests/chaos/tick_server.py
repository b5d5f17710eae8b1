"""A server that tells when it runs twice, and counts on WebSockets. Runs under `python -S -E`.

As long as it lives it holds a lock in its home; one that finds it held says so in the file `doubles` there. Every
WebSocket gets a number every 100 ms, from 0 on; everything else is answered with the server's prefix.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import struct
import threading
import time
from urllib.parse import urlsplit

KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

signal.signal(signal.SIGINT, lambda *_: os._exit(0))
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
lock = os.open(f"lock{prefix.replace('/', '-')}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.truncate(lock, 0)
    os.write(lock, f"{os.getpid()} of {os.environ['CALLBOARD_SPAWN_ID']}".encode())
except BlockingIOError:
    with open("doubles", "a") as doubles:
        other = os.pread(lock, 100, 0).decode()
        own = f"{os.getpid()} of {os.environ['CALLBOARD_SPAWN_ID']}"
        doubles.write(f"{prefix}: {own} beside {other}\n")


def serve(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        answer(connection)


def answer(connection: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(65536)
        if not more:
            return
        head += more
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            count(connection, value.strip())
            return
    body = prefix.encode()
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 6.1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
        % (len(body), body)
    )


def count(connection: socket.socket, key: bytes) -> None:
    accept = base64.b64encode(hashlib.sha1(key + KEY).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )
    number = 0
    while True:
        text = b"%d" % number
        connection.sendall(struct.pack("!BB", 0x81, len(text)) + text)
        number += 1
        time.sleep(0.1)


parts = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((parts.hostname, parts.port))
listener.listen(64)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
