"""A form with a hundred megabytes, through the real proxy into a real hub."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

import psutil
import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

MIB = 2**20
SIZE = 100 * MIB - 4096  # what is around the file counts too
CONFIG = """
import hashlib
c.Spawner.options_form = '<label>Data <input name="data" type="file"></label>'

def read(form):
    (file,) = form["data_file"]
    return {"size": len(file["body"]), "digest": hashlib.sha256(file["body"]).hexdigest(), "name": file["filename"]}

c.Spawner.options_from_form = read
"""


def log_in(hub: RealHub, browser: requests.Session, name: str) -> None:
    browser.get(f"{hub.url}/hub/login")
    fields = {"_xsrf": browser.cookies["_xsrf"], "username": name, "password": ""}
    assert browser.post(f"{hub.url}/hub/login?next=/hub/home", data=fields).ok


def form(content: Iterator[bytes]) -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="data"; filename="data.bin"\r\n\r\n'
    yield from content
    yield b"\r\n--b--\r\n"


def test_a_hundred_megabytes_come_through_and_are_not_in_memory(make_hub: MakeHub) -> None:
    hub = make_hub(config=CONFIG)
    hub.start()
    hub.add_user("alice")
    pieces = [random.Random(number).randbytes(MIB) for number in range(4)]
    sizes, digest = [], hashlib.sha256()

    def content() -> Iterator[bytes]:
        """Sent without a length, while others ask the hub."""
        process, left, number = psutil.Process(hub.pid), SIZE, 0
        while left:
            piece = pieces[number % 4][:left]
            left, number = left - len(piece), number + 1
            digest.update(piece)
            yield piece
            if number % 20 == 0:
                sizes.append(process.memory_info().rss)
                assert requests.get(f"{hub.url}/hub/health", timeout=10).ok

    with requests.Session() as browser:
        log_in(hub, browser, "alice")
        before = psutil.Process(hub.pid).memory_info().rss
        answer = browser.post(
            f"{hub.url}/hub/spawn/alice?_xsrf={browser.cookies['_xsrf']}",
            data=form(content()),
            headers={"Content-Type": "multipart/form-data; boundary=b"},
            allow_redirects=False,
            timeout=120,
        )
        assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/spawn-pending/alice")
    options = hub.user("alice")["servers"][""]["user_options"]
    assert options == {"size": SIZE, "digest": digest.hexdigest(), "name": "data.bin"}
    assert max(sizes) - before < 30 * MIB, "while it came"


def test_who_is_not_logged_in_leaves_nothing_in_memory(make_hub: MakeHub) -> None:
    hub = make_hub(config=CONFIG)
    hub.start()
    process = psutil.Process(hub.pid)
    before, sizes = process.memory_info().rss, []

    def content() -> Iterator[bytes]:
        for number in range(100):
            yield bytes(MIB)
            if number % 10 == 9:
                sizes.append(process.memory_info().rss)

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    try:
        answer = requests.post(
            f"{hub.url}/hub/spawn/alice", data=form(content()), headers=headers, timeout=60
        )
    except requests.ConnectionError:
        pass  # it went on sending, and what was said before the end is lost to this client
    else:
        assert answer.status_code == 413
    assert requests.get(f"{hub.url}/hub/health", timeout=10).ok
    assert max(sizes, default=before) - before < 30 * MIB
