"""Clients at work. Each records what was asked, answered and read, and changes subjects that nobody else does."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import requests
import websocket

from tests.chaos.history import Operation, Outcome, Read, Recorder, Socket
from tests.integration.hub import ADMIN_TOKEN, RealHub

PATIENCE = 8.0  # seconds for an answer
PACE = 0.08  # seconds between two requests of a client, on average
OWNER = "holder"  # of the server whose WebSockets are held
GOING = ("spawn", "check")  # `pending` of a server that runs, or is to


class Client:
    """One of many. `direct`: asks the hub at its own port, not through the proxy."""

    def __init__(self, hub: RealHub, recorder: Recorder, clock: Callable[[], float], name: str, seed: str):
        self.name = name
        self._hub = hub
        self._recorder = recorder
        self._clock = clock
        self._rng = random.Random(seed)
        self._numbers = iter(range(10**6))
        self._direct = self._rng.random() < 0.5
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()

    def run(self) -> None:
        while not self._over.is_set():
            self.step()
            time.sleep(self._rng.uniform(0, 2 * PACE))

    def step(self) -> None:
        raise NotImplementedError

    def fresh(self, noun: str) -> str:
        return f"{noun}-{self.name}-{next(self._numbers)}"

    def ask(
        self, method: str, path: str, token: str = ADMIN_TOKEN, **options: Any
    ) -> requests.Response | None:
        """The answer, if there was one."""
        try:
            return self._hub.api(method, path, token=token, direct=self._direct, timeout=PATIENCE, **options)
        except requests.RequestException:
            return None

    def change(self, subject: str, wants: bool, method: str, path: str, **options: Any) -> Operation:
        """Ask for a change, and note how that went."""
        answer = self.ask(method, path, **options)
        operation = noted(self._clock(), subject, wants, answer)
        self._recorder.operation(operation)
        return operation

    def read(self, subject: str, present: bool) -> None:
        self._recorder.operation(Read(self._clock(), subject, present))

    def look(self, subject: str) -> None:
        """Note whether it is there, if that can be told now."""
        noun, _, name = subject.partition("/")
        path = {"user": f"/users/{name}", "group": f"/groups/{name}", "server": f"/users/{name}/servers/"}[
            noun
        ]
        answer = self.ask("GET", path)
        if answer is None or not is_of_hub(answer) or answer.status_code not in (200, 404):
            return
        is_there = answer.status_code == 200
        if is_there and noun == "server":
            model = answer.json()
            is_there = model["ready"] or model["pending"] in GOING
        self.read(subject, bool(is_there))


def is_of_hub(answer: requests.Response) -> bool:
    """Not one of the proxy's own, which knows nothing of what the hub does."""
    return "X-Request-Id" in answer.headers


def noted(at: float, subject: str, wants: bool, answer: requests.Response | None) -> Operation:
    if answer is None:
        return Operation(at, subject, wants, Outcome.UNKNOWN)
    status, said = answer.status_code, "" if answer.ok else answer.text[:300]
    if not is_of_hub(answer) or status == 500 or "not known" in said:
        return Operation(at, subject, wants, Outcome.UNKNOWN, status, "", said)
    outcome = Outcome.DONE if answer.ok else Outcome.REFUSED
    return Operation(at, subject, wants, outcome, status, answer.headers["X-Request-Id"], said)


class Registrar(Client):
    """Makes and removes users and groups."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._there: list[str] = []

    def step(self) -> None:
        if self._there and self._rng.random() < 0.5:
            self._with(self._rng.choice(self._there))
        else:
            self._make(self.fresh(self._rng.choice(("user", "group"))))

    def _make(self, name: str) -> None:
        subject = f"{name.partition('-')[0]}/{name}"
        if self.change(subject, True, "POST", path_of(subject)).outcome is not Outcome.REFUSED:
            self._there.append(subject)
        if self._rng.random() < 0.3:
            self.look(subject)

    def _with(self, subject: str) -> None:
        if self._rng.random() < 0.5:
            self.look(subject)
            return
        if self.change(subject, False, "DELETE", path_of(subject)).outcome is Outcome.DONE:
            self._there.remove(subject)


def path_of(subject: str) -> str:
    noun, _, name = subject.partition("/")
    return f"/{noun}s/{name}"


class TokenHolder(Client):
    """Has tokens given to a user, uses them and takes them back."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._held: dict[str, str] = {}  # what they are, by id
        self._revoked: dict[str, str] = {}

    def step(self) -> None:
        chance = self._rng.random()
        if not self._held or chance < 0.3:
            self._issue()
        elif chance < 0.5:
            self._revoke(self._rng.choice(list(self._held)))
        else:
            self._use(self._rng.choice(list(self._held | self._revoked)))

    def _issue(self) -> None:
        answer = self.ask("POST", f"/users/{self.name}/tokens", json={})
        operation = noted(self._clock(), f"token-wanted/{self.fresh('token')}", True, answer)
        if operation.outcome is Outcome.DONE and answer is not None:
            made = answer.json()
            self._held[made["id"]] = made["token"]
            operation = operation._replace(subject=f"token/{made['id']}")
        self._recorder.operation(operation)

    def _revoke(self, token: str) -> None:
        operation = self.change(f"token/{token}", False, "DELETE", f"/users/{self.name}/tokens/{token}")
        if operation.outcome is not Outcome.REFUSED:
            self._revoked[token] = self._held.pop(token)

    def _use(self, token: str) -> None:
        answer = self.ask("GET", "/user", token={**self._held, **self._revoked}[token])
        if answer is not None and is_of_hub(answer) and answer.status_code in (200, 403):
            self.read(f"token/{token}", answer.status_code == 200)

    def look_at_all(self) -> None:
        for token in [*self._held, *self._revoked]:
            self._use(token)


class Starter(Client):
    """Starts and stops the server of a user, who has the client's name."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.subject = f"server/{self.name}"

    def step(self) -> None:
        chance = self._rng.random()
        path = f"/users/{self.name}/server"
        if chance < 0.4:
            self.change(self.subject, True, "POST", path)
        elif chance < 0.7:
            self.change(self.subject, False, "DELETE", path)
        else:
            self.look(self.subject)


class SocketHolder(Client):
    """Holds a WebSocket for as long as it lasts, and then another. Each message is a number, one more than the last."""

    def run(self) -> None:
        while not self._over.is_set():
            self.step()

    def step(self) -> None:
        opened = self._clock()
        try:
            socket = websocket.create_connection(f"ws{self._hub.url[4:]}/user/{OWNER}/ticks", timeout=1)
        except (OSError, websocket.WebSocketException):
            time.sleep(0.1)
            return
        cut = self._hold(socket)
        self._recorder.socket(Socket(opened, self._clock(), cut))
        socket.close()

    def _hold(self, socket: websocket.WebSocket) -> str:
        """Why it ended before it was to, if so."""
        expected = 0
        while not self._over.is_set():
            try:
                message = socket.recv()
            except websocket.WebSocketTimeoutException:
                continue  # who is stopped is silent
            except (OSError, websocket.WebSocketException) as error:
                return f"{type(error).__name__} after {expected} messages"
            if message != str(expected):
                return f"{message!r} came instead of {expected}"
            expected += 1
        return ""
