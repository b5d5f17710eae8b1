"""Where a server answers, from what the `start` of a class returned."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import SpawnError
from spawners.jupyterhub.address import address_of


def spawner(ip: str = "", port: int = 0, proto: str = "http") -> Any:
    return SimpleNamespace(server=SimpleNamespace(ip=ip, port=port, proto=proto))


@pytest.mark.parametrize(
    ("returned", "url"),
    [
        (("127.0.0.1", 8888), "http://127.0.0.1:8888"),
        (["node7", "8888"], "http://node7:8888"),
        (("0.0.0.0", 1), "http://127.0.0.1:1"),
        (("", 1), "http://127.0.0.1:1"),
        (("fe80::1", 1), "http://[fe80::1]:1"),
        ("http://pod.ns:8888/user/alice/", "http://pod.ns:8888"),
        ("https://pod.ns", "https://pod.ns:443"),
        ("http://pod.ns", "http://pod.ns:80"),
        (None, "http://of-the-server:7"),
    ],
)
def test_the_address(returned: Any, url: str) -> None:
    assert address_of(returned, spawner("of-the-server", 7)) == url


@pytest.mark.parametrize("returned", [None, "", "ftp://a:1", ("127.0.0.1", 0), "nonsense"])
def test_who_does_not_say_has_not_started(returned: Any) -> None:
    with pytest.raises(SpawnError, match="does not say where the server is"):
        address_of(returned, spawner())
