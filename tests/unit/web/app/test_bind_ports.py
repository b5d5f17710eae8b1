"""On which port one listens, by what the URL to bind says of it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from web.app.listen import listen
from web.http1.listen import Listeners
from web.proxies.free_address import check_free


@pytest.mark.parametrize("bind", [listen, Listeners, check_free])
@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://127.0.0.1", 80),
        ("http://127.0.0.1/", 80),
        ("https://127.0.0.1", 443),
        ("http://127.0.0.1:0", 0),
        ("https://127.0.0.1:0", 0),
        ("http://127.0.0.1:8000", 8000),
        ("https://127.0.0.1:80", 80),
    ],
)
def test_whoever_binds_a_url_binds_the_same_port(
    bind: Callable[[str], Any], url: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Asked(socket.socket):
        """Is bound to any free port, whatever it is told."""

        def bind(self, address: Any) -> None:
            asked.append(address)
            super().bind((address[0], 0))

    monkeypatch.setattr(socket, "socket", Asked)
    opened = bind(url)
    if opened is not None:
        opened.close()
    assert asked == [("127.0.0.1", port)]


def test_two_who_ask_for_any_port_do_not_meet() -> None:
    with contextlib.closing(listen("http://127.0.0.1:0")) as one, listen("http://127.0.0.1:0") as other:
        assert one.getsockname() != other.getsockname()
