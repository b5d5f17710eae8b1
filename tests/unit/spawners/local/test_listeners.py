"""Reading the kernel's list of listeners, and whom of them a connection reaches."""

from __future__ import annotations

import os
import socket

import pytest

from spawners.local.listeners import Listener, parse, reached, read_listeners

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000"


def row(address: str, state: str = "0A", uid: int = 1000, inode: int = 7) -> str:
    return f"   0: {address} 00000000:0000 {state} {REST}  {uid}        0 {inode} 1 0000000063 100 0 0 10 0\n"


@pytest.mark.parametrize(
    ("family", "address", "found"),
    [
        (socket.AF_INET, "0100007F:1F90", ("127.0.0.1", 8080)),
        (socket.AF_INET, "00000000:0016", ("0.0.0.0", 22)),
        (socket.AF_INET6, "00000000000000000000000000000000:0050", ("::", 80)),
        (socket.AF_INET6, "00000000000000000000000001000000:0050", ("::1", 80)),
        (socket.AF_INET6, "0000000000000000FFFF00000100007F:0050", ("::ffff:127.0.0.1", 80)),
        (socket.AF_INET6, "000080FE00000000FF005450B6AD1DFE:0050", ("fe80::5054:ff:fe1d:adb6", 80)),
    ],
)
def test_rows_are_read(
    family: int, address: str, found: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.byteorder", "little")
    assert list(parse([HEAD, row(address)], family)) == [Listener(*found, uid=1000, inode=7)]


def test_connections_behind_the_listeners_are_not_read() -> None:
    rows = [HEAD, row("0100007F:1F90"), row("0100007F:1F91", state="01"), "nonsense"]
    assert [one.port for one in parse(rows, socket.AF_INET)] == [8080]


def test_a_list_without_listeners_is_empty() -> None:
    assert list(parse([HEAD], socket.AF_INET)) == []


@pytest.mark.parametrize(
    ("host", "listening", "answering"),
    [
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.1"]),
        ("127.0.0.1", ["0.0.0.0"], ["0.0.0.0"]),
        ("127.0.0.1", ["::"], ["::"]),
        ("127.0.0.1", ["0.0.0.0", "127.0.0.1"], ["127.0.0.1"]),
        ("127.0.0.1", ["0.0.0.0", "::"], ["0.0.0.0"]),
        ("127.0.0.1", ["0.0.0.0", "::ffff:127.0.0.1"], ["::ffff:127.0.0.1"]),
        ("127.0.0.1", ["127.0.0.1", "127.0.0.1"], ["127.0.0.1", "127.0.0.1"]),
        ("127.0.0.1", ["127.0.0.2", "::1", "10.0.0.1"], []),
        ("127.0.0.1", [], []),
        ("::1", ["::1", "::"], ["::1"]),
        ("::1", ["::"], ["::"]),
        ("0:0:0:0:0:0:0:1", ["::1"], ["::1"]),
        ("::1", ["0.0.0.0", "127.0.0.1"], []),
        ("localhost", ["10.0.0.1", "::"], ["10.0.0.1", "::"]),
    ],
)
def test_the_nearest_address_answers(host: str, listening: list[str], answering: list[str]) -> None:
    listeners = [Listener(address, 80, 0, number) for number, address in enumerate(listening)]
    assert [one.address for one in reached(host, listeners)] == answering


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "0.0.0.0")],
)
def test_the_kernel_lists_what_listens_here(family: int, address: str) -> None:
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        port = listener.getsockname()[1]
        assert read_listeners(port) == []
        listener.listen()
        inode = os.fstat(listener.fileno()).st_ino
        assert read_listeners(port) == [Listener(address, port, os.geteuid(), inode)]
    assert read_listeners(port) == []
