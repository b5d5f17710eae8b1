"""A server for tests that starts quickly: what it does is in its environment, under BEHAVIOUR, as JSON.

exit      ends with this status ...
signal    ... or kills itself with this signal ...
after     ... after so many seconds ...
up        ... in which it listens
stubborn  ignores SIGINT and SIGTERM
children  starts this many descendants, in turn in its own session and in others
orphans   ... whose parent ends at once
detached  ... all in sessions of their own
says      writes this so many times: [text, count]
waits     ... until this file is there, before it listens
listens   "child": a child of it does; "orphan": one whose parent has ended; "away": one in another session, too
tell      writes its environment, its arguments, its directory and its user to this file
"""

import json
import os
import signal
import socket
import sys
import time

behaviour = json.loads(os.environ.get("BEHAVIOUR", "{}"))
signal.signal(signal.SIGINT, signal.SIG_DFL)
if behaviour.get("stubborn"):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

for number in range(behaviour.get("children", 0)):
    if os.fork() == 0:
        if number % 2 or behaviour.get("detached"):
            os.setsid()
        if behaviour.get("orphans") and os.fork():
            os._exit(0)
        time.sleep(1000)
        os._exit(0)
    if behaviour.get("orphans"):
        os.wait()

text, count = behaviour.get("says", ["hello", 1])
for _ in range(count):
    print(text, flush=count < 10)
print(f"pid {os.getpid()}", flush=True)

if "tell" in behaviour:
    told = [dict(os.environ), sys.argv[1:], os.getcwd(), os.getuid(), os.getgid(), os.getgroups()]
    with open(behaviour["tell"] + ".part", "w") as file:
        json.dump(told, file)
    os.rename(behaviour["tell"] + ".part", behaviour["tell"])


def end(*_):
    if "signal" in behaviour:
        os.kill(os.getpid(), behaviour["signal"])
    os._exit(behaviour["exit"])


if behaviour.get("up"):
    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, behaviour["after"])
elif "exit" in behaviour or "signal" in behaviour:
    time.sleep(behaviour.get("after", 0))
    end()

while "waits" in behaviour and not os.path.exists(behaviour["waits"]):
    time.sleep(0.01)

who = behaviour.get("listens")
if who:
    child = os.fork()
    if child == 0 and who != "child" and os.fork():
        os._exit(0)
    if child:
        if who != "child":
            os.waitpid(child, 0)
        time.sleep(1000)
    if who == "away":
        os.setsid()

host, _, port = os.environ["JUPYTERHUB_SERVICE_URL"].split("/")[2].rpartition(":")
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((host, int(port)))
listener.listen()
while True:
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 6.1.1\r\nContent-Length: 0\r\n\r\n")
    connection.close()
