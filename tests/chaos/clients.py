"""Clients at work. Each records what was asked, answered and read, and changes subjects that nobody else does."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import requests
import websocket

from tests.chaos.history import Operation, Outcome, Page, Read, Recorder, Socket
from tests.chaos.subjects import Call, is_there, making, reading, removing
from tests.integration.hub import ADMIN_TOKEN, RealHub

PATIENCE = 8.0  # seconds for an answer
UNHEARD = 0.2  # seconds before asking again where there was no answer
PACE = 0.08  # seconds between two requests of a client, on average
OWNER = "holder"  # of the server whose WebSockets are held


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

    def ask(self, call: Call, token: str = ADMIN_TOKEN) -> requests.Response | None:
        """The answer, if there was one."""
        try:
            return self._hub.api(
                call.method, call.path, json=call.json, token=token, direct=self._direct, timeout=PATIENCE
            )
        except requests.RequestException:
            time.sleep(UNHEARD)
            return None

    def make(self, subject: str) -> Outcome:
        return self._change(subject, True, making(subject))

    def remove(self, subject: str) -> Outcome:
        return self._change(subject, False, removing(subject))

    def _change(self, subject: str, wants: bool, call: Call) -> Outcome:
        """Ask for a change, and record how that went."""
        answer = self.ask(call)
        operation = outcome_of(self._clock(), subject, wants, answer)
        self._recorder.operation(operation)
        return operation.outcome

    def read(self, subject: str) -> None:
        """Record whether it is there, if that can be told now."""
        answer = self.ask(reading(subject))
        if answer is not None and is_of_hub(answer) and answer.status_code in (200, 404):
            present = answer.status_code == 200 and is_there(subject, answer.json())
            self._recorder.operation(Read(self._clock(), subject, present))


def is_of_hub(answer: requests.Response) -> bool:
    """Not one of the proxy's own, which knows nothing of what the hub does."""
    return "X-Request-Id" in answer.headers


def outcome_of(at: float, subject: str, wants: bool, answer: requests.Response | None) -> Operation:
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
        if not self._there or self._rng.random() < 0.5:
            self._begin(self._rng.choice(("user", "group")))
        elif self._rng.random() < 0.5:
            self.read(self._rng.choice(self._there))
        else:
            self._finish(self._rng.choice(self._there))

    def _begin(self, noun: str) -> None:
        subject = f"{noun}/{self.fresh(noun)}"
        if self.make(subject) is not Outcome.REFUSED:
            self._there.append(subject)

    def _finish(self, subject: str) -> None:
        if self.remove(subject) is not Outcome.REFUSED:
            self._there.remove(subject)


class Grouper(Client):
    """Makes groups, and the client's user a member of some."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._members: list[str] = []

    def step(self) -> None:
        chance = self._rng.random()
        if not self._members or chance < 0.2:
            self._begin(self.fresh("crew"))
        else:
            member = self._rng.choice(self._members)
            (self.make if chance < 0.4 else self.remove if chance < 0.6 else self.read)(member)

    def _begin(self, group: str) -> None:
        if self.make(f"group/{group}") is Outcome.DONE:
            self._members.append(f"member/{group}/{self.name}")


class Leaver(Client):
    """Makes users who start a server and are deleted while it starts or runs."""

    def step(self) -> None:
        user = self.fresh("user")
        if self.make(f"user/{user}") is not Outcome.DONE:
            return
        self.ask(making(f"server/{user}/"))
        time.sleep(self._rng.uniform(0, 1))
        self.remove(f"user/{user}")


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
        answer = self.ask(Call("POST", f"/users/{self.name}/tokens", {}))
        operation = outcome_of(self._clock(), f"token-wanted/{self.fresh('token')}", True, answer)
        if operation.outcome is Outcome.DONE and answer is not None:
            made = answer.json()
            self._held[made["id"]] = made["token"]
            operation = operation._replace(subject=self._subject(made["id"]))
        self._recorder.operation(operation)

    def _revoke(self, token: str) -> None:
        if self.remove(self._subject(token)) is not Outcome.REFUSED:
            self._revoked[token] = self._held.pop(token)

    def _use(self, token: str) -> None:
        answer = self.ask(Call("GET", "/user"), token={**self._held, **self._revoked}[token])
        if answer is not None and is_of_hub(answer) and answer.status_code in (200, 403):
            self._recorder.operation(Read(self._clock(), self._subject(token), answer.status_code == 200))

    def _subject(self, token: str) -> str:
        return f"token/{self.name}/{token}"

    def look_at_all(self) -> None:
        for token in [*self._held, *self._revoked]:
            self._use(token)


class Starter(Client):
    """Starts, visits and stops two servers of the client's user."""

    def step(self) -> None:
        server, chance = self._rng.choice(("", "lab")), self._rng.random()
        subject = f"server/{self.name}/{server}"
        if chance < 0.3:
            self.make(subject)
        elif chance < 0.5:
            self.remove(subject)
        elif chance < 0.7:
            self.read(subject)
        else:
            self._visit(f"/user/{self.name}/{server}/" if server else f"/user/{self.name}/")

    def _visit(self, prefix: str) -> None:
        """Only servers answer with 200: the hub sends everybody elsewhere."""
        try:
            answer = self._hub.request("GET", f"{prefix}page", timeout=PATIENCE)
        except requests.RequestException:
            return
        if answer.status_code == 200:
            self._recorder.page(Page(self._clock(), prefix, answer.text))


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
