"""An API server of Kubernetes as far as spawners ask it, with processes of this machine as pods.

Its answers have the shapes that kube-apiserver 1.20 and a kubelet gave: a pod is Pending, unscheduled, then
ContainerCreating, then Running and ready; its events are Scheduled, Pulling, Pulled, Created, Started. Watches begin
at a resourceVersion and end after `timeoutSeconds`.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

KINDS = {"pods": "Pod", "events": "Event", "persistentvolumeclaims": "PersistentVolumeClaim"}
_EVENTS = {
    "Scheduled": "Successfully assigned default/{pod} to node1",
    "Pulling": 'Pulling image "{image}"',
    "Pulled": 'Successfully pulled image "{image}"',
    "Created": "Created container notebook",
    "Started": "Started container notebook",
}

Thing = dict[str, Any]


class Change(NamedTuple):
    version: int
    resource: str
    type: str
    thing: str  # as JSON, for it changes later


class Refused(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": status,
        }


class Cluster:
    """`down`: connections are cut without an answer. `unschedulable`: pods stay Pending.

    `pull_seconds`: how long a node needs for an image.
    """

    def __init__(self) -> None:
        self.down = False
        self.unschedulable = False
        self.pull_seconds = 0.0
        self.requests: list[str] = []
        self._things: dict[str, dict[str, Thing]] = {resource: {} for resource in KINDS}
        self._changes: list[Change] = []
        self._changed = threading.Condition()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._version = 100

    # --- what it is asked ---

    def things(self, resource: str, selector: str = "") -> list[Thing]:
        return [thing for thing in list(self._things[resource].values()) if _selected(thing, selector)]

    def list(self, resource: str, selector: str) -> Thing:
        with self._changed:
            return {
                "kind": f"{KINDS[resource]}List",
                "apiVersion": "v1",
                "metadata": {"resourceVersion": str(self._version)},
                "items": self.things(resource, selector),
            }

    def get(self, resource: str, name: str) -> Thing:
        try:
            return self._things[resource][name]
        except KeyError:
            raise Refused(404, "NotFound", f'{resource} "{name}" not found') from None

    def create(self, resource: str, thing: Thing) -> Thing:
        name = thing["metadata"]["name"]
        if name in self._things[resource]:
            raise Refused(409, "AlreadyExists", f'{resource} "{name}" already exists')
        thing["metadata"] |= {
            "namespace": "default",
            "uid": os.urandom(8).hex(),
            "creationTimestamp": _now(),
        }
        if resource == "pods":
            thing["status"] = {"phase": "Pending", "conditions": [_unscheduled()], "qosClass": "BestEffort"}
        self._keep(resource, "ADDED", thing)
        if resource == "pods" and not self.unschedulable:
            threading.Thread(target=self._run, args=(thing,), daemon=True).start()
        return thing

    def delete(self, resource: str, name: str) -> Thing:
        thing = self.get(resource, name)
        if process := self._processes.pop(name, None):
            process.kill()
            process.wait(10)
        del self._things[resource][name]
        self._tell(resource, "DELETED", thing)
        return thing

    def watch(self, resource: str, selector: str, since: int, seconds: float) -> Any:
        """Changes as lines of JSON, until so many seconds have passed or it is down."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.down:
            with self._changed:
                if self._version <= since:
                    self._changed.wait(0.2)
                news = [change for change in self._changes if change.version > since]
                since = self._version
            for change in news:
                thing = json.loads(change.thing)
                if change.resource == resource and _selected(thing, selector):
                    yield json.dumps({"type": change.type, "object": thing}).encode() + b"\n"

    # --- what a node does ---

    def _run(self, pod: Thing) -> None:
        name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]
        for reason in ("Scheduled", "Pulling"):
            self._event(pod, reason)
        time.sleep(self.pull_seconds)
        pod["spec"]["nodeName"] = "node1"
        self._status(pod, "Pending", {"waiting": {"reason": "ContainerCreating"}}, ready=False)
        command = [*(container.get("command") or []), *(container.get("args") or [])]
        environment = {one["name"]: one.get("value", "") for one in container.get("env", [])}
        self._processes[name] = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        for reason in ("Pulled", "Created", "Started"):
            self._event(pod, reason)
        self._status(pod, "Running", {"running": {"startedAt": _now()}}, ready=True)

    def end(self, name: str, status: int = 137) -> None:
        """The container of a pod ends by itself."""
        process = self._processes.pop(name)
        process.kill()
        process.wait(10)
        ended = {"terminated": {"exitCode": status, "reason": "OOMKilled", "finishedAt": _now()}}
        self._status(self.get("pods", name), "Failed", ended, ready=False)

    def _status(self, pod: Thing, phase: str, state: Thing, *, ready: bool) -> None:
        pod["status"] |= {
            "phase": phase,
            "hostIP": "127.0.0.1",
            "podIP": "127.0.0.1",
            "startTime": _now(),
            "conditions": [
                {"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": str(ready)},
            ],
            "containerStatuses": [
                {
                    "name": "notebook",
                    "image": pod["spec"]["containers"][0]["image"],
                    "imageID": "sha256:0",
                    "ready": ready,
                    "restartCount": 0,
                    "state": state,
                }
            ],
        }
        self._keep("pods", "MODIFIED", pod)

    def _event(self, pod: Thing, reason: str) -> None:
        name, image = pod["metadata"]["name"], pod["spec"]["containers"][0]["image"]
        self._keep(
            "events",
            "ADDED",
            {
                "metadata": {
                    "name": f"{name}.{os.urandom(4).hex()}",
                    "namespace": "default",
                    "uid": os.urandom(8).hex(),
                },
                "involvedObject": {
                    "kind": "Pod",
                    "namespace": "default",
                    "name": name,
                    "uid": pod["metadata"]["uid"],
                },
                "type": "Normal",
                "reason": reason,
                "message": _EVENTS[reason].format(pod=name, image=image),
                "firstTimestamp": _now(),
                "lastTimestamp": _now(),
                "eventTime": None,
            },
        )

    def _keep(self, resource: str, kind: str, thing: Thing) -> None:
        self._things[resource][thing["metadata"]["name"]] = thing
        self._tell(resource, kind, thing)

    def _tell(self, resource: str, kind: str, thing: Thing) -> None:
        with self._changed:
            self._version += 1
            thing["metadata"]["resourceVersion"] = str(self._version)
            self._changes.append(Change(self._version, resource, kind, json.dumps(thing)))
            self._changed.notify_all()

    def close(self) -> None:
        self.down = True
        for process in self._processes.values():
            process.kill()
            process.wait(10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or "null")
        url = urlsplit(self.path)
        self.cluster.requests.append(f"{self.command} {self.path}")
        if self.cluster.down:
            self.close_connection = True
            return
        try:
            self._route(url.path.strip("/").split("/")[4:], dict(parse_qsl(url.query)), body)
        except Refused as error:
            self._send(error.status, error.body)

    do_GET = do_POST = do_DELETE = answer

    def _route(self, parts: list[str], query: dict[str, str], body: Any) -> None:
        """`parts`: what follows /api/v1/namespaces/{namespace}/."""
        resource, name = parts[0], parts[1] if len(parts) > 1 else ""
        if resource not in KINDS:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        selector = query.get("labelSelector", "")
        match self.command, name:
            case "GET", "" if query.get("watch"):
                self._stream(resource, selector, query)
            case "GET", "":
                self._send(200, self.cluster.list(resource, selector))
            case "GET", _:
                self._send(200, self.cluster.get(resource, name))
            case "POST", _:
                self._send(201, self.cluster.create(resource, body))
            case _:
                self._send(200, self.cluster.delete(resource, name))

    def _stream(self, resource: str, selector: str, query: dict[str, str]) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        since, seconds = int(query.get("resourceVersion", 0)), float(query.get("timeoutSeconds", 10))
        with suppress(OSError):
            for line in self.cluster.watch(resource, selector, since, seconds):
                self.wfile.write(line)
                self.wfile.flush()

    def _send(self, status: int, answer: Thing) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it: `Cluster.requests` has what was asked."""


class KubeApi:
    """Serves a cluster on 127.0.0.1, from threads."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        handler = type("Handler", (_Handler,), {"cluster": self.cluster})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def kubeconfig(self) -> str:
        """What KUBECONFIG names the file of."""
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "tested", "cluster": {"server": self.url}}],
                "users": [{"name": "hub", "user": {}}],
                "contexts": [{"name": "tested", "context": {"cluster": "tested", "user": "hub"}}],
                "current-context": "tested",
            }
        )

    def close(self) -> None:
        self.cluster.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _selected(thing: Thing, selector: str) -> bool:
    wanted = dict(one.split("=", 1) for one in selector.split(",") if "=" in one)
    return wanted.items() <= thing["metadata"].get("labels", {}).items()


def _unscheduled() -> Thing:
    return {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
